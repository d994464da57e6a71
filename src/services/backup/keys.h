// The data keys of recovery points: one each, wrapped by the vault's KMS key and kept beside the bytes.
#pragma once

#include <string>

#include "aws/peers.h"
#include "backup/resources.h"
#include "objects/types.h"

namespace boreal::backup {

// Bound to the recovery point by its encryption context.
Task<aws::Outcome<objects::DataKey>> new_data_key(aws::Keys& keys, Place place, std::string key_arn,
                                                  std::string point_arn);

// Lives as long as the stream that it opens.
class PointKeys final : public objects::Keys {
 public:
  PointKeys(aws::Keys& keys, Place place, std::string point_arn)
      : keys_(keys), place_(std::move(place)), point_arn_(std::move(point_arn)) {}
  Task<Result<crypto::SecretBytes>> unwrap(std::string wrapped) override;

 private:
  aws::Keys& keys_;
  const Place place_;
  const std::string point_arn_;
};

}  // namespace boreal::backup
