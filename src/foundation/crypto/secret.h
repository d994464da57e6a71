// Memory that holds secrets: wiped when it goes, copied only on purpose, never printed.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"

namespace boreal::crypto {

// Overwrites memory in a way that the compiler does not remove.
void wipe(MutableBytes bytes);

// Secret bytes of a length known only at run time: passwords, private keys in PEM.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(size_t size);  // zeros
  explicit SecretBytes(Bytes bytes);
  explicit SecretBytes(std::string_view text) : SecretBytes(as_bytes(text)) {}
  ~SecretBytes();
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;

  SecretBytes copy() const { return SecretBytes(bytes()); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Bytes bytes() const { return {data_.get(), size_}; }
  MutableBytes bytes() { return {data_.get(), size_}; }
  std::string_view text() const { return as_text(bytes()); }

 private:
  std::unique_ptr<std::byte[]> data_;
  size_t size_ = 0;
};

// A key of 256 bits.
class SecretKey {
 public:
  static constexpr size_t size = 32;

  // From the kernel's generator, or from a seeded one in tests.
  static SecretKey generate(Random& random);
  // Exactly 32 bytes, else Errc::invalid.
  static Result<SecretKey> from(Bytes bytes);

  ~SecretKey() { wipe(bytes_); }
  SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
  SecretKey& operator=(SecretKey&& other) noexcept;
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;

  SecretKey copy() const { return SecretKey(bytes_); }
  Bytes bytes() const { return bytes_; }

 private:
  explicit SecretKey(const std::array<std::byte, size>& bytes) : bytes_(bytes) {}

  std::array<std::byte, size> bytes_{};
};

}  // namespace boreal::crypto
