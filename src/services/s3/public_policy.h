// Whether a bucket policy lets everybody in. Source: S3 User Guide, "Blocking public access", "The meaning of public".
#pragma once

#include <string>

namespace boreal::s3 {

// `policy` has been validated. What cannot be told counts as public.
bool is_public_policy(const std::string& policy);

}  // namespace boreal::s3
