#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ranges>

#include "aws/chunked.h"
#include "aws/sigv4.h"
#include "base/text.h"
#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/percent.h"
#include "codec/time.h"
#include "crypto/secret.h"

namespace boreal::aws {
namespace {

constexpr size_t max_trailers = 8;

std::unexpected<AuthError> fail(AuthFailure kind, std::string message,
                                std::vector<std::pair<std::string, std::string>> fields = {}) {
  return std::unexpected(AuthError{kind, std::move(message), std::move(fields)});
}

AuthResult<void> check_scope(const Signature& signature, const VerifyOptions& options) {
  if (signature.scope.service != options.service) {
    std::string message = fmt::format("Credential should be scoped to correct service: '{}', not '{}'.",
                                      options.service, signature.scope.service);
    if (options.canon == Canon::s3) {
      message = fmt::format("incorrect service \"{}\". This endpoint belongs to \"{}\".", signature.scope.service,
                            options.service);
    }
    return std::unexpected(AuthError{.kind = AuthFailure::scope_service,
                                     .message = std::move(message),
                                     .presigned = signature.mode == SigningMode::query});
  }
  if (!options.region.empty() && signature.scope.region != options.region) {
    return std::unexpected(AuthError{
        .kind = AuthFailure::scope_region,
        .message = fmt::format("the region '{}' is wrong; expecting '{}'", signature.scope.region, options.region),
        .fields = {{"Region", std::string(options.region)}},
        .presigned = signature.mode == SigningMode::query});
  }
  return {};
}

AuthResult<void> check_time(const Signature& signature, Time now) {
  if (signature.mode == SigningMode::header && std::chrono::abs(now - signature.time) <= max_skew) return {};
  const auto server_time = codec::format_iso8601(now);
  if (signature.mode == SigningMode::header) {
    return fail(
        AuthFailure::skewed,
        now > signature.time
            ? fmt::format("Signature expired: {} is now earlier than {} ({} - 15 min.)", signature.timestamp,
                          codec::format_basic(now - max_skew), codec::format_basic(now))
            : fmt::format("Signature not yet current: {} is still later than {} ({} + 15 min.)", signature.timestamp,
                          codec::format_basic(now + max_skew), codec::format_basic(now)),
        {{"RequestTime", signature.timestamp}, {"ServerTime", server_time}, {"MaxAllowedSkewMilliseconds", "900000"}});
  }
  const Time end = signature.time + std::chrono::seconds(signature.expires_s);
  if (signature.time - max_skew > now) {
    return fail(AuthFailure::not_yet_valid, "Request is not yet valid",
                {{"X-Amz-Date", fmt::to_string(signature.time.ms)},
                 {"Expires", codec::format_iso8601(end)},
                 {"ServerTime", server_time}});
  }
  if (signature.expires_s > 0 && now <= end) return {};
  return fail(AuthFailure::expired, "Request has expired",
              {{"X-Amz-Expires", fmt::to_string(signature.expires_s)},
               {"Expires", codec::format_iso8601(end)},
               {"ServerTime", server_time}});
}

// What was signed must be there (to S3 what is missing is empty, and so the signature wrong), and what decides must be
// signed.
AuthResult<void> check_headers(const Signature& signature, const RequestView& request, Canon canon) {
  const auto is_signed = [&](std::string_view name) {
    return std::ranges::binary_search(signature.signed_headers, name);
  };
  if (!is_signed("host")) {
    return fail(AuthFailure::header_not_signed, "'Host' must be a 'SignedHeader' in the AWS Authorization.",
                {{"HeadersNotSigned", "host"}});
  }
  if (canon == Canon::standard) {
    const FieldsByName fields(request.headers);
    for (const auto& name : signature.signed_headers) {
      if (fields.of(name).empty())
        return fail(AuthFailure::mismatch, fmt::format("The signed header '{}' is not in the request.", name));
    }
  }
  std::string unsigned_names;
  for (const auto& [field, value] : request.headers) {
    const bool decides = http::equals_ignore_case(field.substr(0, 6), "x-amz-") ||
                         http::equals_ignore_case(field.substr(0, 9), "x-boreal-");
    if (!decides) continue;
    const auto name = to_lower(field);
    // What this one says is signed as the body's hash; elsewhere the body is hashed here, whatever it says.
    if (is_signed(name) || name == "x-amz-content-sha256") continue;
    if (canon == Canon::standard) {
      // A token stands or falls with its access key, and some SDKs add it after signing; the date of a presigned URL is
      // in the URL.
      if (name == "x-amz-security-token") continue;
      if (name == "x-amz-date" && signature.mode == SigningMode::query) continue;
    }
    unsigned_names.append(unsigned_names.empty() ? "" : ", ").append(name);
  }
  if (unsigned_names.empty()) return {};
  return fail(AuthFailure::header_not_signed, "There were headers present in the request which were not signed",
              {{"HeadersNotSigned", unsigned_names}});
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) { return codec::hex_digit(c) >= 0; });
}

