// RocksDB's files, seen by the fault injection of io/fault.h like all others. When no faults are armed it only
// passes calls on.
#pragma once

#include <rocksdb/env.h>

#include <memory>

namespace boreal::store {

std::unique_ptr<rocksdb::Env> make_env();

}  // namespace boreal::store
