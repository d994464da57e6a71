#include "kms/ciphertext.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"

namespace boreal::kms {

namespace {

constexpr char form = 1;
constexpr size_t account_bytes = 12;
constexpr size_t key_id_bytes = 36;
constexpr size_t version_bytes = 4;
constexpr size_t header_bytes = 1 + account_bytes + key_id_bytes + version_bytes;
constexpr size_t salt_bytes = 16;
constexpr size_t message_at = header_bytes + salt_bytes;
constexpr size_t least_bytes = message_at + crypto::Aes256Gcm::nonce_size + crypto::Aes256Gcm::tag_size;
constexpr std::string_view purpose = "boreal kms message key";

void put_be32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

uint32_t get_be32(std::string_view in) {
  uint32_t value = 0;
  for (const char c : in.substr(0, version_bytes)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// Lengths stand before the texts, so that no two contexts give the same bytes.
std::string associated_data(std::string_view header, const EncryptionContext& context) {
  std::string out(header);
  for (const auto& [key, value] : context) {
    put_be32(out, static_cast<uint32_t>(key.size()));
    out += key;
    put_be32(out, static_cast<uint32_t>(value.size()));
    out += value;
  }
  return out;
}

Result<crypto::Aes256Gcm> message_cipher(const crypto::SecretKey& material, std::string_view salt) {
  crypto::SecretBytes derived(crypto::SecretKey::size);
  CHECK(crypto::hkdf_sha256(material.bytes(), as_bytes(salt), as_bytes(purpose), derived.bytes()));
  TRY(const auto key, crypto::SecretKey::from(std::as_const(derived).bytes()));
  return crypto::Aes256Gcm(key);
}

}  // namespace

Result<CiphertextHeader> read_header(std::string_view ciphertext) {
  if (ciphertext.size() < least_bytes || ciphertext[0] != form) {
    return fail(Errc::corrupt, "the ciphertext was not made by this KMS, or it was cut short");
  }
  CiphertextHeader header{.account = std::string(ciphertext.substr(1, account_bytes)),
                          .key_id = std::string(ciphertext.substr(1 + account_bytes, key_id_bytes)),
                          .version = get_be32(ciphertext.substr(1 + account_bytes + key_id_bytes))};
  const auto is_id_char = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || c == '-'; };
  if (!std::ranges::all_of(header.account, is_digit) || !std::ranges::all_of(header.key_id, is_id_char)) {
    return fail(Errc::corrupt, "the ciphertext names no key");
  }
  return header;
}

Result<std::string> encrypt(const crypto::SecretKey& material, const CiphertextHeader& header,
                            const EncryptionContext& context, Bytes plain, Random& random) {
  std::string out(1, form);
  out += header.account;
  out += header.key_id;
  put_be32(out, header.version);
  if (out.size() != header_bytes) {
    return fail(Errc::internal, "account '" + header.account + "' or key id '" + header.key_id + "' has an odd length");
  }
  const std::string associated = associated_data(out, context);
  out += random.bytes(salt_bytes);
  TRY(auto cipher, message_cipher(material, std::string_view(out).substr(header_bytes)));
  TRY(const auto message, cipher.seal_message(random, as_bytes(associated), plain));
  return out + message;
}

Result<crypto::SecretBytes> decrypt(const crypto::SecretKey& material, const EncryptionContext& context,
                                    std::string_view ciphertext) {
  CHECK(read_header(ciphertext));
  TRY(auto cipher, message_cipher(material, ciphertext.substr(header_bytes, salt_bytes)));
  const std::string associated = associated_data(ciphertext.substr(0, header_bytes), context);
  return cipher.open_message(as_bytes(associated), as_bytes(ciphertext.substr(message_at)));
}

}  // namespace boreal::kms
