#include "postgres/config.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

namespace boreal::postgres {

const std::string_view data_folder_configuration = "include '../conf/server.conf'\n";

namespace {

// Replication here never leaves a machine: three seconds without a word mean that the other side hangs.
constexpr std::string_view defaults = R"(wal_keep_size = '256MB'
max_wal_senders = 20
max_replication_slots = 20
wal_receiver_status_interval = '1s'
wal_retrieve_retry_interval = '100ms'
wal_sender_timeout = '10s'
wal_receiver_timeout = '10s'
log_line_prefix = '%t:%r:%u@%d:[%p]:'
log_timezone = 'UTC'
timezone = 'UTC'
password_encryption = 'scram-sha-256'
)";

constexpr std::array managed_settings = {
    "listen_addresses",
    "port",
    "unix_socket_directories",
    "unix_socket_group",
    "unix_socket_permissions",
    "data_directory",
    "config_file",
    "hba_file",
    "ident_file",
    "external_pid_file",
    "ssl",
    "ssl_cert_file",
    "ssl_key_file",
    "ssl_ca_file",
    "ssl_crl_file",
    "ssl_crl_dir",
    "logging_collector",
    "log_destination",
    "log_directory",
    "log_filename",
    "log_file_mode",
    "log_rotation_age",
    "log_truncate_on_rotation",
    "primary_conninfo",
    "primary_slot_name",
    "promote_trigger_file",
    "hot_standby",
    "synchronous_standby_names",
    "full_page_writes",
    "fsync",
    // Programs that a server runs, and libraries that it loads, would do so with the rights of all our servers.
    "archive_mode",
    "archive_command",
    "archive_library",
    "archive_cleanup_command",
    "recovery_end_command",
    "restore_command",
    "ssl_passphrase_command",
    "ssl_passphrase_command_supports_reload",
    "dynamic_library_path",
    "jit_provider",
    "krb_server_keyfile",
    "ssl_dh_params_file",
    "stats_temp_directory",
    "data_sync_retry",
    "wal_log_hints",
    "recovery_target",
    "recovery_target_action",
    "recovery_target_time",
    "recovery_target_timeline",
    "recovery_target_lsn",
    "recovery_target_name",
    "recovery_target_xid",
    "recovery_target_inclusive",
    "restart_after_crash",
    "allow_in_place_tablespaces",
    "include",
    "include_dir",
    "include_if_exists",
};

// In a configuration file a quote is written twice and a backslash starts an escape.
Result<std::string> line(std::string_view name, std::string_view value) {
  std::string quoted;
  for (const char c : value) {
    if (c == '\n' || c == '\r' || c == '\0') {
      return fail(Errc::invalid, fmt::format("the value of {} has a line break or a zero byte in it", name));
    }
    if (c == '\'' || c == '\\') quoted += c;
    quoted += c;
  }
  return fmt::format("{} = '{}'\n", name, quoted);
}

bool is_setting_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

// A value of primary_conninfo: quotes and backslashes escaped (libpq's rules), besides the file's own rules.
std::string conninfo_value(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// A server's working folder is its data directory, and a socket's path has at most 107 bytes: so the way to the
// primary's socket folder is written from there, and does not grow with where everything lies.
std::string primary_conninfo(const ServerConfiguration& configuration) {
  const auto& upstream = *configuration.role.upstream;
  const auto way = std::filesystem::path(upstream.sockets).lexically_relative(configuration.layout.data());
  return fmt::format("host={} port={} user={} application_name={}", conninfo_value("/proc/self/cwd/" + way.string()),
                     upstream.port, conninfo_value(configuration.admin), conninfo_value(upstream.own_name));
}

std::string synchronous_names(const std::vector<std::string>& names) {
  if (names.empty()) return "";
  std::string list;
  for (const auto& name : names) list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", name);
  return fmt::format("FIRST {} ({})", names.size(), list);  // all of them
}

// The primary's values where ours are lower or not given.
std::string raised_settings(const ServerConfiguration& configuration) {
  std::string text;
  for (const auto& [name, minimum] : configuration.role.at_least) {
    const auto own = configuration.options.settings.find(name);
    int64_t value = 0;
    if (own != configuration.options.settings.end()) {
      std::from_chars(own->second.data(), own->second.data() + own->second.size(), value);
    }
    text += fmt::format("{} = {}\n", name, std::max(value, minimum));
  }
  return text;
}

Result<void> check_network(std::string_view network) {
  const auto bad = [&] {
    return fail(Errc::invalid, fmt::format("'{}' is no network; 10.0.0.0/8 would be one", network));
  };
  const size_t slash = network.find('/');
  if (slash == std::string_view::npos || network.size() > 64 || network.contains('\0')) return bad();
  const std::string host(network.substr(0, slash));
  std::array<unsigned char, 16> address;
  const bool v6 = host.find(':') != std::string::npos;
  if (::inet_pton(v6 ? AF_INET6 : AF_INET, host.c_str(), address.data()) != 1) return bad();
  unsigned bits = 0;
  const char* end = network.data() + network.size();
  const auto parsed = std::from_chars(network.data() + slash + 1, end, bits);
  if (parsed.ec != std::errc() || parsed.ptr != end || bits > (v6 ? 128u : 32u)) return bad();
  return {};
}

}  // namespace

bool is_managed(std::string_view setting) {
  return std::ranges::find(managed_settings, setting) != managed_settings.end();
}

Result<std::string> server_conf(const ServerConfiguration& configuration) {
  const auto& [layout, options, admin, peers, role] = configuration;
  std::string text(defaults);
  for (const auto& [name, value] : options.settings) {
    if (!is_setting_name(name)) return fail(Errc::invalid, fmt::format("'{}' is no name of a setting", name));
    if (is_managed(name))
      return fail(Errc::invalid, fmt::format("{} is decided by the service and cannot be set", name));
    TRY(const auto one, line(name, value));
    text += one;
  }
  text += raised_settings(configuration);
  const std::string conf = layout.configuration();
  std::vector<std::pair<std::string, std::string>> managed = {
      {"listen_addresses", options.listen.host},
      {"port", std::to_string(options.listen.port)},
      {"unix_socket_directories", "../run"},
      {"hba_file", conf + "/pg_hba.conf"},
      {"ident_file", conf + "/pg_ident.conf"},
      {"logging_collector", "on"},
      {"log_destination", "stderr"},
      {"log_directory", layout.logs() + "/error"},
      {"log_filename", "postgresql.log.%Y-%m-%d-%H"},
      {"log_rotation_age", "60min"},
      {"log_truncate_on_rotation", "off"},
      {"hot_standby", "on"},
      {"restart_after_crash", "off"},  // its end is seen at once, and whoever sees it decides
      {"wal_log_hints", "on"},
      {"ssl", options.certificate ? "on" : "off"},
      {"synchronous_standby_names", synchronous_names(role.synchronous)},
      {"primary_conninfo", role.upstream ? primary_conninfo(configuration) : ""},
  };
  if (options.certificate) {
    managed.emplace_back("ssl_cert_file", conf + "/server.crt");
    managed.emplace_back("ssl_key_file", conf + "/server.key");
  }
  for (const auto& [name, value] : managed) {
    TRY(const auto one, line(name, value));
    text += one;
  }
  return text;
}

Result<std::string> hba_conf(const ServerConfiguration& configuration) {
  const std::string admin = '"' + configuration.admin + '"';
  // The socket folder lets in nobody but the servers' user and root; without names for them `peer` has nothing to map.
  const std::string_view local_method = configuration.peers.empty() ? "trust" : "peer map=local";
  std::string text;
  text += fmt::format("local all {} {}\n", admin, local_method);
  text += fmt::format("local replication {} {}\n", admin, local_method);
  text += "local all all reject\n";
  text += fmt::format("host all {} all reject\n", admin);
  const std::string_view kind = configuration.options.access.require_tls ? "hostssl" : "host";
  for (const auto& network : configuration.options.access.networks) {
    CHECK(check_network(network));
    text += fmt::format("{} all all {} scram-sha-256\n", kind, network);
  }
  text += "host all all all reject\n";
  return text;
}

std::string ident_conf(const ServerConfiguration& configuration) {
  std::string text;
  for (const auto& peer : configuration.peers) text += fmt::format("local \"{}\" \"{}\"\n", peer, configuration.admin);
  return text;
}

}  // namespace boreal::postgres
