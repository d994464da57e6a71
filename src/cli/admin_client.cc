#include "cli/admin_client.h"

#include <fmt/format.h>

#include "codec/json_value.h"

namespace boreal::cli {

namespace {

// A reset ends workers and PostgreSQL's servers first, and a moved clock waits for what fell due.
constexpr Duration longest_wait{120'000};
constexpr int misdirected = 421;

Task<void> fetch_and_stop(net::Loop& loop, net::Address to, http::ClientRequest request,
                          Result<http::ClientAnswer>& answer) {
  http::ClientOptions options{.connect = {.timeout = Duration(5000)}};
  if (request.method == "POST") options.timeout = longest_wait;
  answer = co_await http::fetch(loop, std::move(to), std::move(request), std::move(options));
  loop.stop();
}

std::string text_in(const json::Value& object, std::string_view member) {
  const json::Value* value = object.find(member);
  return value && value->string() ? *value->string() : "";
}

Result<server::RunInfo> told_by(const std::string& url, const http::ClientAnswer& answer) {
  const auto state = json::parse(answer.body);
  server::RunInfo info{.url = url.substr(0, url.find_last_not_of('/') + 1)};
  if (!info.url.starts_with("http://")) info.url = "http://" + info.url;
  if (state) {
    info.region = text_in(*state, "region");
    info.version = text_in(*state, "version");
    info.dev = text_in(*state, "mode") == "dev";
  }
  if (info.version.empty())
    return fail(Errc::unavailable, fmt::format("what answers at {} is no boreal that is ready", info.url));
  return info;
}

}  // namespace

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

Result<http::ClientAnswer> ask(const Target& target, const std::string& method, const std::string& path) {
  server::RunInfo info{.url = target.url};
  if (target.url.empty()) {
    TRY(info, server::read_run_info(target.data_folder));
  }
  TRY(auto to, address_of(info.url));
  net::Loop loop;
  Result<http::ClientAnswer> answer = fail(Errc::internal, "not asked");
  http::ClientRequest request{.method = method, .target = "/_boreal/" + path};
  if (target.url.empty()) {
    if (!info.id.empty()) request.headers.add(server::process_field, info.id);
    // Who may not read it is told less.
    if (const auto key = server::read_operator_key(target.data_folder))
      request.headers.add(server::operator_field, *key);
  }
  spawn(fetch_and_stop(loop, std::move(to), std::move(request), answer));
  loop.run();
  if (!answer) {
    const std::string advice = target.url.empty()
                                   ? fmt::format(". If it has ended, start it again over {}", target.data_folder)
                                   : std::string(". Does it run, and is that its address?");
    return fail(Errc::unavailable,
                fmt::format("no boreal answers at {}: {}{}", info.url, answer.error().message(), advice));
  }
  if (target.url.empty() && answer->status == misdirected) {
    return fail(Errc::conflict,
                fmt::format("the boreal of {} has ended, and another answers at {} now. Start it again, "
                            "or name the other one: --data DIR or --url URL",
                            target.data_folder, info.url));
  }
  return answer;
}

Result<server::RunInfo> who_gave(const Target& target, const http::ClientAnswer& answer) {
  return target.url.empty() ? server::read_run_info(target.data_folder) : told_by(target.url, answer);
}

}  // namespace boreal::cli
