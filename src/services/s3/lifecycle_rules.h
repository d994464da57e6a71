// Lifecycle rules: which are taken.
// Source: S3 User Guide, "Lifecycle configuration elements".
#pragma once

#include "api/s3/types.h"
#include "aws/error.h"
#include "s3/resources.h"

namespace boreal::s3 {

// InvalidArgument, InvalidRequest, MalformedXML.
aws::Outcome<void> check_lifecycle(const api::BucketLifecycleConfiguration& configuration);

}  // namespace boreal::s3
