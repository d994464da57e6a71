#include "cli/admin_client.h"

#include <fmt/format.h>

#include "server/run.h"

namespace boreal::cli {

namespace {

Result<std::string> url_of(const Target& target) {
  if (!target.url.empty()) return target.url;
  TRY(const auto info, server::read_run_info(target.data_folder));
  return info.url;
}

Task<void> fetch_and_stop(net::Loop& loop, net::Address to, http::ClientRequest request, Result<http::ClientAnswer>& answer) {
  answer = co_await http::fetch(loop, std::move(to), std::move(request), {.connect = {.timeout = Duration(5000)}});
  loop.stop();
}

}  // namespace

Result<http::ClientAnswer> ask(const Target& target, const std::string& method, const std::string& path) {
  TRY(const std::string url, url_of(target));
  std::string_view address = url;
  if (address.starts_with("http://")) address.remove_prefix(7);
  address = address.substr(0, address.find('/'));
  TRY(auto to, net::Address::parse(address, 4566));
  net::Loop loop;
  Result<http::ClientAnswer> answer = fail(Errc::internal, "not asked");
  http::ClientRequest request{.method = method, .target = "/_boreal/" + path};
  if (target.url.empty()) {
    // Who may not read it is told less.
    if (const auto key = server::read_operator_key(target.data_folder))
      request.headers.add(server::operator_field, *key);
  }
  spawn(fetch_and_stop(loop, std::move(to), std::move(request), answer));
  loop.run();
  if (!answer) {
    return fail(Errc::unavailable, fmt::format("no boreal answers at {}: {}", url, answer.error().message()));
  }
  return answer;
}

}  // namespace boreal::cli
