#include "crypto/hash.h"

// The digests themselves, which the library would rather have asked for by its providers' interface. That one allocates
// and wipes a context for each digest, which costs more than hashing some hundred bytes, and a request asks for a dozen
// digests of less.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <algorithm>
#include <stdexcept>
#include <type_traits>

#include "crypto/secret.h"

namespace boreal::crypto {
namespace {

template <HashKind K>
struct Library;
template <>
struct Library<HashKind::md5> {
  using State = MD5_CTX;
  static constexpr auto init = MD5_Init;
  static constexpr auto update = MD5_Update;
  static constexpr auto final = MD5_Final;
};
template <>
struct Library<HashKind::sha1> {
  using State = SHA_CTX;
  static constexpr auto init = SHA1_Init;
  static constexpr auto update = SHA1_Update;
  static constexpr auto final = SHA1_Final;
};
template <>
struct Library<HashKind::sha256> {
  using State = SHA256_CTX;
  static constexpr auto init = SHA256_Init;
  static constexpr auto update = SHA256_Update;
  static constexpr auto final = SHA256_Final;
};
template <>
struct Library<HashKind::sha512> {
  using State = SHA512_CTX;
  static constexpr auto init = SHA512_Init;
  static constexpr auto update = SHA512_Update;
  static constexpr auto final = SHA512_Final;
};

// Digests cannot fail for a reason outside the program.
void require(int ok) {
  if (ok != 1) throw std::runtime_error("the digest library failed");
}

template <HashKind K>
auto* state_in(std::array<std::byte, hash_state_size(K)>& bytes) {
  using State = typename Library<K>::State;
  static_assert(sizeof(State) <= hash_state_size(K) && alignof(State) <= alignof(uint64_t));
  static_assert(std::is_trivially_copyable_v<State>);
  return reinterpret_cast<State*>(bytes.data());
}

}  // namespace

template <HashKind K>
Hash<K>::Hash() {
  require(Library<K>::init(state_in<K>(state_)));
}

template <HashKind K>
Hash<K>::~Hash() {
  wipe(state_);
}

template <HashKind K>
void Hash<K>::update(Bytes bytes) {
  require(Library<K>::update(state_in<K>(state_), bytes.data(), bytes.size()));
}

template <HashKind K>
Digest<K> Hash<K>::finish() {
  Digest<K> digest;
  require(Library<K>::final(reinterpret_cast<unsigned char*>(digest.data()), state_in<K>(state_)));
  require(Library<K>::init(state_in<K>(state_)));
  return digest;
}

template <HashKind K>
Digest<K> Hash<K>::of(Bytes bytes) {
  Hash hash;
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
  Hash<K> hash;
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
