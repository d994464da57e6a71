// AWS Signature Version 4: who signed a request, and whether it is the request that was signed.
// Pure functions: no clock, no look-up. The gate calls parse_signature(), finds the secret of the access key that was
// named, and calls verify_signature(). The same canonical form also signs, for presigned URLs, tests and the command
// line. Source: IAM User Guide "Create a signed AWS API request"; S3 API Reference "Authenticating Requests (AWS
// Signature Version 4)".
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "aws/error.h"
#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "http/message.h"

namespace boreal::aws {

enum class Protocol;

// What of a request a signature covers. Views: the request must outlive it.
struct RequestView {
  std::string_view method;
  std::string_view path;   // as sent, still percent-encoded
  std::string_view query;  // as sent, without '?'
  const http::Headers& headers;
  static RequestView of(const http::Request& request) {
    return {request.method, request.path, request.query, request.headers};
  }
};

// The fields of a head by name, whatever its case, those of one name in the order that they came in. Looking through
// all of them for each that is signed would take time that grows with the square of their number, before it is known
// who asks.
class FieldsByName {
 public:
  using Field = std::pair<std::string_view, std::string_view>;
  explicit FieldsByName(const http::Headers& headers);  // which outlive it
  std::span<const Field> of(std::string_view name) const;

 private:
  std::vector<Field> fields_;
};

// The two ways to write a request canonically, and with them the two sets of habits around them.
// s3: the path is not normalised and encoded once, the hash of the body is in a header, every x-amz-* header must be
// signed. standard: dot segments and double slashes are taken out of the path and what was sent is encoded again; the
// whole body is hashed before the request is looked at.
enum class Canon { standard, s3 };

enum class SigningMode { anonymous, header, query };

struct CredentialScope {
  std::string date;  // 20150830
  std::string region;
  std::string service;
  std::string to_string() const;  // "20150830/us-east-1/s3/aws4_request"
};

// What a request says of its signature. Nothing of it is proven.
struct Signature {
  SigningMode mode = SigningMode::anonymous;
  std::string access_key;
  std::string session_token;
  CredentialScope scope;
  std::string timestamp;  // 20150830T123600Z
  Time time;
  int64_t expires_s = 0;                    // query only
  std::vector<std::string> signed_headers;  // lower case, sorted, each once
  std::string value;                        // 64 hexadecimal digits, lower case
};

// Why a request is not believed. What AWS calls it depends on the service: to_api_error().
enum class AuthFailure {
  missing,                 // no signature where one is needed
  two_mechanisms,          // Authorization header and query parameters at once
  version_2,               // AWS access:signature, or AWSAccessKeyId= in the query
  not_served,              // AWS4-ECDSA-P256-SHA256, or two Authorization headers
  unknown_scheme,          // Basic, Bearer …
  malformed,               // Authorization header: a part is missing, doubled or not of its form
  malformed_form,          // the same of the fields of a browser's form
  malformed_query,         // the same of X-Amz-… parameters, an expiry outside 0..604800 included
  scope_date,              // the scope's date is not that of the timestamp
  scope_region,            // signed for another region
  scope_service,           // signed for another service
  missing_date,            // neither x-amz-date nor date
  skewed,                  // more than 15 minutes from our time
  expired,                 // presigned, and its time is over
  not_yet_valid,           // presigned, and signed more than 15 minutes ahead of our time
  header_not_signed,       // host or an x-amz-* header that came is not among the signed headers
  unknown_key,             // nobody's access key; found by the caller of verify_signature()
  expired_token,           // of a session that is over; found by the caller of verify_signature()
  unknown_token,           // it is not that of the access key; found by the caller of verify_signature()
  mismatch,                // the signature is not that of this request
  payload_hash_missing,    // S3: no x-amz-content-sha256
  payload_hash_malformed,  // it is neither a digest nor a word that we know
  payload_mode,       // a mode that may not be used here: unsigned outside S3, streaming without a header signature
  payload_mismatch,   // the body is not the one whose digest was signed
  chunk_mismatch,     // a chunk's or the trailer's signature is wrong
  body_malformed,     // the framing of an aws-chunked body is broken
  body_unsupported,   // it asks for what we do not take: another trailer than a checksum
  chunk_too_small,    // one that another follows has less than 8 KiB
  trailer_malformed,  // so is what follows its last chunk
  decoded_length,     // x-amz-decoded-content-length is no number, or not there
  body_incomplete,    // it ended early
  body_length,        // it is not x-amz-decoded-content-length long
};

struct AuthError {
  AuthFailure kind;
  std::string message;  // what was wrong with which value
  // Further members of S3's answer, by wire name: AWSAccessKeyId, StringToSign, CanonicalRequest …
  std::vector<std::pair<std::string, std::string>> fields = {};
  bool presigned = false;  // whether the fault is in a URL's parameters
};

template <class T = void>
using AuthResult = std::expected<T, AuthError>;

// In the words of the protocol at hand. `canon` s3 means S3's own codes, whatever the protocol.
ApiError to_api_error(const AuthError& error, Protocol protocol, Canon canon);

using SigningKey = crypto::Digest<crypto::HashKind::sha256>;

// The four HMACs that lead from the secret to the key of one day, region and service.
SigningKey derive_signing_key(std::string_view secret, const CredentialScope& scope);

// Remembers derived keys of signatures that were right, so strangers cannot fill it. Thread rule: one thread.
class SigningKeyCache {
 public:
  explicit SigningKeyCache(size_t max_keys = 4096) : max_keys_(max_keys) {}
  ~SigningKeyCache();
  SigningKeyCache(const SigningKeyCache&) = delete;
  SigningKeyCache& operator=(const SigningKeyCache&) = delete;

