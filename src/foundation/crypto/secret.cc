#include "crypto/secret.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

namespace boreal::crypto {

void wipe(MutableBytes bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

SecretBytes::SecretBytes(size_t size) : data_(std::make_unique<std::byte[]>(size)), size_(size) {}

SecretBytes::SecretBytes(Bytes bytes) : SecretBytes(bytes.size()) { std::ranges::copy(bytes, data_.get()); }

SecretBytes::~SecretBytes() { wipe(bytes()); }

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this == &other) return *this;
  wipe(bytes());
  data_ = std::move(other.data_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

SecretKey SecretKey::generate(Random& random) {
  SecretKey key({});
  random.fill(key.bytes_);
  return key;
}

Result<SecretKey> SecretKey::from(Bytes bytes) {
  if (bytes.size() != size)
    return fail(Errc::invalid, fmt::format("a key of {} bytes; it needs {}", bytes.size(), size));
  SecretKey key({});
  std::ranges::copy(bytes, key.bytes_.begin());
  return key;
}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  if (this == &other) return *this;
  bytes_ = other.bytes_;
  wipe(other.bytes_);
  return *this;
}

}  // namespace boreal::crypto
