#include "postgres/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <charconv>

namespace boreal::postgres {

namespace {

constexpr size_t max_answer_bytes = 64 << 20;
constexpr std::string_view sqlstate_mark = "SQLSTATE ";

PGconn* as_pg(void* raw) { return static_cast<PGconn*>(raw); }

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

std::string trimmed(const char* text) {
  std::string message = text ? text : "";
  while (message.ends_with('\n') || message.ends_with(' ')) message.pop_back();
  for (char& c : message) {
    if (c == '\n') c = ' ';
  }
  return message;
}

Errc kind_of(std::string_view sqlstate) {
  if (sqlstate.starts_with("08") || sqlstate.starts_with("57P")) return Errc::unavailable;
  if (sqlstate.starts_with("28") || sqlstate == "42501") return Errc::denied;
  if (sqlstate == "42710" || sqlstate == "42P04" || sqlstate == "42P06" || sqlstate == "42P07") return Errc::exists;
  if (sqlstate == "42704" || sqlstate == "3D000" || sqlstate == "42P01") return Errc::not_found;
  if (sqlstate.starts_with("25") || sqlstate.starts_with("55") || sqlstate.starts_with("40")) return Errc::conflict;
  if (sqlstate.starts_with("53")) return sqlstate == "53100" ? Errc::no_space : Errc::unavailable;
  if (sqlstate.starts_with("58")) return Errc::io;
  if (sqlstate.starts_with("XX")) return Errc::corrupt;
  return Errc::invalid;
}

Error server_error(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string sqlstate = state ? state : "";
  if (sqlstate.empty()) return {Errc::unavailable, trimmed(PQresultErrorMessage(result))};
  std::string message = trimmed(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
  for (const int field : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT}) {
    if (const char* more = PQresultErrorField(result, field)) message += "; " + trimmed(more);
  }
  return {kind_of(sqlstate), fmt::format("{} ({}{})", message, sqlstate_mark, sqlstate)};
}

Result<Rows> to_rows(const PGresult* result) {
  Rows rows;
  const int columns = PQnfields(result);
  const int count = PQntuples(result);
  size_t total_bytes = 0;
  for (int column = 0; column < columns; ++column) rows.columns.emplace_back(PQfname(result, column));
  for (int row = 0; row < count; ++row) {
    auto& values = rows.rows.emplace_back();
    for (int column = 0; column < columns; ++column) {
      if (PQgetisnull(result, row, column)) {
        values.emplace_back();
        continue;
      }
      const auto length = static_cast<size_t>(PQgetlength(result, row, column));
      total_bytes += length;
      if (total_bytes > max_answer_bytes) return fail(Errc::too_large, "the answer of the query is too large");
      values.emplace_back(std::in_place, PQgetvalue(result, row, column), length);
    }
  }
  const std::string_view affected = PQcmdTuples(const_cast<PGresult*>(result));
  std::from_chars(affected.data(), affected.data() + affected.size(), rows.affected);
  return rows;
}

std::string quote(std::string_view text, char mark) {
  std::string out(1, mark);
  for (const char c : text) {
    if (c == mark) out += mark;
    out += c;
  }
  return out + mark;
}

}  // namespace

std::string Rows::scalar() const {
  if (rows.empty() || rows[0].empty()) return {};
  return rows[0][0].value_or("");
}

std::string quote_identifier(std::string_view name) { return quote(name, '"'); }

std::string quote_literal(std::string_view value) {
  if (value.find('\\') == std::string_view::npos) return quote(value, '\'');
  // The E'' form reads backslashes the same whatever standard_conforming_strings says.
  std::string escaped;
  for (const char c : value) escaped += c == '\\' ? std::string("\\\\") : std::string(1, c);
  return "E" + quote(escaped, '\'');
}

std::string_view sqlstate_of(const Error& error) {
  const std::string_view message = error.message();
  const size_t at = message.rfind(sqlstate_mark);
  if (at == std::string_view::npos || message.size() < at + sqlstate_mark.size() + 5) return {};
  return message.substr(at + sqlstate_mark.size(), 5);
}

Task<Result<std::unique_ptr<Connection>>> Connection::open(net::Loop& loop, Parameters parameters, Duration timeout) {
  // What libpq would otherwise take from our environment and home folder.
  parameters.try_emplace("options", "");
  parameters.try_emplace("passfile", "/dev/null/none");
  parameters.try_emplace("sslmode", "prefer");
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  PGconn* raw = PQconnectStartParams(keywords.data(), values.data(), 0);
  if (!raw) co_return fail(Errc::internal, "libpq has no memory for a connection");
  auto connection = std::unique_ptr<Connection>(new Connection(loop, raw));
  CO_CHECK(co_await connection->finish_opening(timeout));
  co_return std::move(connection);
}

Connection::~Connection() { close(); }

void Connection::close() {
  if (raw_) PQfinish(as_pg(std::exchange(raw_, nullptr)));
}

Error Connection::broken() {
  const std::string message = trimmed(PQerrorMessage(as_pg(raw_)));
  close();
  return {Errc::unavailable, message.empty() ? "the connection is broken" : message};
}

Task<Result<void>> Connection::finish_opening(Duration timeout) {
  auto* raw = as_pg(raw_);
  if (PQstatus(raw) == CONNECTION_BAD) co_return std::unexpected(broken());
  auto wanted = PGRES_POLLING_WRITING;
  const int64_t deadline_ns = monotonic_ns() + timeout.count() * 1'000'000;
  while (wanted != PGRES_POLLING_OK) {
    if (wanted == PGRES_POLLING_FAILED) co_return std::unexpected(broken());
    const Duration left((deadline_ns - monotonic_ns()) / 1'000'000);
    if (left.count() <= 0) co_return fail(Errc::timeout, "the server did not answer in time");
    if (wanted == PGRES_POLLING_READING) {
      CO_CHECK(co_await loop_.readable(PQsocket(raw), left));
    } else {
      CO_CHECK(co_await loop_.writable(PQsocket(raw), left));
    }
    wanted = PQconnectPoll(raw);
  }
  if (PQsetnonblocking(raw, 1) != 0) co_return std::unexpected(broken());
  // Notices of the server ("there is already a transaction in progress") are for people: not on our stderr.
  PQsetNoticeReceiver(raw, [](void*, const PGresult*) {}, nullptr);
  co_return Result<void>();
}

Task<Result<Rows>> Connection::query(std::string sql, std::vector<std::optional<std::string>> values,
                                     Duration timeout) {
  const auto turn = co_await turn_.lock();
  if (!raw_) co_return fail(Errc::unavailable, "the connection is closed");
  int sent = 0;
  if (values.empty()) {
    sent = PQsendQuery(as_pg(raw_), sql.c_str());
  } else {
    std::vector<const char*> texts;
    for (const auto& value : values) texts.push_back(value ? value->c_str() : nullptr);
    sent = PQsendQueryParams(as_pg(raw_), sql.c_str(), static_cast<int>(texts.size()), nullptr, texts.data(), nullptr,
                             nullptr, 0);
  }
  if (!sent) co_return std::unexpected(broken());
  auto rows = co_await answer(timeout);
  // What is left of an unfinished answer would be taken for the next one's.
  if (!rows && raw_ && PQtransactionStatus(as_pg(raw_)) == PQTRANS_ACTIVE) close();
  co_return rows;
}

Task<Result<Rows>> Connection::answer(Duration timeout) {
  Result<Rows> rows;
  for (;;) {
    CO_CHECK(co_await wait_for_answer(timeout));
    const ResultHandle result(PQgetResult(as_pg(raw_)));
    if (!result) co_return rows;
    switch (PQresultStatus(result.get())) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK: rows = to_rows(result.get()); break;
      case PGRES_EMPTY_QUERY: break;
      case PGRES_FATAL_ERROR: rows = std::unexpected(server_error(result.get())); break;
      default: co_return fail(Errc::unsupported, "this connection does not do COPY");
    }
    if (PQstatus(as_pg(raw_)) == CONNECTION_BAD) {
      if (rows) rows = std::unexpected(broken());
      close();
      co_return rows;
    }
  }
}

// Until PQgetResult would not block.
Task<Result<void>> Connection::wait_for_answer(Duration timeout) {
  const int64_t deadline_ns = monotonic_ns() + timeout.count() * 1'000'000;
  for (;;) {
    auto* raw = as_pg(raw_);
    const int unsent = PQflush(raw);
    if (unsent < 0) co_return std::unexpected(broken());
    if (unsent == 0 && !PQisBusy(raw)) co_return Result<void>();
    const Duration left((deadline_ns - monotonic_ns()) / 1'000'000);
    if (left.count() <= 0) {
      close();
      co_return fail(Errc::timeout, fmt::format("the server did not answer within {} ms", timeout.count()));
    }
    // A server that sends before it has read all would want both; what is sent here is a few kilobytes.
    auto ready =
        unsent > 0 ? co_await loop_.writable(PQsocket(raw), left) : co_await loop_.readable(PQsocket(raw), left);
    if (!ready && ready.error().code() == Errc::timeout) continue;
    CO_CHECK(std::move(ready));
    if (!PQconsumeInput(raw)) co_return std::unexpected(broken());
  }
}

}  // namespace boreal::postgres
