// The PostgreSQL versions that this machine has.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace boreal::postgres {

struct Installation {
  int major = 0;
  std::string version;                  // "15.20"
  io::Path bin;                         // holds postgres, initdb, pg_basebackup, ...
  io::Path libraries;                   // holds what shared_preload_libraries may name
  std::vector<std::string> extensions;  // what CREATE EXTENSION may name, sorted

  io::Path program(std::string_view name) const { return bin + "/" + std::string(name); }
};

// Where distributions put the programs of each version: folders that have one folder with a `bin` per version.
std::vector<io::Path> default_version_folders();

class Installations {
 public:
  // Looks for postgres in each folder itself, in <folder>/bin and in <folder>/<anything>/bin. Of several of one major
  // version the newest counts. None is not an error. Blocks.
  static Result<Installations> discover(const std::vector<io::Path>& version_folders = default_version_folders());

  const std::vector<Installation>& all() const { return all_; }  // by major version
  const Installation* find(int major) const;

 private:
  std::vector<Installation> all_;
};

}  // namespace boreal::postgres
