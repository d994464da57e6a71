// Amazon S3 Control: the public access block of an account, and the tags of its buckets. Keeps nothing of its own: S3
// has both, and enforces them.
#pragma once

#include <string>
#include <vector>

#include "api/s3control/errors.h"
#include "api/s3control/service.h"
#include "aws/peers.h"

namespace boreal::s3control {

class Service final : public api::s3control::Api {
 public:
  // S3 stands behind both; it lives longer.
  Service(aws::PublicAccess& public_access, aws::BucketTags& bucket_tags)
      : public_access_(public_access), bucket_tags_(bucket_tags) {}

  // An account speaks for itself only, whatever policies say; about a bucket the bucket's policy may let others.
  Task<aws::Outcome<std::vector<aws::Access>>> access(aws::Call& call, const aws::Operation& operation,
                                                      const aws::Value& input) override;

  Task<aws::Outcome<api::s3control::DeletePublicAccessBlockOutput>> delete_public_access_block(
      aws::Call& call, api::s3control::DeletePublicAccessBlockRequest input) override;
  Task<aws::Outcome<api::s3control::GetPublicAccessBlockOutput>> get_public_access_block(
      aws::Call& call, api::s3control::GetPublicAccessBlockRequest input) override;
  Task<aws::Outcome<api::s3control::PutPublicAccessBlockOutput>> put_public_access_block(
      aws::Call& call, api::s3control::PutPublicAccessBlockRequest input) override;

  // About buckets; of other resources NotImplemented. NoSuchResource for one that is not the account's.
  Task<aws::Outcome<api::s3control::ListTagsForResourceResult>> list_tags_for_resource(
      aws::Call& call, api::s3control::ListTagsForResourceRequest input) override;
  Task<aws::Outcome<api::s3control::TagResourceResult>> tag_resource(aws::Call& call,
                                                                     api::s3control::TagResourceRequest input) override;
  Task<aws::Outcome<api::s3control::UntagResourceResult>> untag_resource(
      aws::Call& call, api::s3control::UntagResourceRequest input) override;

 private:
  // The name of the account's bucket that the ARN means.
  aws::Outcome<std::string> bucket_of(const std::string& arn, const std::string& account) const;

  aws::PublicAccess& public_access_;
  aws::BucketTags& bucket_tags_;
};

}  // namespace boreal::s3control
