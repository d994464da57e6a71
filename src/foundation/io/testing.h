// What tests that need the disk share.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "io/file.h"

namespace boreal::io {

// A fresh folder under $TMPDIR (or /tmp), removed with all in it.
class TempFolder {
 public:
  TempFolder() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/boreal-test-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make a folder like " + path_);
  }
  ~TempFolder() { (void)remove_tree(path_); }
  TempFolder(const TempFolder&) = delete;

  const Path& path() const { return path_; }
  Path operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  Path path_;
};

}  // namespace boreal::io
