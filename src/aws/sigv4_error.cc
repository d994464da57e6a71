// What each service family calls a signature's failure. Sources: S3 "Error responses"; the "Common errors" page of each
// API; IAM User Guide, "Troubleshoot Signature Version 4 signing".
#include "aws/service.h"
#include "aws/sigv4.h"

namespace boreal::aws {
namespace {

// The families of failure that services other than S3 tell apart.
enum class Family { missing, incomplete, mismatch, time, unknown_key, expired_token, not_implemented };

Family family_of(AuthFailure kind) {
  switch (kind) {
    case AuthFailure::missing: return Family::missing;
    case AuthFailure::two_mechanisms:
    case AuthFailure::version_2:
    case AuthFailure::unknown_scheme:
    case AuthFailure::malformed:
    case AuthFailure::malformed_form:
    case AuthFailure::malformed_query:
    case AuthFailure::missing_date: return Family::incomplete;
    case AuthFailure::not_served: return Family::not_implemented;
    case AuthFailure::skewed:
    case AuthFailure::expired:
    case AuthFailure::not_yet_valid: return Family::time;
    case AuthFailure::unknown_token:
    case AuthFailure::unknown_key: return Family::unknown_key;
    case AuthFailure::expired_token: return Family::expired_token;
    case AuthFailure::scope_date:
    case AuthFailure::scope_region:
    case AuthFailure::scope_service:
    case AuthFailure::header_not_signed:
    case AuthFailure::mismatch:
    case AuthFailure::payload_hash_missing:
    case AuthFailure::payload_hash_malformed:
    case AuthFailure::payload_mode:
    case AuthFailure::payload_mismatch:
    case AuthFailure::chunk_mismatch:
    case AuthFailure::body_malformed:
    case AuthFailure::body_unsupported:
    case AuthFailure::chunk_too_small:
    case AuthFailure::trailer_malformed:
    case AuthFailure::decoded_length:
    case AuthFailure::body_length:
    case AuthFailure::body_incomplete: return Family::mismatch;
  }
  return Family::mismatch;
}

struct Row {
  const char* code;
  int status;
};

Row query_row(Family family) {
  switch (family) {
    case Family::missing: return {"MissingAuthenticationToken", 403};
    case Family::incomplete: return {"IncompleteSignature", 400};
    case Family::mismatch:
    case Family::time: return {"SignatureDoesNotMatch", 403};
    case Family::unknown_key: return {"InvalidClientTokenId", 403};
    case Family::expired_token: return {"ExpiredToken", 403};
    case Family::not_implemented: return {"NotImplemented", 501};
  }
  return {"SignatureDoesNotMatch", 403};
}

Row ec2_row(Family family) {
  switch (family) {
    case Family::missing:
    case Family::unknown_key: return {"AuthFailure", 401};
    case Family::time:
    case Family::expired_token: return {"RequestExpired", 400};
    default: return query_row(family);
  }
}

Row json_row(Family family, int status) {
  switch (family) {
    case Family::missing: return {"MissingAuthenticationTokenException", status};
    case Family::incomplete: return {"IncompleteSignatureException", status};
    case Family::mismatch:
    case Family::time: return {"InvalidSignatureException", status};
    case Family::unknown_key: return {"UnrecognizedClientException", status};
    case Family::expired_token: return {"ExpiredTokenException", status};
    case Family::not_implemented: return {"NotImplementedException", 501};
  }
  return {"InvalidSignatureException", status};
}

Row standard_row(Family family, Protocol protocol) {
  switch (protocol) {
    case Protocol::query: return query_row(family);
    case Protocol::ec2: return ec2_row(family);
    case Protocol::json:
    case Protocol::cbor: return json_row(family, 400);
    case Protocol::rest_json:
    case Protocol::rest_xml: return json_row(family, 403);
  }
  return query_row(family);
}

std::string field(const AuthError& error, std::string_view name) {
  for (const auto& [key, value] : error.fields) {
    if (key == name) return value;
  }
  return {};
}

ApiError standard_error(const AuthError& error, Protocol protocol) {
  const auto family = family_of(error.kind);
  const auto [code, status] = standard_row(family, protocol);
  switch (family) {
    case Family::missing: return {code, status, "Missing Authentication Token"};
    case Family::unknown_key:
      return {code, status,
              protocol == Protocol::ec2 ? "AWS was not able to validate the provided access credentials"
                                        : "The security token included in the request is invalid."};
    case Family::expired_token: return {code, status, "The security token included in the request is expired"};
    default: break;
  }
  ApiError answer(code, status, error.message);
  if (const auto canonical = field(error, "CanonicalRequest"); !canonical.empty()) {
    answer.message += "\n\nThe Canonical String for this request should have been\n'" + canonical +
                      "'\n\nThe String-to-Sign should have been\n'" + field(error, "StringToSign") + "'\n";
  }
  return answer;
}

ApiError s3_scope_error(const AuthError& error) {
  if (error.presigned) {
    return {"AuthorizationQueryParametersError", 400, "Error parsing the X-Amz-Credential parameter; " + error.message};
  }
  return {"AuthorizationHeaderMalformed", 400, "The authorization header is malformed; " + error.message};
}

ApiError s3_code(const AuthError& error) {
  const auto& message = error.message;
  switch (error.kind) {
    case AuthFailure::missing: return {"AccessDenied", 403, "Access Denied"};
    case AuthFailure::two_mechanisms: return {"InvalidArgument", 400, message};
    case AuthFailure::version_2: return {"InvalidRequest", 400, message};
    case AuthFailure::not_served: return {"NotImplemented", 501, message};
    case AuthFailure::unknown_scheme: return {"InvalidArgument", 400, message};
    case AuthFailure::malformed:
      return {"AuthorizationHeaderMalformed", 400, "The authorization header is malformed; " + message};
    case AuthFailure::malformed_form: return {"InvalidArgument", 400, message};
    case AuthFailure::malformed_query: return {"AuthorizationQueryParametersError", 400, message};
    case AuthFailure::scope_date:
    case AuthFailure::scope_region:
    case AuthFailure::scope_service: return s3_scope_error(error);
    case AuthFailure::missing_date:
      return {"AccessDenied", 403, "AWS authentication requires a valid Date or x-amz-date header"};
    case AuthFailure::skewed:
      return {"RequestTimeTooSkewed", 403,
              "The difference between the request time and the current time is too large."};
    case AuthFailure::expired:
    case AuthFailure::not_yet_valid:
    case AuthFailure::header_not_signed:
    case AuthFailure::payload_mode: return {"AccessDenied", 403, message};
    case AuthFailure::unknown_key:
      return {"InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."};
    case AuthFailure::expired_token: return {"ExpiredToken", 400, "The provided token has expired."};
    case AuthFailure::unknown_token:
      return {"InvalidToken", 400, "The provided token is malformed or otherwise invalid."};
    case AuthFailure::mismatch:
    case AuthFailure::chunk_mismatch: return {"SignatureDoesNotMatch", 403, message};
    case AuthFailure::payload_hash_missing:
    case AuthFailure::body_unsupported: return {"InvalidRequest", 400, message};
    case AuthFailure::chunk_too_small: return {"InvalidChunkSizeError", 403, message};
    case AuthFailure::payload_hash_malformed: return {"InvalidArgument", 400, message};
    case AuthFailure::payload_mismatch: return {"XAmzContentSHA256Mismatch", 400, message};
    case AuthFailure::trailer_malformed:
      return ApiError(
                 "MalformedTrailerError", 400,
                 "The request contained trailing data that was not well-formed or did not conform to our published "
                 "schema.")
          .with("Detail", message);
    case AuthFailure::decoded_length:
      return {"MissingContentLength", 411, "You must provide the Content-Length HTTP header."};
    case AuthFailure::body_malformed:
    case AuthFailure::body_incomplete:
      return ApiError("IncompleteBody", 400, "The request body terminated unexpectedly").with("Detail", message);
    case AuthFailure::body_length: return {"IncompleteBody", 400, message};
  }
  return {"AccessDenied", 403, message};
}

}  // namespace

ApiError to_api_error(const AuthError& error, Protocol protocol, Canon canon) {
  if (canon != Canon::s3) return standard_error(error, protocol);
  auto answer = s3_code(error);
  answer.fields.insert(answer.fields.end(), error.fields.begin(), error.fields.end());
  return answer;
}

}  // namespace boreal::aws
