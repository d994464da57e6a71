#include "backup/keys.h"

#include <fmt/format.h>

namespace boreal::backup {

namespace {
aws::Keys::Context context_of(const std::string& point_arn) { return {{"aws:backup:recovery-point", point_arn}}; }
}  // namespace

Task<aws::Outcome<objects::DataKey>> new_data_key(aws::Keys& keys, Place place, std::string key_arn,
                                                  std::string point_arn) {
  CO_TRY(auto made, co_await keys.generate_data_key(nullptr, place.account, place.region, "backup", key_arn,
                                                    context_of(point_arn)));
  objects::DataKey key{crypto::SecretBytes(made.plaintext), std::move(made.ciphertext)};
  crypto::wipe(std::as_writable_bytes(std::span(made.plaintext)));
  co_return key;
}

Task<Result<crypto::SecretBytes>> PointKeys::unwrap(std::string wrapped) {
  auto plain =
      co_await keys_.decrypt(nullptr, place_.account, place_.region, std::move(wrapped), context_of(point_arn_));
  if (!plain)
    co_return fail(Errc::denied,
                   fmt::format("the recovery point's key: {}: {}", plain.error().code, plain.error().message));
  crypto::SecretBytes key(*plain);
  crypto::wipe(std::as_writable_bytes(std::span(*plain)));
  co_return key;
}

}  // namespace boreal::backup
