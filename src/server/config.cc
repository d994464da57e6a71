#include "server/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <ranges>
#include <stdexcept>

#include "base/nearest.h"
#include "base/text.h"
#include "io/file.h"
#include "io/owner.h"
#include "net/stream.h"
#include "server/remotes.h"

// What toml++ takes for granted is not always so: then it is to refuse the file, in every build, and not to go on.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expr)                                               \
  do {                                                                  \
    if (!(expr)) throw std::runtime_error("it cannot be read as TOML"); \
  } while (false)
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace boreal::server {

namespace {

constexpr uint64_t max_file_bytes = 1 << 20;

// How one key of the file is read.
struct Setter {
  std::function<bool(Config&, const toml::node&)> set;  // false: wrong type or value
  std::string wanted;                                   // what would be right, for who wrote something else
};

template <class T>
std::string wanted() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, uint16_t>) return "a whole number from 0 to 65535";
  if constexpr (std::is_same_v<T, std::string>) return "a string, in quotes";
  return "a whole number";
}

template <class T>
Setter plain(T Config::* member) {
  const auto set = [member](Config& config, const toml::node& node) {
    const auto value = node.value<T>();
    if (value) config.*member = *value;
    return value.has_value();
  };
  return {set, wanted<T>()};
}

Setter strings(std::vector<std::string> Config::* member) {
  const auto set = [member](Config& config, const toml::node& node) {
    const auto* array = node.as_array();
    if (!array) return false;
    (config.*member).clear();
    for (const auto& element : *array) {
      const auto text = element.value<std::string>();
      if (!text) return false;
      (config.*member).push_back(*text);
    }
    return true;
  };
  return {set, R"(a list of strings, as in ["a", "b"])"};
}

bool set_engine_map(Config& config, const toml::node& node) {
  const auto text = node.value<std::string>();
  if (!text) return false;
  auto map = parse_engine_map(*text);
  if (map) config.engine_map = *map;
  return map.has_value();
}

using RemoteBucket = Config::RemoteBucket;
const std::map<std::string, std::string RemoteBucket::*, std::less<>>& remote_keys() {
  static const std::map<std::string, std::string RemoteBucket::*, std::less<>> table = {
      {"endpoint", &RemoteBucket::endpoint},
      {"region", &RemoteBucket::region},
      {"addressing", &RemoteBucket::addressing},
      {"access_key_id", &RemoteBucket::access_key_id},
      {"secret_access_key", &RemoteBucket::secret_access_key},
      {"secret_access_key_file", &RemoteBucket::secret_access_key_file},
      {"bucket", &RemoteBucket::bucket},
      {"ca_file", &RemoteBucket::ca_file},
      {"account", &RemoteBucket::account},
  };
  return table;
}

template <class Table>
std::string unknown_key(const Table& table, std::string_view key) {
  const auto meant = nearest(std::views::keys(table), key);
  return fmt::format(
      "unknown key '{}'; {}", key,
      meant ? fmt::format("did you mean '{}'?", *meant) : "the keys are: " + join(std::views::keys(table), ", "));
}

// Complaints never show a value: it may be the secret.
Result<RemoteBucket> read_remote(const std::string& path, std::string_view name, const toml::node& node) {
  const auto bad = [&](const toml::node& at, std::string why) {
    return fail(Errc::invalid, fmt::format("{}:{}: remote_buckets.{}: {}", path, at.source().begin.line, name, why));
  };
  const auto* table = node.as_table();
  if (table == nullptr) return bad(node, "is no table");
  RemoteBucket remote;
  for (const auto& [key, value] : *table) {
    const auto member = remote_keys().find(key.str());
    if (member == remote_keys().end()) {
      return bad(value, unknown_key(remote_keys(), key.str()));
    }
    const auto text = value.value<std::string>();
    if (!text) return bad(value, fmt::format("'{}' is no text", key.str()));
    remote.*member->second = *text;
  }
  return remote;
}

Result<void> read_remotes(const std::string& path, const toml::node& node,
                          std::map<std::string, RemoteBucket>& remotes) {
  const auto* table = node.as_table();
  if (table == nullptr) {
    return fail(Errc::invalid, fmt::format("{}:{}: 'remote_buckets' is no table; write [remote_buckets.NAME]", path,
                                           node.source().begin.line));
  }
  for (const auto& [name, one] : *table) {
    TRY(remotes[std::string(name.str())], read_remote(path, name.str(), one));
  }
  return {};
}

