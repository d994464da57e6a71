// Whether a bucket policy lets everybody in. Source: S3 User Guide, "Blocking public access", "The meaning of public".
#pragma once

#include <string>

#include "aws/caller.h"
#include "s3/resources.h"

namespace boreal::s3 {

// `policy` has been validated. What cannot be told counts as public.
bool is_public_policy(const std::string& policy);

// A bucket with a public policy that its owner restricts: nobody outside the account comes in, by policy or by list.
bool is_closed_to(const aws::Caller& caller, const Bucket& bucket);

}  // namespace boreal::s3
