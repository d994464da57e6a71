// Where the faster library is not: see CMakeLists.txt.
#ifndef BOREAL_IPSEC_MB
#include <openssl/evp.h>

#include <array>
#include <new>
#include <stdexcept>

#include "crypto/detail/gcm.h"

namespace boreal::crypto::detail {
namespace {

// Looked up once and never freed, as the digests' methods are (hash.cc).
const EVP_CIPHER* method() {
  static const EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  if (!fetched) throw std::runtime_error("the cipher library lacks AES-256-GCM");
  return fetched;
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

class OpensslGcm final : public Gcm {
 public:
  explicit OpensslGcm(const SecretKey& key) : context_(EVP_CIPHER_CTX_new()) {
    if (!context_) throw std::bad_alloc();
    if (EVP_CipherInit_ex2(context_.get(), method(), raw(key.bytes()), nullptr, 1, nullptr) != 1) {
      throw std::runtime_error("the cipher library refuses a key");
    }
  }

  bool seal(Bytes nonce, Bytes associated, Bytes plain, MutableBytes sealed, MutableBytes tag) override {
    int length = 0;
    return transform(true, nonce, associated, plain, sealed) &&
           EVP_CipherFinal_ex(context_.get(), raw(tag), &length) == 1 && control(EVP_CTRL_AEAD_GET_TAG, tag);
  }

  Opened open(Bytes nonce, Bytes associated, Bytes sealed, MutableBytes plain, Bytes tag) override {
    std::array<std::byte, gcm_tag_bytes> expected;
    std::ranges::copy(tag, expected.begin());
    if (!transform(false, nonce, associated, sealed, plain) || !control(EVP_CTRL_AEAD_SET_TAG, expected)) {
      return Opened::failed;
    }
    int length = 0;
    std::array<std::byte, gcm_tag_bytes> nothing;
    const bool fits = EVP_CipherFinal_ex(context_.get(), raw(MutableBytes(nothing)), &length) == 1;
    return fits ? Opened::authentic : Opened::forged;
  }

 private:
  // Nonce, associated bytes and content. The key's schedule serves both directions.
  bool transform(bool encrypt, Bytes nonce, Bytes associated, Bytes in, MutableBytes out) {
    int length = 0;
    auto* context = context_.get();
    return EVP_CipherInit_ex2(context, nullptr, nullptr, raw(nonce), encrypt, nullptr) == 1 &&
           (associated.empty() ||
            EVP_CipherUpdate(context, nullptr, &length, raw(associated), static_cast<int>(associated.size())) == 1) &&
           (in.empty() || EVP_CipherUpdate(context, raw(out), &length, raw(in), static_cast<int>(in.size())) == 1);
  }
  bool control(int what, MutableBytes tag) {
    return EVP_CIPHER_CTX_ctrl(context_.get(), what, static_cast<int>(tag.size()), tag.data()) == 1;
  }

  std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context_;
};

}  // namespace

std::unique_ptr<Gcm> Gcm::make(const SecretKey& key) { return std::make_unique<OpensslGcm>(key); }

}  // namespace boreal::crypto::detail
#endif
