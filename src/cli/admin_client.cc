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

Result<net::Address> address_of(std::string_view url) {
  if (url.starts_with("https://")) {
    return fail(Errc::unsupported,
                fmt::format("{}: the command line speaks plain HTTP; write http://, the same port answers it", url));
  }
  if (url.starts_with("http://")) url.remove_prefix(7);
  std::string address(url.substr(0, url.find('/')));
  constexpr std::string_view here = "localhost";
  if (address == here || address.starts_with("localhost:")) address.replace(0, here.size(), "127.0.0.1");
  return net::Address::parse(address, 4566);
}

// A reset ends workers and PostgreSQL's servers first, and a moved clock waits for what fell due.
constexpr Duration longest_wait{120'000};

Task<void> fetch_and_stop(net::Loop& loop, net::Address to, http::ClientRequest request,
                          Result<http::ClientAnswer>& answer) {
  http::ClientOptions options{.connect = {.timeout = Duration(5000)}};
  if (request.method == "POST") options.timeout = longest_wait;
  answer = co_await http::fetch(loop, std::move(to), std::move(request), std::move(options));
  loop.stop();
}

}  // namespace

Result<http::ClientAnswer> ask(const Target& target, const std::string& method, const std::string& path) {
  TRY(const std::string url, url_of(target));
  TRY(auto to, address_of(url));
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
