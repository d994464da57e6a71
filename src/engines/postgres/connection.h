// One connection to a server, through libpq, without blocking the loop
// (PostgreSQL documentation, "libpq: Asynchronous Command Processing").
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sync.h"
#include "net/loop.h"

namespace boreal::postgres {

struct Rows {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;  // as text; nullopt is NULL
  uint64_t affected = 0;

  // The only value of an answer of one row and column; empty if it is NULL or there is none.
  std::string scalar() const;
};

// Quotes for use inside SQL text where no parameter is possible (CREATE ROLE, ALTER SYSTEM, ...).
std::string quote_identifier(std::string_view name);
std::string quote_literal(std::string_view value);

// Thread rule: the loop's thread. Queries of several coroutines take turns.
class Connection {
 public:
  // Keywords of libpq. A server on the network is named by `hostaddr`: a `host` name would be looked up, which blocks.
  using Parameters = std::map<std::string, std::string>;

  static Task<Result<std::unique_ptr<Connection>>> open(net::Loop& loop, Parameters parameters,
                                                        Duration timeout = std::chrono::seconds(10));
  ~Connection();
  Connection(const Connection&) = delete;

  // Without parameters the text may hold several statements; the answer of the last one is returned.
  // Errors carry the SQLSTATE (see sqlstate_of); a timeout closes the connection. Errc::unavailable when it is gone.
  Task<Result<Rows>> query(std::string sql, std::vector<std::optional<std::string>> values = {},
                           Duration timeout = std::chrono::seconds(30));
  bool is_open() const { return raw_ != nullptr; }

 private:
  Connection(net::Loop& loop, void* raw) : loop_(loop), raw_(raw) {}
  Task<Result<void>> finish_opening(Duration timeout);
  Task<Result<void>> wait_for_answer(Duration timeout);
  Task<Result<Rows>> answer(Duration timeout);
  Error broken();
  void close();

  net::Loop& loop_;
  void* raw_;  // PGconn: libpq's header stays out of ours
  Mutex turn_;
};

// The SQLSTATE of an error that a server reported, "25006" say; empty for other errors.
std::string_view sqlstate_of(const Error& error);

}  // namespace boreal::postgres