AuthResult<void> parse_decoded_length(const RequestView& request, BodyCheck& check) {
  if (const auto text = request.headers.get("x-amz-decoded-content-length")) {
    uint64_t length = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), length);
    if (error != std::errc() || end != text->data() + text->size() ||
        request.headers.count("x-amz-decoded-content-length") > 1) {
      return fail(AuthFailure::decoded_length,
                  fmt::format("x-amz-decoded-content-length must be a number, got '{}'", text->substr(0, 64)));
    }
    check.decoded_length = length;
  }
  return {};
}

AuthResult<void> parse_chunk_headers(const RequestView& request, BodyCheck& check) {
  CHECK(parse_decoded_length(request, check));
  if (check.kind == PayloadKind::signed_chunks) return {};
  for (std::string& name : announced_trailers(request.headers)) {
    if (!name.starts_with("x-amz-checksum-") || check.trailers.size() == max_trailers) {
      return fail(AuthFailure::body_unsupported, "The value specified in the x-amz-trailer header is not supported");
    }
    check.trailers.push_back(std::move(name));
  }
  return {};
}

// A URL that was signed for a plain body must not open the door for a framed one, whose frames nobody signed: to URLs
// every other word is a digest that no body has. What it would say of the length is looked at all the same.
AuthResult<BodyCheck> parse_literal(std::string_view hash, const RequestView& request) {
  BodyCheck check;
  check.kind = PayloadKind::sha256;
  check.sha256 = hash;
  if (!hash.starts_with("STREAMING-")) return check;
  CHECK(parse_decoded_length(request, check));
  if (!check.decoded_length) return fail(AuthFailure::decoded_length, "x-amz-decoded-content-length is missing");
  return check;
}

// Only what the words in x-amz-content-sha256 say; the keys come later.
AuthResult<BodyCheck> parse_payload(std::string_view hash, const RequestView& request, SigningMode mode) {
  BodyCheck check;
  // What has no body is not held to what is said of it.
  const bool is_bodiless = request.method == "GET" || request.method == "HEAD";
  if (is_bodiless && (mode == SigningMode::query || is_digest(hash))) return check;
  if (is_digest(hash)) {
    check.kind = PayloadKind::sha256;
    check.sha256 = hash;
    return check;
  }
  if (hash == "UNSIGNED-PAYLOAD") return check;
  if (mode == SigningMode::query) return parse_literal(hash, request);
  if (hash == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") {
    check.kind = PayloadKind::signed_chunks;
  } else if (hash == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") {
    check.kind = PayloadKind::signed_chunks_and_trailer;
  } else if (hash == "STREAMING-UNSIGNED-PAYLOAD-TRAILER") {
    check.kind = PayloadKind::unsigned_chunks_and_trailer;
  } else if (hash.starts_with("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")) {
    return fail(AuthFailure::not_served,
                "AWS4-ECDSA-P256-SHA256 (Signature Version 4A) is not implemented. Please use AWS4-HMAC-SHA256.");
  } else {
    return fail(AuthFailure::payload_hash_malformed,
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
                {{"ArgumentName", "x-amz-content-sha256"}, {"ArgumentValue", std::string(hash.substr(0, 256))}});
  }
  const bool signed_chunks = check.kind != PayloadKind::unsigned_chunks_and_trailer;
  if (mode == SigningMode::anonymous && signed_chunks) {
    return fail(AuthFailure::payload_mode, fmt::format("{} needs a signature in the Authorization header", hash));
  }
  CHECK(parse_chunk_headers(request, check));
  return check;
}

