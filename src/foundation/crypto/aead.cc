#include "crypto/aead.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace boreal::crypto {
namespace {

// Looked up once and never freed, as the digests' methods are (hash.cc).
const EVP_CIPHER* method() {
  static const EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  if (!fetched) throw std::runtime_error("the cipher library lacks AES-256-GCM");
  return fetched;
}

const unsigned char* raw(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(MutableBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

EVP_CIPHER_CTX* make_context(const SecretKey& key) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  if (!context) throw std::bad_alloc();
  if (EVP_CipherInit_ex2(context, method(), raw(key.bytes()), nullptr, 1, nullptr) != 1) {
    EVP_CIPHER_CTX_free(context);
    throw std::runtime_error("the cipher library refuses a key");
  }
  return context;
}

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

// Nonce, associated bytes and content. The key's schedule serves both directions.
bool transform(EVP_CIPHER_CTX* context, bool encrypt, const Aes256Gcm::Nonce& nonce, Bytes associated, Bytes in,
               MutableBytes out) {
  int length = 0;
  return EVP_CipherInit_ex2(context, nullptr, nullptr, raw(Bytes(nonce)), encrypt, nullptr) == 1 &&
         (associated.empty() ||
          EVP_CipherUpdate(context, nullptr, &length, raw(associated), static_cast<int>(associated.size())) == 1) &&
         (in.empty() || EVP_CipherUpdate(context, raw(out), &length, raw(in), static_cast<int>(in.size())) == 1);
}

}  // namespace

Aes256Gcm::Aes256Gcm(const SecretKey& key) : context_(make_context(key)) {}

Aes256Gcm::~Aes256Gcm() { EVP_CIPHER_CTX_free(context_); }

Aes256Gcm::Aes256Gcm(Aes256Gcm&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}

Aes256Gcm& Aes256Gcm::operator=(Aes256Gcm&& other) noexcept {
  std::swap(context_, other.context_);
  return *this;
}

Result<void> Aes256Gcm::seal(const Nonce& nonce, Bytes associated, Bytes plain, MutableBytes out) {
  CHECK(check_sizes(plain.size(), out.size(), associated));
  MutableBytes tag = out.subspan(plain.size());
  int length = 0;
  bool done = transform(context_, true, nonce, associated, plain, out.first(plain.size())) &&
              EVP_CipherFinal_ex(context_, raw(tag), &length) == 1 &&
              EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, tag_size, tag.data()) == 1;
  if (!done) return library_error();
  return {};
}

Result<void> Aes256Gcm::open(const Nonce& nonce, Bytes associated, Bytes sealed, MutableBytes out) {
  if (sealed.size() < tag_size) return fail(Errc::corrupt, "sealed bytes are cut short");
  CHECK(check_sizes(out.size(), sealed.size(), associated));
  std::array<std::byte, tag_size> tag;
  std::ranges::copy(sealed.last(tag_size), tag.begin());
  if (!transform(context_, false, nonce, associated, sealed.first(out.size()), out) ||
      EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) != 1) {
    wipe(out);
    return library_error();
  }
  int length = 0;
  std::array<std::byte, tag_size> nothing;
  if (EVP_CipherFinal_ex(context_, raw(MutableBytes(nothing)), &length) != 1) {
    wipe(out);
    return fail(Errc::corrupt, "sealed bytes do not open: another key, or not what was sealed");
  }
  return {};
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
