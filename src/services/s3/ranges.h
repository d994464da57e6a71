// The Range header, as S3 takes it (RFC 9110, 14.1.2, one range). Pure.
#pragma once

#include <optional>
#include <string>

#include "aws/error.h"
#include "objects/types.h"

namespace boreal::s3 {

// nullopt: not a range that is honoured (another unit, several ranges, not well-formed), or the end of what is empty:
// all is sent. InvalidRange when nothing of it lies in the object.
aws::Outcome<std::optional<objects::Range>> parse_range(const std::string& header, uint64_t size);

// x-amz-copy-source-range, which must be well-formed and lie in the object: InvalidArgument, InvalidRange.
aws::Outcome<objects::Range> parse_copy_range(const std::string& header, uint64_t size);

}  // namespace boreal::s3
