// Amazon S3 Control: the public access block of an account. Keeps nothing of its own: S3 has it, and enforces it.
#pragma once

#include <vector>

#include "api/s3control/errors.h"
#include "api/s3control/service.h"
#include "aws/peers.h"

namespace boreal::s3control {

class Service final : public api::s3control::Api {
 public:
  // S3 stands behind `public_access`; it lives longer.
  explicit Service(aws::PublicAccess& public_access) : public_access_(public_access) {}

  // An account speaks for itself only, whatever policies say.
  Task<aws::Outcome<std::vector<aws::Access>>> access(aws::Call& call, const aws::Operation& operation,
                                                      const aws::Value& input) override;

  Task<aws::Outcome<api::s3control::DeletePublicAccessBlockOutput>> delete_public_access_block(
      aws::Call& call, api::s3control::DeletePublicAccessBlockRequest input) override;
  Task<aws::Outcome<api::s3control::GetPublicAccessBlockOutput>> get_public_access_block(
      aws::Call& call, api::s3control::GetPublicAccessBlockRequest input) override;
  Task<aws::Outcome<api::s3control::PutPublicAccessBlockOutput>> put_public_access_block(
      aws::Call& call, api::s3control::PutPublicAccessBlockRequest input) override;

 private:
  aws::PublicAccess& public_access_;
};

}  // namespace boreal::s3control
