// Host names to addresses, on threads of their own: the system's resolver waits for seconds when nobody answers, and
// names come from callers. On the pool that disk work is on, a few that do not resolve would hold everything up.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "io/pool.h"
#include "net/resolve.h"

namespace boreal::dms {

// Thread rule: the loop.
class Names {
 public:
  using LookUp = std::function<Result<std::vector<net::Address>>(const std::string& host, uint16_t port)>;
  explicit Names(LookUp look_up = net::look_up) : look_up_(std::move(look_up)) {}

  void start() { pool_.start(); }
  // Ends what waits for a thread with Errc::cancelled; what has one has its seconds.
  void end() { ending_ = true; }
  // After end(), when nobody waits any more.
  void stop() { pool_.stop(); }

  Task<Result<std::vector<net::Address>>> look_up(std::string host, uint16_t port) {
    co_return co_await pool_.run([&]() -> Result<std::vector<net::Address>> {
      if (ending_) return fail(Errc::cancelled, "the server ends");
      return look_up_(host, port);
    });
  }

 private:
  static constexpr size_t threads = 4;
  const LookUp look_up_;
  std::atomic<bool> ending_ = false;
  io::Pool pool_{threads};
};

}  // namespace boreal::dms