const std::map<std::string, Setter, std::less<>>& setters() {
  static const std::map<std::string, Setter, std::less<>> table = {
      {"data_folder", plain(&Config::data_folder)},
      {"key_folder", plain(&Config::key_folder)},
      {"listen_host", plain(&Config::listen_host)},
      {"port", plain(&Config::port)},
      {"account", plain(&Config::account)},
      {"region", plain(&Config::region)},
      {"tls_names", strings(&Config::tls_names)},
      {"s3_domains", strings(&Config::s3_domains)},
      {"tls_certificate_file", plain(&Config::tls_certificate_file)},
      {"tls_key_file", plain(&Config::tls_key_file)},
      {"require_tls", plain(&Config::require_tls)},
      {"metrics_key_file", plain(&Config::metrics_key_file)},
      {"log_level", plain(&Config::log_level)},
      {"log_json", plain(&Config::log_json)},
      {"log_requests", plain(&Config::log_requests)},
      {"pool_threads", plain(&Config::pool_threads)},
      {"connection_threads", plain(&Config::connection_threads)},
      {"postgres_bin_folders", strings(&Config::postgres_bin_folders)},
      {"engine_map", {set_engine_map, R"(a string of the form "13=15,14=15")"}},
      {"allow_unencrypted_storage", plain(&Config::allow_unencrypted_storage)},
      {"strict", plain(&Config::strict)},
      {"warm_pool", plain(&Config::warm_pool)},
      {"remote_buckets", {}},  // read_remotes(); here for its name
  };
  return table;
}

// Where a string of TOML that begins at `at` ends: behind its closing quotes. One that is not closed ends with its line
// (the parser refuses it there), or with the text.
size_t end_of_string(std::string_view text, size_t at) {
  const char quote = text[at];
  const std::string_view three = quote == '"' ? "\"\"\"" : "'''";
  const bool is_long = text.substr(at).starts_with(three);
  for (at += is_long ? 3 : 1; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (!is_long && (text[at] == quote || text[at] == '\n')) {
      return at + 1;
    } else if (is_long && text.substr(at).starts_with(three)) {
      at += 3;
      while (at < text.size() && text[at] == quote) ++at;  // up to two belong to the string
      return at;
    }
  }
  return text.size();
}

// TOML has letters of other alphabets in strings and comments only. toml++ 3.3 must not see them elsewhere: for some
// its is_unicode_whitespace() does what is not defined. Nor control characters, for which it would end the process in
// some places.
Result<void> check_text(std::string_view text, const std::string& path) {
  if (std::ranges::any_of(
          text, [](char c) { return (c >= 0 && c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f; })) {
    return fail(Errc::invalid, fmt::format("{}: holds control characters; it is to be a text file", path));
  }
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  for (size_t at = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = end_of_string(text, at);
    } else if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      const auto line = 1 + std::ranges::count(text.substr(0, at), '\n');
      return fail(Errc::invalid,
                  fmt::format("{}:{}: a letter that is not ASCII stands outside of a string", path, line));
    } else {
      ++at;
    }
  }
  return {};
}

}  // namespace

std::string absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  char here[4096];
  if (getcwd(here, sizeof here) == nullptr) return path;
  return fmt::format("{}/{}", here, path.starts_with("./") ? path.substr(2) : path);
}

Result<std::map<int, int>> parse_engine_map(const std::string& text) {
  std::map<int, int> map;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    int from = 0;
    int to = 0;
    auto left = std::from_chars(at, end, from);
    if (left.ec != std::errc() || left.ptr == end || *left.ptr != '=') {
      return fail(Errc::invalid, fmt::format("engine map '{}' is not of the form 13=15,14=15", text));
    }
    auto right = std::from_chars(left.ptr + 1, end, to);
    if (right.ec != std::errc() || (right.ptr != end && *right.ptr != ',')) {
      return fail(Errc::invalid, fmt::format("engine map '{}' is not of the form 13=15,14=15", text));
    }
    map[from] = to;
    at = right.ptr == end ? end : right.ptr + 1;
  }
  return map;
}

std::vector<std::string> Config::own_names() const {
  std::vector<std::string> names = {listen_host};
  for (const std::string& domain : s3_domains) names.insert(names.end(), {domain, "*." + domain});
  names.insert(names.end(), tls_names.begin(), tls_names.end());
  return names;
}