// S3's declared payload hash: header, or for presigned URLs a query parameter, else UNSIGNED-PAYLOAD.
AuthResult<std::string> declared_payload(const RequestView& request, SigningMode mode) {
  if (request.headers.count("x-amz-content-sha256") > 1)
    return fail(AuthFailure::payload_hash_malformed, "x-amz-content-sha256 is given more than once");
  if (const auto header = request.headers.get("x-amz-content-sha256")) return std::string(*header);
  if (mode == SigningMode::header)
    return fail(AuthFailure::payload_hash_missing, "Missing required header for this request: x-amz-content-sha256");
  if (mode == SigningMode::query) {
    auto pairs = codec::parse_query(request.query);
    if (!pairs) return fail(AuthFailure::malformed_query, pairs.error().message());
    for (auto& pair : *pairs) {
      if (pair.name == "X-Amz-Content-Sha256") return std::move(pair.value);
    }
  }
  return "UNSIGNED-PAYLOAD";
}

// AWS takes no longer heads; here nobody makes us answer a long one with three times as much.
constexpr size_t most_bytes_shown = 8 << 10;

// "41 57 53 34": shows blanks, line ends and what is no text.
std::string in_bytes(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string spaced;
  spaced.reserve(3 * text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!spaced.empty()) spaced += ' ';
    spaced += digits[byte >> 4];
    spaced += digits[byte & 15];
  }
  return spaced;
}

}  // namespace

AuthError mismatch(AuthFailure kind, const std::string& access_key, const std::string& to_sign,
                   const std::string& provided, const std::string& canonical) {
  AuthError error{kind,
                  "The request signature we calculated does not match the signature you provided. Check your key and "
                  "signing method.",
                  {{"AWSAccessKeyId", access_key}, {"StringToSign", to_sign}, {"SignatureProvided", provided}}};
  const auto show_bytes = [&](const char* name, const std::string& text) {
    if (text.size() <= most_bytes_shown) error.fields.emplace_back(name, in_bytes(text));
  };
  show_bytes("StringToSignBytes", to_sign);
  if (!canonical.empty()) {
    error.fields.emplace_back("CanonicalRequest", canonical);
    show_bytes("CanonicalRequestBytes", canonical);
  }
  return error;
}

AuthResult<void> check_claims(const Signature& signature, const VerifyOptions& options) {
  CHECK(check_time(signature, options.now));
  CHECK(check_scope_date(signature, options.canon));
  return check_scope(signature, options);
}

