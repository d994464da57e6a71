// Small secrets at rest: sealed under a key that is derived from the root key for one purpose, and bound to the context
// that they are stored in, so that a sealed value moved to another record does not open.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "crypto/aead.h"
#include "crypto/secret.h"

namespace boreal::crypto {

// Thread rule: one thread at a time.
class Sealer {
 public:
  // Different purposes have unrelated keys. `random` outlives the sealer.
  static Result<Sealer> derive(const SecretKey& root, std::string_view purpose, Random& random);

  Result<std::string> seal(std::string_view secret, std::string_view context);
  // Errc::corrupt when it was not sealed here, for this context.
  Result<SecretBytes> open(std::string_view sealed, std::string_view context);

 private:
  Sealer(const SecretKey& key, Random& random) : cipher_(key), random_(&random) {}
  Aes256Gcm cipher_;
  Random* random_;
};

}  // namespace boreal::crypto
