// AWS Signature Version 2, which S3 takes beside version 4 in its older regions: an HMAC-SHA1 over method, path and a
// few headers. boto3 and `aws s3 presign` make URLs of it unless they are told otherwise. sigv4.h has the door:
// parse_signature() and verify_signature() come here. Source: S3 User Guide, "Authenticating requests (AWS signature
// version 2)".
#pragma once

#include "aws/sigv4.h"

namespace boreal::aws {

// Whether this is how the request is signed, if it is. Nothing of it is proven.
bool is_version_2(const RequestView& request);

// Whether S3 takes it in the region: those that were there before version 4 was.
bool takes_version_2(std::string_view region);

AuthResult<Signature> parse_version_2(const RequestView& request);

// What was signed. The path must begin with the bucket, wherever the request has it.
std::string string_to_sign_2(const Signature& signature, const RequestView& request);

// The body is not signed: it is taken as that of an anonymous request.
AuthResult<BodyCheck> verify_version_2(const Signature& signature, const RequestView& request,
                                       const VerifyOptions& options);

}  // namespace boreal::aws
