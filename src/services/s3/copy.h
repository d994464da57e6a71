// What CopyObject and UploadPartCopy read from.
#pragma once

#include <memory>

#include "objects/objects.h"
#include "s3/conditions.h"
#include "s3/directory.h"
#include "s3/encryption.h"
#include "s3/names.h"

namespace boreal::s3 {

struct CopyFrom {
  BucketRef bucket;
  objects::Found found;  // with its data
  std::unique_ptr<RequestKeys> keys;
};

// Whether a copy's answer tells which version it is of.
bool tells_version(const CopySource& source, const objects::Version& version);

}  // namespace boreal::s3
