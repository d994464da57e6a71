// The files that configure a server, as text. Nothing here touches the disk.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "net/stream.h"

namespace boreal::postgres {

// Who may come in over the network, always with a password (SCRAM).
struct Access {
  std::vector<std::string> networks;  // CIDR: "10.0.0.0/8", "::1/128"
  bool require_tls = false;
};

struct Certificate {
  std::string chain_pem;
  std::string key_pem;
};

// What the owner of a server decides. Checked values only: see SettingsCatalog.
struct ServerOptions {
  net::Address listen;  // address literal and port
  std::map<std::string, std::string> settings;
  std::optional<Certificate> certificate;  // none: no TLS
  Access access;
};

// Settings that this module decides: a caller's value for one of them is refused.
bool is_managed(std::string_view setting);

// Where a server's files are. The data directory holds nothing of ours but a line that includes ../conf/server.conf,
// so that it can be copied, rewound and restored from as it is.
struct Layout {
  io::Path folder;
  io::Path data() const { return folder + "/data"; }
  io::Path sockets() const { return folder + "/run"; }
  io::Path configuration() const { return folder + "/conf"; }
  io::Path logs() const { return folder + "/log"; }           // error/postgresql.log.YYYY-MM-DD-HH
  io::Path output() const { return folder + "/server.out"; }  // what it says before its log is open
};

// What makes a server a standby of another on this machine.
struct Upstream {
  io::Path sockets;  // of the primary
  uint16_t port = 0;
  std::string own_name;  // as the primary sees it in pg_stat_replication
};

struct Role {
  std::optional<Upstream> upstream;      // nullopt: a primary
  std::vector<std::string> synchronous;  // of a primary: names of standbys, all of which must have each commit
  // Settings that may not be lower than those of the primary whose WAL is replayed (else the server refuses to start),
  // with that one's values.
  std::map<std::string, int64_t> at_least;
};

struct ServerConfiguration {
  Layout layout;
  ServerOptions options;
  std::string admin;
  std::vector<std::string> peers;
  Role role;
};

extern const std::string_view data_folder_configuration;  // the whole postgresql.conf inside a data directory
// Errc::invalid for a value that cannot be written (a line break, say) or a setting that is managed.
Result<std::string> server_conf(const ServerConfiguration& configuration);
// Errc::invalid for a network that is no CIDR.
Result<std::string> hba_conf(const ServerConfiguration& configuration);
std::string ident_conf(const ServerConfiguration& configuration);

}  // namespace boreal::postgres
