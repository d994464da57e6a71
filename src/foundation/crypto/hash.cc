#include "crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "crypto/secret.h"

namespace boreal::crypto {
namespace {

// Digests cannot fail for a reason outside the program once the method is there.
void require(int ok) {
  if (ok != 1) throw std::runtime_error("the digest library failed");
}

const char* name_of(HashKind kind) {
  switch (kind) {
    case HashKind::md5: return "MD5";
    case HashKind::sha1: return "SHA1";
    case HashKind::sha256: return "SHA256";
    case HashKind::sha512: return "SHA512";
  }
}

// Looked up once: a lookup by name at each use costs as much as hashing 64 bytes. Never freed, as hashes
// may be computed until the process ends.
template <HashKind K>
const EVP_MD* method() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, name_of(K), nullptr);
  if (!fetched) throw std::runtime_error("the digest library lacks a method that boreal needs");
  return fetched;
}

unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

}  // namespace

template <HashKind K>
Hash<K>::Hash() : context_(EVP_MD_CTX_new()) {
  if (!context_) throw std::bad_alloc();
  require(EVP_DigestInit_ex(context_, method<K>(), nullptr));
}

template <HashKind K>
Hash<K>::~Hash() {
  EVP_MD_CTX_free(context_);
}

template <HashKind K>
Hash<K>& Hash<K>::operator=(Hash&& other) noexcept {
  std::swap(context_, other.context_);
  return *this;
}

template <HashKind K>
void Hash<K>::update(Bytes bytes) {
  require(EVP_DigestUpdate(context_, bytes.data(), bytes.size()));
}

template <HashKind K>
Digest<K> Hash<K>::finish() {
  Digest<K> digest;
  require(EVP_DigestFinal_ex(context_, raw(digest.data()), nullptr));
  require(EVP_DigestInit_ex(context_, method<K>(), nullptr));
  return digest;
}

namespace {
// Begun anew and ready, for what is hashed in one go: making a context costs more than hashing some hundred bytes.
template <HashKind K>
Hash<K>& hash_of_this_thread() {
  thread_local Hash<K> hash;
  return hash;
}
}  // namespace

template <HashKind K>
Digest<K> Hash<K>::of(Bytes bytes) {
  Hash& hash = hash_of_this_thread<K>();
  hash.update(bytes);
  return hash.finish();
}

template <HashKind K>
HmacKey<K>::HmacKey(Bytes key) {
  inner_.fill(std::byte{0});
  if (key.size() > inner_.size()) {
    std::ranges::copy(Hash<K>::of(key), inner_.begin());
  } else {
    std::ranges::copy(key, inner_.begin());
  }
  outer_ = inner_;
  for (std::byte& byte : inner_) byte ^= std::byte{0x36};
  for (std::byte& byte : outer_) byte ^= std::byte{0x5c};
}

template <HashKind K>
HmacKey<K>::~HmacKey() {
  wipe(inner_);
  wipe(outer_);
}

template <HashKind K>
Digest<K> HmacKey<K>::of(Bytes message) const {
  Hash<K>& hash = hash_of_this_thread<K>();
  hash.update(Bytes(inner_));
  hash.update(message);
  Digest<K> inner = hash.finish();
  hash.update(Bytes(outer_));
  hash.update(Bytes(inner));
  return hash.finish();
}

template class Hash<HashKind::md5>;
template class Hash<HashKind::sha1>;
template class Hash<HashKind::sha256>;
template class Hash<HashKind::sha512>;
template class HmacKey<HashKind::sha1>;
template class HmacKey<HashKind::sha256>;
template class HmacKey<HashKind::sha512>;

bool constant_time_equal(Bytes a, Bytes b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace boreal::crypto
