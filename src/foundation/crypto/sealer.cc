#include "crypto/sealer.h"

#include "crypto/kdf.h"

namespace boreal::crypto {

Result<Sealer> Sealer::derive(const SecretKey& root, std::string_view purpose, Random& random) {
  SecretBytes bytes(SecretKey::size);
  CHECK(hkdf_sha256(root.bytes(), as_bytes("boreal sealer"), as_bytes(purpose), bytes.bytes()));
  TRY(auto key, SecretKey::from(bytes.bytes()));
  return Sealer(key, random);
}

Result<std::string> Sealer::seal(std::string_view secret, std::string_view context) {
  return cipher_.seal_message(*random_, as_bytes(context), as_bytes(secret));
}

Result<SecretBytes> Sealer::open(std::string_view sealed, std::string_view context) {
  return cipher_.open_message(as_bytes(context), as_bytes(sealed));
}

}  // namespace boreal::crypto
