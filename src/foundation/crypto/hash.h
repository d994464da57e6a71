// Digests and HMAC.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace boreal::crypto {

enum class HashKind { md5, sha1, sha256, sha512 };

constexpr size_t digest_size(HashKind kind) {
  switch (kind) {
    case HashKind::md5: return 16;
    case HashKind::sha1: return 20;
    case HashKind::sha256: return 32;
    case HashKind::sha512: return 64;
  }
}

// The bytes that the compression function takes at once.
constexpr size_t block_size(HashKind kind) { return kind == HashKind::sha512 ? 128 : 64; }

template <HashKind K>
using Digest = std::array<std::byte, digest_size(K)>;

// What the digest library keeps between two pieces.
constexpr size_t hash_state_size(HashKind kind) { return kind == HashKind::sha512 ? 216 : 112; }

// A digest computed piece by piece; allocates nothing, and is wiped at its end. Not to be shared between threads
// without a lock.
template <HashKind K>
class Hash {
 public:
  Hash();
  ~Hash();
  Hash(Hash&& other) noexcept = default;  // which may only be destroyed then, or assigned to
  Hash& operator=(Hash&& other) noexcept = default;
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;

  void update(Bytes bytes);
  void update(std::string_view text) { update(as_bytes(text)); }
  // The digest of all that was given; the object then starts anew.
  Digest<K> finish();

  // In one call.
  static Digest<K> of(Bytes bytes);
  static Digest<K> of(std::string_view text) { return of(as_bytes(text)); }

 private:
  alignas(uint64_t) std::array<std::byte, hash_state_size(K)> state_;
};

using Md5 = Hash<HashKind::md5>;
using Sha1 = Hash<HashKind::sha1>;
using Sha256 = Hash<HashKind::sha256>;
using Sha512 = Hash<HashKind::sha512>;

// An HMAC key (RFC 2104), prepared once and used often. Wiped at its end.
// Thread rule: of() may be called from several threads at once.
template <HashKind K>
class HmacKey {
 public:
  explicit HmacKey(Bytes key);
  explicit HmacKey(std::string_view key) : HmacKey(as_bytes(key)) {}
  ~HmacKey();
  HmacKey(const HmacKey&) = delete;
  HmacKey& operator=(const HmacKey&) = delete;

  Digest<K> of(Bytes message) const;
  Digest<K> of(std::string_view message) const { return of(as_bytes(message)); }

 private:
  std::array<std::byte, block_size(K)> inner_;
  std::array<std::byte, block_size(K)> outer_;
};

using HmacSha256 = HmacKey<HashKind::sha256>;

inline Digest<HashKind::sha256> hmac_sha256(Bytes key, Bytes message) { return HmacSha256(key).of(message); }
inline Digest<HashKind::sha256> hmac_sha256(Bytes key, std::string_view message) { return HmacSha256(key).of(message); }

// Whether both are the same, in a time that does not depend on where they differ.
bool constant_time_equal(Bytes a, Bytes b);
inline bool constant_time_equal(std::string_view a, std::string_view b) {
  return constant_time_equal(as_bytes(a), as_bytes(b));
}

}  // namespace boreal::crypto
