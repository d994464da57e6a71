#include "crypto/kdf.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <stdexcept>

#include "codec/base64.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

namespace boreal::crypto {
namespace {

struct FreeContext {
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

// Looked up once and never freed, as the digests' methods are (hash.cc).
EVP_KDF* fetch(const char* name) {
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, name, nullptr);
  if (!kdf) throw std::runtime_error(fmt::format("the cryptographic library lacks {}", name));
  return kdf;
}

OSSL_PARAM octets(const char* name, Bytes bytes) {
  // The library reads it only; a null pointer would count as a missing parameter.
  static constexpr std::byte none{};
  const std::byte* data = bytes.empty() ? &none : bytes.data();
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::byte*>(data), bytes.size());
}

OSSL_PARAM sha256() {
  static char name[] = "SHA256";
  return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0);
}

Result<void> derive(EVP_KDF* kdf, const OSSL_PARAM* parameters, MutableBytes out) {
  std::unique_ptr<EVP_KDF_CTX, FreeContext> context(EVP_KDF_CTX_new(kdf));
  if (!context) throw std::bad_alloc();
  auto* bytes = reinterpret_cast<unsigned char*>(out.data());
  if (EVP_KDF_derive(context.get(), bytes, out.size(), parameters) != 1) {
    return fail(Errc::internal, "the cryptographic library could not derive a key");
  }
  return {};
}

}  // namespace

Result<void> pbkdf2_hmac_sha256(std::string_view password, Bytes salt, unsigned iterations, MutableBytes out) {
  if (iterations == 0) return fail(Errc::invalid, "PBKDF2 with 0 iterations; it needs 1 or more");
  static EVP_KDF* const kdf = fetch("PBKDF2");
  int unchecked = 1;  // no lower bounds on salt and iterations: what others chose must be computed too
  OSSL_PARAM parameters[] = {sha256(),
                             octets(OSSL_KDF_PARAM_PASSWORD, as_bytes(password)),
                             octets(OSSL_KDF_PARAM_SALT, salt),
                             OSSL_PARAM_construct_uint(OSSL_KDF_PARAM_ITER, &iterations),
                             OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &unchecked),
                             OSSL_PARAM_construct_end()};
  return derive(kdf, parameters, out);
}

Result<void> hkdf_sha256(Bytes key, Bytes salt, Bytes info, MutableBytes out) {
  constexpr size_t most = 255 * digest_size(HashKind::sha256);
  if (out.empty() || out.size() > most) {
    return fail(Errc::invalid, fmt::format("HKDF of {} bytes; it gives 1 to {}", out.size(), most));
  }
  // By our own HMAC: the library's HKDF sets up three contexts, which costs several times what it computes, and each
  // object and message that is opened asks for a key.
  auto extracted = hmac_sha256(salt, key);
  const HmacSha256 expand(extracted);
  wipe(extracted);
  std::string block;  // the one before, `info`, and a counter
  block.reserve(extracted.size() + info.size() + 1);
  uint8_t counter = 0;
  while (!out.empty()) {
    block.append(as_text(info)) += static_cast<char>(++counter);
    auto digest = expand.of(block);
    const size_t count = std::min(out.size(), digest.size());
    std::ranges::copy(Bytes(digest).first(count), out.begin());
    out = out.subspan(count);
    wipe(std::as_writable_bytes(std::span(block)));
    block.assign(as_text(digest));
    wipe(digest);
  }
  wipe(std::as_writable_bytes(std::span(block)));
  return {};
}

Result<std::string> scram_sha256_verifier(std::string_view password, Bytes salt, unsigned iterations) {
  if (!std::ranges::all_of(password, [](char c) { return c >= 0x20 && c <= 0x7e; })) {
    return fail(Errc::unsupported, "the password has characters beyond printable ASCII");
  }
  std::array<std::byte, 32> salted;
  CHECK(pbkdf2_hmac_sha256(password, salt, iterations, salted));
  HmacSha256 key(salted);
  wipe(salted);
  auto client_key = key.of("Client Key");
  auto stored_key = Sha256::of(client_key);
  wipe(client_key);
  return fmt::format("SCRAM-SHA-256${}:{}${}:{}", iterations, codec::base64_encode(salt),
                     codec::base64_encode(stored_key), codec::base64_encode(key.of("Server Key")));
}

}  // namespace boreal::crypto