AuthResult<BodyCheck> verify_signature(const Signature& signature, const RequestView& request,
                                       const VerifyOptions& options, SigningKeyCache& keys) {
  CHECK(check_claims(signature, options));
  BodyCheck check;
  std::string payload_hash;
  // Before the signed headers, of which it is one: what it lacks is told by its name.
  if (options.canon == Canon::s3) {
    TRY(payload_hash, declared_payload(request, signature.mode));
  }
  CHECK(check_headers(signature, request, options.canon));
  if (options.canon == Canon::s3) {
    TRY(check, parse_payload(payload_hash, request, signature.mode));
  } else {
    const auto declared = request.headers.get("x-amz-content-sha256").value_or("");
    if (!declared.empty() && !is_digest(declared)) {
      return fail(
          AuthFailure::payload_mode,
          fmt::format("x-amz-content-sha256 '{}' is for S3 only: the body must be signed", declared.substr(0, 64)));
    }
    payload_hash =
        codec::hex_encode(crypto::Sha256::of(options.body ? std::string_view(*options.body) : std::string_view()));
  }
  TRY(const auto canonical, canonical_request(request, options.canon, signature.signed_headers, payload_hash));
  const auto to_sign = string_to_sign(signature.timestamp, signature.scope, canonical);
  const auto [key, remembered] = keys.find(signature.access_key, options.secret, signature.scope);
  if (!crypto::constant_time_equal(sign_text(key, to_sign), signature.value)) {
    return std::unexpected(mismatch(AuthFailure::mismatch, signature.access_key, to_sign, signature.value, canonical));
  }
  if (!remembered) keys.remember(signature.access_key, options.secret, signature.scope, key);
  check.key = key;
  check.timestamp = signature.timestamp;
  check.scope = signature.scope.to_string();
  check.seed_signature = signature.value;
  if (check.kind == PayloadKind::signed_chunks || check.kind == PayloadKind::signed_chunks_and_trailer) {
    check.access_key = signature.access_key;
    check.canonical_request = canonical;
  }
  return check;
}

AuthResult<BodyCheck> anonymous_body(const RequestView& request) {
  TRY(const auto hash, declared_payload(request, SigningMode::anonymous));
  return parse_payload(hash, request, SigningMode::anonymous);
}

AuthResult<void> verify_form_signature(const Signature& signature, const FormSignature& form,
                                       const VerifyOptions& options, SigningKeyCache& keys) {
  if (form.version_2) {
    const crypto::HmacKey<crypto::HashKind::sha1> key(options.secret);
    if (crypto::constant_time_equal(codec::base64_encode(key.of(form.policy)), signature.value)) return {};
    return std::unexpected(mismatch(AuthFailure::mismatch, signature.access_key, form.policy, signature.value, ""));
  }
  if (auto scoped = check_scope(signature, options); !scoped) {
    AuthError error = std::move(scoped).error();
    error.kind = AuthFailure::malformed_form;
    error.fields.insert(error.fields.begin(),
                        {{"ArgumentName", "X-Amz-Credential"}, {"ArgumentValue", form.credential}});
    return std::unexpected(std::move(error));
  }
  const auto [key, remembered] = keys.find(signature.access_key, options.secret, signature.scope);
  if (!crypto::constant_time_equal(sign_text(key, form.policy), signature.value)) {
    return std::unexpected(mismatch(AuthFailure::mismatch, signature.access_key, form.policy, signature.value, ""));
  }
  if (!remembered) keys.remember(signature.access_key, options.secret, signature.scope, key);
  return {};
}

SigningKeyCache::~SigningKeyCache() { clear(); }

void SigningKeyCache::clear() {
  for (auto& [name, entry] : keys_) crypto::wipe(entry.key);
  keys_.clear();
}

SigningKeyCache::Found SigningKeyCache::find(const std::string& access_key, std::string_view secret,
                                             const CredentialScope& scope) const {
  const auto found = keys_.find(access_key + "/" + scope.to_string());
  if (found != keys_.end() && crypto::constant_time_equal(found->second.secret.text(), secret)) {
    return {found->second.key, true};
  }
  return {derive_signing_key(secret, scope), false};
}

void SigningKeyCache::remember(const std::string& access_key, std::string_view secret, const CredentialScope& scope,
                               const SigningKey& key) {
  if (keys_.size() >= max_keys_) clear();  // a day's keys are soon derived again
  keys_.insert_or_assign(access_key + "/" + scope.to_string(), Entry{crypto::SecretBytes(secret), key});
}

}  // namespace boreal::aws