Result<void> Config::merge_file(const std::string& path) {
  TRY(const auto text, io::read_file(path, max_file_bytes));
  CHECK(check_text(text, path));
  toml::table table;
  try {
    table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return fail(Errc::invalid, fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
  } catch (const std::runtime_error& error) {
    return fail(Errc::invalid, fmt::format("{}: {}", path, error.what()));
  }
  for (const auto& [key, node] : table) {
    if (key.str() == "remote_buckets") {
      CHECK(read_remotes(path, node, remote_buckets));
      continue;
    }
    const auto setter = setters().find(key.str());
    const auto line = node.source().begin.line;
    if (setter == setters().end()) {
      return fail(Errc::invalid, fmt::format("{}:{}: {}", path, line, unknown_key(setters(), key.str())));
    }
    if (!setter->second.set(*this, node)) {
      return fail(Errc::invalid, fmt::format("{}:{}: '{}' is to be {}", path, line, key.str(), setter->second.wanted));
    }
  }
  const bool holds_secrets =
      std::ranges::any_of(remote_buckets, [](const auto& one) { return !one.second.secret_access_key.empty(); });
  if (dev || !holds_secrets) return {};
  if (auto kept = io::read_private_file(path, max_file_bytes); !kept) {
    return std::unexpected(std::move(kept).error().within(
        "a secret_access_key stands in the configuration (secret_access_key_file names a file of its own for it)"));
  }
  return {};
}

namespace {
std::string trim_slashes(const std::string& path) { return path.substr(0, path.find_last_not_of('/') + 1); }

bool is_account(const std::string& text) {
  return text.size() == 12 && text.find_first_not_of("0123456789") == std::string::npos;
}

Result<void> check_domain(const std::string& domain) {
  const bool is_name = !domain.empty() && domain.size() <= 190 && domain.front() != '.' && domain.back() != '.' &&
                       std::ranges::all_of(domain, [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
                       });
  if (is_name) return {};
  return fail(
      Errc::invalid,
      fmt::format("s3_domains: '{}' is no domain name in lower case, without port, as in \"s3.example.com\"", domain));
}
}  // namespace

std::string Config::keys() const { return key_folder.empty() ? trim_slashes(data_folder) + ".keys" : key_folder; }

Result<void> Config::validate() const {
  if (data_folder.empty()) return fail(Errc::invalid, "the data folder is empty; give --data DIR");
  const net::Address address{listen_host, port};
  if (auto literal = net::Address::parse(address.to_string()); !literal)
    return std::unexpected(std::move(literal).error().within("listen_host"));
  if (dev && !address.is_loopback()) {
    return fail(Errc::invalid, fmt::format("boreal dev listens on loopback only, not on {}: its keys are public. "
                                           "Use boreal serve --config FILE for other addresses",
                                           listen_host));
  }
  if (!is_account(account)) {
    return fail(Errc::invalid, fmt::format("account '{}' is not a number of 12 digits", account));
  }
  if (region.empty() || !std::ranges::all_of(region, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
      })) {
    return fail(Errc::invalid, fmt::format("region '{}' is none: letters, digits and '-', as in us-east-1", region));
  }
  if ((absolute(keys()) + "/").starts_with(trim_slashes(absolute(data_folder)) + "/")) {
    return fail(Errc::invalid, "the key folder must not be the data folder, nor lie in it");
  }
  if (pool_threads == 0 || pool_threads > 64) return fail(Errc::invalid, "pool_threads must be 1 to 64");
  if (connection_threads > 64) return fail(Errc::invalid, "connection_threads must be 0 to 64");
  if (warm_pool > 64) return fail(Errc::invalid, "warm_pool must be 0 to 64");
  static const std::vector<std::string> levels = {"debug", "info", "warn", "error"};
  if (std::ranges::find(levels, log_level) == levels.end()) {
    return fail(Errc::invalid, fmt::format("log level '{}' is none of debug, info, warn, error", log_level));
  }
  if (tls_certificate_file.empty() != tls_key_file.empty()) {
    return fail(Errc::invalid, "tls_certificate_file and tls_key_file are wanted both, or neither");
  }
  for (const auto& domain : s3_domains) CHECK(check_domain(domain));
  for (const auto& [name, remote] : remote_buckets) {
    CHECK(check_remote(name, remote));
    if (!remote.account.empty() && !is_account(remote.account))
      return fail(Errc::invalid, fmt::format("remote_buckets.{}: 'account' is no number of 12 digits", name));
  }
  return {};
}

}  // namespace boreal::server
