// x86-64 only: see CMakeLists.txt.
#ifdef BOREAL_IPSEC_MB
#include <intel-ipsec-mb.h>

#include <array>
#include <new>
#include <stdexcept>

#include "crypto/detail/gcm.h"
#include "crypto/hash.h"

namespace boreal::crypto::detail {
namespace {

// Looked up once and never freed. The functions that are called through it work on what they are handed only, so that
// all threads may share it.
IMB_MGR* library() {
  static IMB_MGR* const manager = [] {
    IMB_MGR* made = alloc_mb_mgr(0);
    if (made == nullptr) throw std::bad_alloc();
    init_mb_mgr_auto(made, nullptr);
    if (imb_get_errno(made) != 0) throw std::runtime_error("the IPsec library does not support this processor");
    return made;
  }();
  return manager;
}

class IpsecMbGcm final : public Gcm {
 public:
  explicit IpsecMbGcm(const SecretKey& key) { IMB_AES256_GCM_PRE(library(), key.bytes().data(), &key_); }
  ~IpsecMbGcm() override { wipe(std::as_writable_bytes(std::span(&key_, 1))); }

  bool seal(Bytes nonce, Bytes associated, Bytes plain, MutableBytes sealed, MutableBytes tag) override {
    gcm_context_data context;
    IMB_AES256_GCM_ENC(library(), &key_, &context, raw(sealed), some(plain), plain.size(), raw(nonce), some(associated),
                       associated.size(), raw(tag), tag.size());
    return true;
  }

  Opened open(Bytes nonce, Bytes associated, Bytes sealed, MutableBytes plain, Bytes tag) override {
    gcm_context_data context;
    std::array<std::byte, gcm_tag_bytes> computed;
    IMB_AES256_GCM_DEC(library(), &key_, &context, raw(plain), some(sealed), sealed.size(), raw(nonce),
                       some(associated), associated.size(), raw(MutableBytes(computed)), computed.size());
    return constant_time_equal(computed, tag) ? Opened::authentic : Opened::forged;
  }

 private:
  // The library takes a null pointer for a mistake, even with nothing behind it.
  static const unsigned char* some(Bytes bytes) {
    static constexpr unsigned char nothing = 0;
    return bytes.empty() ? &nothing : raw(bytes);
  }

  alignas(64) gcm_key_data key_;
};

}  // namespace

std::unique_ptr<Gcm> Gcm::make(const SecretKey& key) { return std::make_unique<IpsecMbGcm>(key); }

}  // namespace boreal::crypto::detail
#endif
