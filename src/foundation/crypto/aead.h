// Authenticated encryption with AES-256-GCM (NIST SP 800-38D).
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace boreal::crypto {

namespace detail {
class Gcm;
}

// One key, set up once. A nonce must never serve twice under one key: count frames, or use random nonces
// for at most 2^32 messages. Not to be shared between threads without a lock.
class Aes256Gcm {
 public:
  static constexpr size_t nonce_size = 12;
  static constexpr size_t tag_size = 16;
  using Nonce = std::array<std::byte, nonce_size>;

  explicit Aes256Gcm(const SecretKey& key);
  ~Aes256Gcm();
  Aes256Gcm(Aes256Gcm&& other) noexcept;
  Aes256Gcm& operator=(Aes256Gcm&& other) noexcept;
  Aes256Gcm(const Aes256Gcm&) = delete;
  Aes256Gcm& operator=(const Aes256Gcm&) = delete;

  // Ciphertext and tag into `out`, which must be tag_size longer than `plain`. `out` may start where
  // `plain` does, else they must not overlap. `associated` is bound to it, not kept in it.
  Result<void> seal(const Nonce& nonce, Bytes associated, Bytes plain, MutableBytes out);
  // Checks the tag at the end of `sealed` and decrypts into `out`, which must be tag_size shorter; the same
  // rule of overlap. Errc::corrupt when key, nonce, associated bytes or content are not those that were
  // sealed; `out` is wiped then.
  Result<void> open(const Nonce& nonce, Bytes associated, Bytes sealed, MutableBytes out);

  // For what is sealed whole: a random nonce in front of ciphertext and tag.
  Result<std::string> seal_message(Random& random, Bytes associated, Bytes plain);
  Result<SecretBytes> open_message(Bytes associated, Bytes message);

 private:
  std::unique_ptr<detail::Gcm> gcm_;
};

}  // namespace boreal::crypto
