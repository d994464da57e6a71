#include "crypto/aead.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "crypto/detail/gcm.h"

namespace boreal::crypto {
namespace {

// OpenSSL counts in int.
constexpr size_t max_message = std::numeric_limits<int>::max() - Aes256Gcm::tag_size;

std::unexpected<Error> library_error() { return fail(Errc::internal, "the cipher library failed"); }

Result<void> check_sizes(size_t plain, size_t sealed, Bytes associated) {
  if (plain > max_message || associated.size() > max_message) {
    return fail(Errc::too_large, fmt::format("{} bytes to encrypt at once; {} are the most", plain, max_message));
  }
  if (sealed != plain + Aes256Gcm::tag_size) {
    return fail(Errc::internal, fmt::format("room of {} bytes for {} sealed ones", sealed, plain));
  }
  return {};
}

}  // namespace

static_assert(Aes256Gcm::nonce_size == detail::gcm_nonce_bytes && Aes256Gcm::tag_size == detail::gcm_tag_bytes);

Aes256Gcm::Aes256Gcm(const SecretKey& key) : gcm_(detail::Gcm::make(key)) {}
Aes256Gcm::~Aes256Gcm() = default;
Aes256Gcm::Aes256Gcm(Aes256Gcm&& other) noexcept = default;
Aes256Gcm& Aes256Gcm::operator=(Aes256Gcm&& other) noexcept = default;

Result<void> Aes256Gcm::seal(const Nonce& nonce, Bytes associated, Bytes plain, MutableBytes out) {
  CHECK(check_sizes(plain.size(), out.size(), associated));
  const MutableBytes sealed = out.first(plain.size());
  if (!gcm_->seal(nonce, associated, plain, sealed, out.subspan(plain.size()))) return library_error();
  return {};
}

Result<void> Aes256Gcm::open(const Nonce& nonce, Bytes associated, Bytes sealed, MutableBytes out) {
  if (sealed.size() < tag_size) return fail(Errc::corrupt, "sealed bytes are cut short");
  CHECK(check_sizes(out.size(), sealed.size(), associated));
  const auto opened = gcm_->open(nonce, associated, sealed.first(out.size()), out, sealed.last(tag_size));
  if (opened == detail::Gcm::Opened::authentic) return {};
  wipe(out);
  if (opened == detail::Gcm::Opened::failed) return library_error();
  return fail(Errc::corrupt, "sealed bytes do not open: another key, or not what was sealed");
}

Result<std::string> Aes256Gcm::seal_message(Random& random, Bytes associated, Bytes plain) {
  Nonce nonce;
  random.fill(nonce);
  std::string message(nonce_size + plain.size() + tag_size, '\0');
  MutableBytes out = std::as_writable_bytes(std::span(message));
  std::ranges::copy(nonce, out.begin());
  CHECK(seal(nonce, associated, plain, out.subspan(nonce_size)));
  return message;
}

Result<SecretBytes> Aes256Gcm::open_message(Bytes associated, Bytes message) {
  if (message.size() < nonce_size + tag_size) return fail(Errc::corrupt, "a sealed message is cut short");
  Nonce nonce;
  std::ranges::copy(message.first(nonce_size), nonce.begin());
  Bytes sealed = message.subspan(nonce_size);
  SecretBytes plain(sealed.size() - tag_size);
  CHECK(open(nonce, associated, sealed, plain.bytes()));
  return plain;
}

}  // namespace boreal::crypto
