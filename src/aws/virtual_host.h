// Which bucket a host name means: "virtual-hosted-style" requests have it there instead of in the path.
// Source: Amazon S3 User Guide, "Virtual hosting of general purpose buckets"; AWS General Reference, "S3 endpoints".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace boreal::aws {

// The part of `host` (as in the Host field, in lower case) that names a bucket; none where the path does. Known are
// AWS's own endpoints (BUCKET.s3.REGION.amazonaws.com and its relatives), the same under localhost and under
// LocalStack's localhost.localstack.cloud, BUCKET.localhost (what SDKs make of http://localhost), and BUCKET.DOMAIN for
// `domains`.
std::optional<std::string_view> bucket_of_host(std::string_view host, std::span<const std::string> domains);

}  // namespace boreal::aws
