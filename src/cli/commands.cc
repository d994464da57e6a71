#include "cli/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <map>

#include "base/clock.h"
#include "base/terminal.h"
#include "base/text.h"
#include "cli/admin_client.h"
#include "cli/terminal.h"
#include "codec/json_value.h"
#include "server/run.h"
#include "server/version.h"

namespace boreal::cli {

namespace {

int failed(const Error& error) {
  fmt::print(stderr, "boreal: {}\n", plain(error.message()));
  return 1;
}

// Asks, and prints what the server says of a refusal.
Result<std::string> ask_ok(const Target& target, const std::string& method, const std::string& path) {
  TRY(auto answer, ask(target, method, path));
  if (answer.status == 200) return std::move(answer.body);
  std::string why = answer.body;
  if (const auto document = json::parse(answer.body);
      document && document->find("message") && document->find("message")->string()) {
    why = *document->find("message")->string();
  }
  return fail(Errc::conflict, fmt::format("the server refused ({}): {}", answer.status, why));
}

// "90d", "12h", "30m", "10s" → milliseconds.
Result<int64_t> parse_span(const std::string& text) {
  static constexpr std::pair<char, int64_t> units[] = {{'s', 1000}, {'m', 60'000}, {'h', 3'600'000}, {'d', 86'400'000}};
  for (const auto& [unit, ms] : units) {
    if (text.size() > 1 && text.back() == unit) {
      const auto count = parse_int(std::string_view(text).substr(0, text.size() - 1), 0, 36'500);
      if (count) return *count * ms;
    }
  }
  return fail(Errc::invalid,
              fmt::format("'{}' is not a span of time; write 90d, 12h, 30m or 10s, with a number up to 36500", text));
}

int print_answer(const Result<std::string>& answer) {
  if (!answer) return failed(answer.error());
  fmt::print("{}\n", plain(trim(*answer)));
  return 0;
}

std::string variables_of(const server::RunInfo& info, std::string_view format) {
  std::string lines;
  const auto add = [&](std::string_view name, std::string_view value) {
    lines += format == "dotenv" ? fmt::format("{}={}\n", name, plain(value))
                                : fmt::format("export {}={}\n", name, shell_word(value));
  };
  add("AWS_ENDPOINT_URL", info.url);
  add("AWS_DEFAULT_REGION", info.region);
  // S3 Control's clients put the account in front of the host, which no address can bear.
  constexpr std::string_view loopback = "http://127.0.0.1:";
  if (info.url.starts_with(loopback))
    add("AWS_ENDPOINT_URL_S3_CONTROL", "http://localhost:" + info.url.substr(loopback.size()));
  if (info.dev) {
    add("AWS_ACCESS_KEY_ID", "test");
    add("AWS_SECRET_ACCESS_KEY", "test");
  }
  return lines;
}

std::string text_in(const json::Value& object, std::string_view member) {
  const json::Value* value = object.find(member);
  return value && value->string() ? plain(*value->string()) : "";
}

int64_t number_in(const json::Value& object, std::string_view member) {
  const json::Value* value = object.find(member);
  return value ? value->integer().value_or(0) : 0;
}

// What replication did since the start, bucket by bucket elsewhere; their names are not told to everybody.
void print_remotes(const json::Value& state) {
  const json::Value* all = state.find("replication");
  const int64_t count = all ? number_in(*all, "remote_buckets") : 0;
  if (count == 0) return;
  const json::Value* remotes = state.find("remote_buckets");
  if (remotes == nullptr || remotes->object() == nullptr) {
    fmt::print("\n  {} remote bucket{}, {} in trouble; who may read run.key in the data folder is told their names\n",
               count, count == 1 ? "" : "s", number_in(*all, "in_trouble"));
    return;
  }
  fmt::print("\n  {:<30}{:>10}{:>10}{:>10}\n", "remote bucket", "completed", "failed", "pending");
  for (const auto& [name, remote] : *remotes->object()) {
    const std::string trouble = text_in(remote, "trouble");
    fmt::print("  {:<30}{:>10}{:>10}{:>10}{}{}\n", plain(name), number_in(remote, "completed"),
               number_in(remote, "failed"), number_in(remote, "pending"), trouble.empty() ? "" : "  ", trouble);
  }
}

std::string databases_in(const json::Value& counts) {
  const int64_t clusters = number_in(counts, "clusters");
  if (clusters == 0) return "none";
  return fmt::format("{} of {} clusters, {} of {} instances available", number_in(counts, "clusters_available"),
                     clusters, number_in(counts, "instances_available"), number_in(counts, "instances"));
}

// Why is told below the table, once for all that it concerns: it is long.
void print_services(const json::Value::Object& services, bool colour) {
  std::map<std::string, std::string> troubles;  // with the names of those that have them
  fmt::print("\n  {:<16}{:<12}{:>10}\n", "service", "status", "calls");
  for (const auto& [name, service] : services) {
    const std::string status = text_in(service, "status");
    const auto* calls = service.find("calls");
    const bool is_degraded = status == "degraded";
    const bool is_yellow = is_degraded && colour;
    fmt::print("  {:<16}{}{:<12}{}{:>10}\n", plain(name), is_yellow ? "\x1b[33m" : "", status.empty() ? "?" : status,
               is_yellow ? "\x1b[0m" : "",
               calls ? std::to_string(calls->integer().value_or(0)) : "-");  // not told to everybody
    if (!is_degraded) continue;
    std::string why = text_in(service, "trouble");
    if (why.empty()) why = "who may read run.key in the data folder is told why";
    std::string& names = troubles[why];
    names += (names.empty() ? "" : ", ") + plain(name);
  }
  if (!troubles.empty()) fmt::print("\n");
  for (const auto& [why, names] : troubles) fmt::print("  {}: {}\n", names, why);
}

void print_status(const server::RunInfo& info, const json::Value& state) {
  const bool colour = shows_colour(STDOUT_FILENO);
  const auto row = [](std::string_view name, std::string_view value) {
    fmt::print("  {:<10}{}\n", name, plain(value));
  };
  const json::Value* ready = state.find("ready");
  const bool is_ready = ready && ready->boolean().value_or(false);
  fmt::print("boreal {}  {}{}{}\n\n", plain(info.version), colour ? (is_ready ? "\x1b[32m" : "\x1b[33m") : "",
             is_ready ? "ready" : "not ready", colour ? "\x1b[0m" : "");
  row("APIs", info.url);
  if (!info.data_folder.empty()) row("data", info.data_folder);
  row("region", info.region);
  row("mode", info.dev ? "dev" : "serve");
  if (info.pid != 0) {
    row("process",
        fmt::format("{}, up {}", info.pid, format_duration(Duration(SystemClock().now().ms - info.started_ms))));
  }
  const std::string store = text_in(state, "store");
  if (store == "full") row("store", "the disk is full: writes are refused until it has room");
  if (store == "failed") row("store", "a write has failed, and its like are refused since: mend the disk, start again");
  if (const json::Value* databases = state.find("databases")) row("databases", databases_in(*databases));
  const json::Value* services = state.find("services");
  if (services == nullptr || services->object() == nullptr) return;
  print_services(*services->object(), colour);
  print_remotes(state);
}

}  // namespace

int status(const Target& target, const Output& output) {
  const auto answer = ask(target, "GET", "health/ready");
  if (!answer) return failed(answer.error());
  if (output.format == "json") {
    fmt::print("{}", answer->body);
    return answer->status == 200 ? 0 : 1;
  }
  const auto info = who_gave(target, *answer);
  if (!info) return failed(info.error());
  if (output.format == "env") {
    fmt::print("{}", variables_of(*info, "shell"));
    return 0;
  }
  const auto state = json::parse(answer->body);
  if (!state) return failed(state.error());
  print_status(*info, *state);
  return answer->status == 200 ? 0 : 1;
}

int env(const Target& target, const std::string& format) {
  const auto answer = ask(target, "GET", "health/ready");
  if (!answer) return failed(answer.error());
  const auto info = who_gave(target, *answer);
  if (!info) return failed(info.error());
  fmt::print("{}", variables_of(*info, format));
  return 0;
}

int healthcheck(const Target& target, const std::string& wait) {
  const auto wait_ms = wait.empty() ? Result<int64_t>(0) : parse_span(wait);
  if (!wait_ms) {
    failed(wait_ms.error());
    return 2;
  }
  const int64_t deadline_ns = monotonic_ns() + *wait_ms * 1'000'000;
  for (;;) {
    const auto answer = ask(target, "GET", "health/ready");
    if (answer && answer->status == 200) return 0;
    if (monotonic_ns() >= deadline_ns) {
      if (!answer) return failed(answer.error());
      return failed(Error(Errc::unavailable, fmt::format("not ready ({}): {}", answer->status, trim(answer->body))));
    }
    block_for(Duration(50));
  }
}

int clock_show(const Target& target) { return print_answer(ask_ok(target, "GET", "clock")); }

int clock_advance(const Target& target, const std::string& by) {
  const auto ms = parse_span(by);
  if (!ms) {
    fmt::print(stderr, "boreal: {}\n", ms.error().message());
    return 2;
  }
  const auto answer = ask_ok(target, "POST", fmt::format("clock?advance_ms={}", *ms));
  if (answer && answer->find("\"settled\":false") != std::string::npos) {
    fmt::print(stderr, "boreal: the clock is moved; some of what fell due by it is still being done\n");
  }
  return print_answer(answer);
}

int clock_reset(const Target& target) { return print_answer(ask_ok(target, "POST", "clock?reset")); }

int reset(const Target& target) {
  const auto answer = ask_ok(target, "POST", "reset");
  if (!answer) return failed(answer.error());
  fmt::print("All state is gone; the server goes on, empty.\n");
  return 0;
}

int version(const Output& output) {
  if (output.format == "json") {
    fmt::print("{{\"version\":\"{}\",\"compiler\":\"{}\"}}\n", server::version, __VERSION__);
  } else {
    fmt::print("{}\n", version_line());
  }
  return 0;
}

std::string version_line() { return fmt::format("boreal {} ({})", server::version, __VERSION__); }

}  // namespace boreal::cli
