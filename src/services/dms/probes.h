// Connections to the databases of endpoints, each in a process of its own. What is there is whatever a caller has
// named, and libpq trusts a server: it computes as many rounds of SCRAM as it is told to, and keeps all parameters,
// messages and rows that it is sent. In this process one such server would hold up everybody, or take all memory.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "io/pool.h"
#include "store/record.h"

namespace boreal::dms {

// How to log in, and what to ask there.
struct ProbeOrder {
  std::string addresses;  // as libpq's hostaddr has them
  int32_t port = 0;
  std::string database;
  std::string user;
  std::string password;
  std::string ssl_mode;  // libpq's word
  bool wants_schemas = false;
  BOREAL_RECORD(ProbeOrder, addresses, port, database, user, password, ssl_mode, wants_schemas)
};

struct ProbeAnswer {
  std::string failure;  // empty: it went well
  std::vector<std::string> schemas;
  BOREAL_RECORD(ProbeAnswer, failure, schemas)
};

// The only argument of that process.
inline constexpr std::string_view probe_word = "probe-database";

// Thread rule: the loop.
class Probes {
 public:
  // `program`: this one, by its path. Empty: nothing is asked anywhere.
  explicit Probes(std::string program) : program_(std::move(program)) {}

  void start() { pool_.start(); }
  // Ends what waits for its turn, and processes that run, with Errc::cancelled.
  void end() { ending_ = true; }
  // After end(), when nobody waits any more.
  void stop() { pool_.stop(); }

  // Errors are of the process: it could not be started, took too long, or ended for it took more than it may have.
  Task<Result<ProbeAnswer>> ask(ProbeOrder order);

 private:
  static constexpr size_t at_once = 16;
  const std::string program_;
  std::atomic<bool> ending_ = false;
  io::Pool pool_{at_once};
};

// What that process is: it reads its order from standard input, and answers on standard output. The exit code.
int be_probe();
// The same without bounds, as text.
std::string answer_probe(std::string_view order);

}  // namespace boreal::dms
