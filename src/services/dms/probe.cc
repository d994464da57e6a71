#include "dms/probe.h"

#include <fmt/format.h>

#include "base/text.h"
#include "dms/probes.h"

namespace boreal::dms {

namespace {

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

Task<Result<std::vector<std::string>>> ask(const Tools& tools, Login login, bool wants_schemas) {
  CO_TRY(auto addresses, co_await look_up(tools, login.host, login.port));
  ProbeOrder order{.addresses = std::move(addresses),
                   .port = login.port,
                   .database = std::move(login.database),
                   .user = std::move(login.user),
                   .password = std::move(login.password),
                   .ssl_mode = login.ssl_mode == "require" ? "require" : "disable",
                   .wants_schemas = wants_schemas};
  CO_TRY(auto answer, co_await tools.probes.ask(std::move(order)));
  if (!answer.failure.empty()) co_return fail(Errc::unavailable, std::move(answer.failure));
  co_return std::move(answer.schemas);
}

}  // namespace

Task<Result<void>> probe(const Tools& tools, Login login) {
  CO_CHECK(co_await ask(tools, std::move(login), false));
  co_return Result<void>();
}

Task<Result<std::vector<std::string>>> read_schemas(const Tools& tools, Login login) {
  return ask(tools, std::move(login), true);
}

}  // namespace boreal::dms