  struct Found {
    SigningKey key;
    bool remembered;
  };
  // The remembered key, or a newly derived one that is not remembered yet.
  Found find(const std::string& access_key, std::string_view secret, const CredentialScope& scope) const;
  void remember(const std::string& access_key, std::string_view secret, const CredentialScope& scope,
                const SigningKey& key);
  size_t size() const { return keys_.size(); }

 private:
  struct Entry {
    crypto::SecretBytes secret;  // tells a changed secret of the same access key
    SigningKey key;
  };
  void clear();
  size_t max_keys_;
  std::unordered_map<std::string, Entry> keys_;
};

enum class PayloadKind {
  sha256,
  unsigned_bytes,
  signed_chunks,
  signed_chunks_and_trailer,
  unsigned_chunks_and_trailer
};

// What is left to check while an S3 body is read; see chunked.h.
struct BodyCheck {
  PayloadKind kind = PayloadKind::unsigned_bytes;
  std::string sha256;  // kind sha256: what x-amz-content-sha256 says, which no body need have
  // Signed chunks: each signature is chained to the one before, the first to the request's.
  SigningKey key{};
  std::string timestamp;
  std::string scope;
  std::string seed_signature;
  std::string access_key, canonical_request;  // for those who look for their mistake
  // aws-chunked bodies.
  std::optional<uint64_t> decoded_length;  // x-amz-decoded-content-length
  std::vector<std::string> trailers;       // names announced by x-amz-trailer, lower case
  uint64_t min_chunk_bytes = 8 << 10;      // of every chunk but the last
};

// A signature that is not that of `to_sign`, with all that shows why.
AuthError mismatch(AuthFailure kind, const std::string& access_key, const std::string& to_sign,
                   const std::string& provided, const std::string& canonical);

// Finds and parses the signature; mode anonymous when there is none. Strict: unknown, doubled or missing parts are
// refused (but see QueryParts), as is a request that carries both an Authorization header and X-Amz-… credentials.
AuthResult<Signature> parse_signature(const RequestView& request, Canon canon);

// How far the time of a signature may be from ours.
inline constexpr Duration max_skew = std::chrono::minutes(15);

struct VerifyOptions {
  Canon canon = Canon::standard;
  std::string_view service;  // the signing name that the scope must have
  std::string_view region;   // that the scope must have; empty: any
  std::string_view secret;
  Time now;
  const std::string* body = nullptr;  // standard: the whole body (null: empty)
};

// Whether a signature is of its time, and for this service and region: what can be said without its key.
AuthResult<void> check_claims(const Signature& signature, const VerifyOptions& options);
AuthResult<void> check_scope_date(const Signature& signature, Canon canon);

// Whether the signature is that of this request, made within its time. Answers how the body is to be checked (s3);
// for standard requests the body has been checked. The signature is compared in constant time.
AuthResult<BodyCheck> verify_signature(const Signature& signature, const RequestView& request,
                                       const VerifyOptions& options, SigningKeyCache& keys);

// How the body of an anonymous S3 request is framed. Signed chunks are refused: there is no key.
AuthResult<BodyCheck> anonymous_body(const RequestView& request);

// --- S3 browser uploads: fields of a multipart/form-data POST. The signed text is the policy, in base64 as sent. ---
struct FormSignature {
  std::string policy;
  std::string algorithm;   // x-amz-algorithm
  std::string credential;  // x-amz-credential
  std::string date;        // x-amz-date
  std::string signature;   // x-amz-signature
  // The older way of forms, which many pages still use: AWSAccessKeyId in `credential`, and in `signature` (base64) the
  // HMAC-SHA1 of the policy. Source: S3 developer guide, "HTML forms (AWS signature version 2)".
  bool version_2 = false;
};
AuthResult<Signature> parse_form_signature(const FormSignature& form);
// Whether the policy was signed with the secret. Its expiration and conditions are the caller's to check.
AuthResult<void> verify_form_signature(const Signature& signature, const FormSignature& form,
                                       const VerifyOptions& options, SigningKeyCache& keys);

// --- The signing side ---
struct SigningCredentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // empty: none
};
struct SignOptions {
  Canon canon = Canon::standard;
  std::string service;
  std::string region;
  Time now;
  std::string payload_hash;  // 64 hexadecimal digits, or UNSIGNED-PAYLOAD …; s3 sends it as x-amz-content-sha256
};
// The header fields to add, Authorization last. All fields that the request has are signed, and must include Host.
std::vector<std::pair<std::string, std::string>> sign(const RequestView& request, const SigningCredentials& credentials,
                                                      const SignOptions& options);
// The query to send in place of the request's own: its own parameters and the X-Amz-… ones. All header fields are
// signed.
std::string presign(const RequestView& request, const SigningCredentials& credentials, const SignOptions& options,
                    int64_t expires_s);

// The canonical request, for tests and diagnostics: method, path, query, headers, names, payload, one per line or more.
// Errors: malformed_query when the query cannot be decoded.
AuthResult<std::string> canonical_request(const RequestView& request, Canon canon,
                                          const std::vector<std::string>& signed_headers,
                                          std::string_view payload_hash);
std::string string_to_sign(std::string_view timestamp, const CredentialScope& scope,
                           std::string_view canonical_request);
std::string sign_text(const SigningKey& key, std::string_view text);  // 64 hexadecimal digits

}  // namespace boreal::aws
