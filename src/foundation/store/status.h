// RocksDB's errors in our words.
#pragma once

#include <rocksdb/status.h>

#include "base/result.h"

namespace boreal::store {

inline Error to_error(const rocksdb::Status& status) {
  auto code = Errc::internal;
  if (status.IsCorruption()) {
    code = Errc::corrupt;
  } else if (status.IsNoSpace()) {
    code = Errc::no_space;
  } else if (status.IsIOError()) {
    code = Errc::io;
  } else if (status.IsNotFound()) {
    code = Errc::not_found;
  } else if (status.IsBusy() || status.IsTryAgain()) {
    code = Errc::unavailable;
  }
  return Error(code, status.ToString());
}

}  // namespace boreal::store
