// What a server is told: flags, environment (BOREAL_…) and file mean the same and have the same names.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"

namespace boreal::server {

struct Config {
  bool dev = false;
  bool new_root_key = false;  // serve, by a flag only: this start makes the account's root another key
  std::string data_folder = "./boreal-data";
  std::string key_folder;  // empty: data_folder + ".keys": a copy of the data does not carry its key
  std::string listen_host = "127.0.0.1";
  uint16_t port = 4566;
  std::string account = "000000000000";  // serve: whose root key is made at first start; whose remote_buckets are
  std::string region = "us-east-1";      // where callers without a region are
  std::vector<std::string> tls_names;    // further names and addresses that it goes by: in the certificate
  std::vector<std::string> s3_domains;   // "s3.example.com": buckets are BUCKET.s3.example.com; also in the certificate
  std::string tls_certificate_file;      // PEM, the chain behind it; empty: one of our own authority is made
  std::string tls_key_file;              // its key, of mode 0600
  bool require_tls = false;              // plain HTTP is for the loopback only
  std::string metrics_key_file;          // mode 0600: who sends what it holds as a bearer token is told the metrics
  std::string log_level = "info";
  bool log_json = false;
  bool log_requests = false;  // a line for each
  size_t pool_threads = 4;
  // For HTTP and TLS; 0: the house's own thread does it. By default one for each two processors: on two, a second one
  // takes turns with the house (bench/s3.py, GET of 1 KiB: 0.60 of nginx with one, 0.43 with two).
  size_t connection_threads = std::clamp(std::thread::hardware_concurrency() / 2, 1U, 4U);

  // PostgreSQL.
  std::vector<std::string> postgres_bin_folders;  // besides /usr/lib/postgresql/*/bin; see Installations::discover()
  std::map<int, int> engine_map;                  // asked-for major → installed major: 13=15
  bool allow_unencrypted_storage = false;         // StorageEncrypted=true is served without encryption, loudly
  bool strict = false;                            // refuse what AWS refuses even where the guide relies on it
  size_t warm_pool = 2;                           // PostgreSQL folders made in advance, of each major

  // Buckets at other endpoints that replication rules may name: [remote_buckets.NAME].
  struct RemoteBucket {
    std::string endpoint;
    std::string region = "us-east-1";
    std::string addressing = "path";  // or virtual
    std::string access_key_id;
    std::string secret_access_key;       // this …
    std::string secret_access_key_file;  // … or a file of mode 0600 that holds it
    std::string bucket;                  // its name there; empty: the same
    std::string ca_file;                 // PEM, of an https endpoint; empty: the system's authorities
    std::string account;                 // whose buckets' rules may name it; empty: Config::account
  };
  std::map<std::string, RemoteBucket> remote_buckets;

  // By which it is known, besides the loopback's.
  std::vector<std::string> own_names() const;
  std::string keys() const;
  // Reads a TOML file over `*this`. Unknown keys are errors that name the nearest known one. Errc::denied, unless
  // `dev`: it holds a secret, and others may read it.
  Result<void> merge_file(const std::string& path);
  // Checks what flags and file gave, together.
  Result<void> validate() const;
};

// A path from the root, whatever the working folder will be.
std::string absolute(const std::string& path);
Result<std::map<int, int>> parse_engine_map(const std::string& text);  // "13=15,14=15"

}  // namespace boreal::server
