#include "dms/probe.h"

#include <fmt/format.h>
#include <netdb.h>

#include <array>
#include <memory>

#include "postgres/connection.h"

namespace boreal::dms {

namespace {

constexpr Duration connect_timeout{10'000};
constexpr Duration query_timeout{10'000};
constexpr size_t max_schemas = 10'000;

// Blocks: on the pool.
Result<std::string> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failed = getaddrinfo(host.c_str(), nullptr, &hints, &found); failed != 0) {
    return fail(Errc::not_found,
                fmt::format("the server name \"{}\" cannot be resolved: {}", host, gai_strerror(failed)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  std::array<char, NI_MAXHOST> text{};
  if (const int failed =
          getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
      failed != 0) {
    return fail(Errc::not_found,
                fmt::format("the address of \"{}\" cannot be written: {}", host, gai_strerror(failed)));
  }
  return std::string(text.data());
}

Task<Result<std::unique_ptr<postgres::Connection>>> connect(const Tools& tools, Login login) {
  const std::string host = login.host;
  CO_TRY(auto address, co_await tools.context.pool.run([&host] { return look_up(host); }));
  postgres::Connection::Parameters parameters = {
      {"hostaddr", std::move(address)}, {"port", std::to_string(login.port)},
      {"dbname", login.database},       {"user", login.user},
      {"password", login.password},     {"sslmode", login.ssl_mode == "require" ? "require" : "disable"},
      {"gssencmode", "disable"},        {"application_name", "boreal dms"},
  };
  co_return co_await postgres::Connection::open(tools.context.loop, std::move(parameters), connect_timeout);
}

}  // namespace

Task<Result<void>> probe(const Tools& tools, Login login) {
  CO_TRY(const auto connection, co_await connect(tools, std::move(login)));
  CO_TRY(const auto rows, co_await connection->query("SELECT 1", {}, query_timeout));
  if (rows.scalar() != "1") co_return fail(Errc::invalid, "the server does not answer as PostgreSQL does");
  co_return Result<void>();
}

Task<Result<std::vector<std::string>>> read_schemas(const Tools& tools, Login login) {
  CO_TRY(const auto connection, co_await connect(tools, std::move(login)));
  CO_TRY(const auto rows,
         co_await connection->query("SELECT nspname FROM pg_catalog.pg_namespace "
                                    "WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%' "
                                    "ORDER BY nspname COLLATE \"C\" LIMIT " +
                                        std::to_string(max_schemas),
                                    {}, query_timeout));
  std::vector<std::string> names;
  for (const auto& row : rows.rows) names.push_back(row.at(0).value_or(""));
  co_return names;
}

}  // namespace boreal::dms
