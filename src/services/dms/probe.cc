#include "dms/probe.h"

#include <fmt/format.h>

#include <memory>

#include "base/text.h"
#include "postgres/connection.h"

namespace boreal::dms {

namespace {

constexpr Duration connect_timeout{10'000};
constexpr Duration query_timeout{10'000};
constexpr size_t max_schemas = 10'000;

constexpr size_t max_addresses = 4;  // of a name

// All of a name's addresses, as libpq wants them to try one after another.
Task<Result<std::string>> look_up(const Tools& tools, std::string host, int32_t port) {
  auto found = co_await tools.names.look_up(host, static_cast<uint16_t>(port));
  if (!found) {
    if (found.error().code() == Errc::cancelled) co_return std::unexpected(std::move(found).error());
    co_return fail(Errc::not_found,
                   fmt::format("the server name \"{}\" cannot be resolved: {}", host, found.error().message()));
  }
  std::vector<std::string> addresses;
  for (const net::Address& address : *found) {
    if (addresses.size() < max_addresses) addresses.push_back(address.host);
  }
  co_return join(addresses, ",");
}

Task<Result<std::unique_ptr<postgres::Connection>>> connect(const Tools& tools, Login login) {
  CO_TRY(auto address, co_await look_up(tools, login.host, login.port));
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
