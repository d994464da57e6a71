// How (partition, key) becomes one ordered key, and what the store refuses. Both implementations use it,
// so that they cannot differ in it.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "store/store.h"

namespace boreal::store {

// Keys of a partition are `partition NUL key`: a name without NUL makes partitions disjoint ranges.
inline std::string join_key(std::string_view partition, std::string_view key) {
  std::string joined;
  joined.reserve(partition.size() + 1 + key.size());
  joined.append(partition).push_back('\0');
  joined.append(key);
  return joined;
}

// The first key that is behind every key with this prefix. The prefix holds at least one byte below 0xff.
inline std::string end_of_prefix(std::string prefix) {
  while (prefix.back() == '\xff') prefix.pop_back();
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

inline Result<void> check_partition(std::string_view partition) {
  if (partition.empty()) return fail(Errc::invalid, "the partition has no name");
  if (partition.contains('\0')) return fail(Errc::invalid, "a partition's name must not hold NUL");
  if (partition.size() > max_key_bytes) {
    return fail(Errc::too_large,
                fmt::format("a partition's name of {} bytes; at most {} are taken", partition.size(), max_key_bytes));
  }
  return {};
}

// What a batch weighs against the limits.
inline size_t batch_bytes(const Batch& batch) {
  size_t bytes = 0;
  for (const auto& write : batch.writes()) {
    bytes += batch.partition().size() + write.key.size() + (write.value ? write.value->size() : 0) + 16;
  }
  return bytes;
}

inline Result<void> check_batch(const Batch& batch) {
  CHECK(check_partition(batch.partition()));
  for (const auto& write : batch.writes()) {
    if (write.key.size() > max_key_bytes) {
      return fail(Errc::too_large, fmt::format("a key of {} bytes in partition {}; at most {} are taken",
                                               write.key.size(), batch.partition(), max_key_bytes));
    }
  }
  if (size_t bytes = batch_bytes(batch); bytes > max_batch_bytes) {
    return fail(Errc::too_large, fmt::format("a batch of {} bytes in partition {}; at most {} are taken", bytes,
                                             batch.partition(), max_batch_bytes));
  }
  return {};
}

}  // namespace boreal::store
