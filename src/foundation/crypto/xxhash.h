// The xxHash family: fast, and no defence against anybody. Source: xxHash, doc/xxhash_spec.md.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"

namespace boreal::crypto {

enum class XxhashKind { xxh64, xxh3, xxh128 };  // of 8, 8 and 16 bytes

// Computed piece by piece, with the seed 0. One thread at a time.
class Xxhash {
 public:
  explicit Xxhash(XxhashKind kind);
  Xxhash(Xxhash&&) noexcept;
  Xxhash& operator=(Xxhash&&) noexcept;
  ~Xxhash();

  void update(Bytes bytes);
  std::string finish() const;  // of all that was given; in canonical form, which is big-endian

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace boreal::crypto
