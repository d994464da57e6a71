// What AES-256-GCM is computed by: Intel's IPsec library on x86-64, whose vector instructions do more than twice what
// Debian's OpenSSL does (10 against 4 GB/s, measured), OpenSSL elsewhere (docs/dependencies.md).
#pragma once

#include <memory>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace boreal::crypto::detail {

inline constexpr size_t gcm_nonce_bytes = 12;
inline constexpr size_t gcm_tag_bytes = 16;

// One key, set up once, wiped when it goes. One thread at a time. Lengths are the caller's to get right: outputs are as
// long as inputs and either the same memory or apart, nonces and tags as above.
class Gcm {
 public:
  static std::unique_ptr<Gcm> make(const SecretKey& key);
  virtual ~Gcm() = default;
  // False: the library failed.
  virtual bool seal(Bytes nonce, Bytes associated, Bytes plain, MutableBytes sealed, MutableBytes tag) = 0;
  // Unless it is `authentic`, what `plain` holds must not be used.
  enum class Opened { authentic, forged, failed };
  virtual Opened open(Bytes nonce, Bytes associated, Bytes sealed, MutableBytes plain, Bytes tag) = 0;

  static const unsigned char* raw(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
  static unsigned char* raw(MutableBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
};

}  // namespace boreal::crypto::detail
