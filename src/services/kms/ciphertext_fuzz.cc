// Whatever stands where a ciphertext should: it is refused, or names a key, and never opens.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "kms/ciphertext.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  boreal::SeededRandom random(1);
  const auto material = boreal::crypto::SecretKey::generate(random);
  const auto header = boreal::kms::read_header(text);
  if (boreal::kms::decrypt(material, {}, text)) std::abort();
  if (header && header->key_id.size() != 36) std::abort();
  return 0;
}
