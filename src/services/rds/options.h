#pragma once

#include <map>
#include <string>
#include <vector>

#include "io/file.h"

namespace boreal::rds {

// What the server is told about databases; see server/config.h.
struct Options {
  io::Path folder;                         // data/postgres
  std::vector<io::Path> bin_folders;       // PostgreSQL besides the usual places
  std::map<int, int> engine_map;           // asked-for major -> installed major
  bool allow_unencrypted_storage = false;  // where nothing can encrypt
  size_t warm_pool = 2;
  // The authority that signs the databases' certificates.
  io::Path authority_certificate;
  io::Path authority_key;
};

}  // namespace boreal::rds
