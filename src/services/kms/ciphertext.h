// The form of what KMS encrypts. It is our own: clients treat it as opaque.
//
//   1 byte    form, 1
//   12 bytes  account that owns the key
//   36 bytes  key id
//   4 bytes   version of the key's material, big-endian
//   16 bytes  salt
//   the rest  nonce, ciphertext and tag of AES-256-GCM under HKDF-SHA256(material, salt)
//
// Each message has a key of its own, so that random nonces never wear a backing key out, however many objects are
// encrypted under it. The header and the encryption context are the associated data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace boreal::kms {

using EncryptionContext = std::map<std::string, std::string>;

struct CiphertextHeader {
  std::string account;
  std::string key_id;
  uint32_t version = 0;
};

// Errc::corrupt when it is not of this form.
Result<CiphertextHeader> read_header(std::string_view ciphertext);

Result<std::string> encrypt(const crypto::SecretKey& material, const CiphertextHeader& header,
                            const EncryptionContext& context, Bytes plain, Random& random);

// Errc::corrupt when material, context or ciphertext are not those of encrypt().
Result<crypto::SecretBytes> decrypt(const crypto::SecretKey& material, const EncryptionContext& context,
                                    std::string_view ciphertext);

}  // namespace boreal::kms
