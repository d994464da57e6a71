#include "aws/sigv2.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/text.h"
#include "codec/base64.h"
#include "codec/percent.h"
#include "codec/time.h"
#include "crypto/secret.h"

namespace boreal::aws {
namespace {

constexpr Duration max_skew = std::chrono::minutes(15);
constexpr uint64_t max_expires = 1ull << 40;  // seconds; what is later is as good as never

// Parameters that make the request another one, and so are signed with its path; those that only narrow it (prefix,
// max-keys …) are not.
constexpr std::string_view sub_resources[] = {"accelerate",
                                              "acl",
                                              "analytics",
                                              "attributes",
                                              "cors",
                                              "defaultObjectAcl",
                                              "delete",
                                              "encryption",
                                              "intelligent-tiering",
                                              "inventory",
                                              "legal-hold",
                                              "lifecycle",
                                              "location",
                                              "logging",
                                              "metrics",
                                              "notification",
                                              "object-lock",
                                              "ownershipControls",
                                              "partNumber",
                                              "policy",
                                              "policyStatus",
                                              "publicAccessBlock",
                                              "replication",
                                              "requestPayment",
                                              "restore",
                                              "retention",
                                              "select",
                                              "select-type",
                                              "storageClass",
                                              "tagging",
                                              "torrent",
                                              "uploadId",
                                              "uploads",
                                              "versionId",
                                              "versioning",
                                              "versions",
                                              "website",
                                              "response-cache-control",
                                              "response-content-disposition",
                                              "response-content-encoding",
                                              "response-content-language",
                                              "response-content-type",
                                              "response-expires"};

std::unexpected<AuthError> fail(AuthFailure kind, std::string message,
                                std::vector<std::pair<std::string, std::string>> fields = {}) {
  return std::unexpected(AuthError{kind, std::move(message), std::move(fields)});
}

struct Parameter {
  std::string name;                  // both decoded: an escaped name means the same
  std::optional<std::string> value;  // "?acl" and "?acl=" are told apart
};
std::vector<Parameter> parameters_of(std::string_view query) {
  std::vector<Parameter> parameters;
  for (const std::string_view piece : split(query, '&')) {
    if (piece.empty()) continue;
    const size_t equals = piece.find('=');
    parameters.push_back({codec::percent_decode_leniently(piece.substr(0, equals)), std::nullopt});
    if (equals == std::string_view::npos) continue;
    parameters.back().value = codec::percent_decode_leniently(piece.substr(equals + 1));
  }
  return parameters;
}

std::optional<std::string> find(const std::vector<Parameter>& parameters, std::string_view name) {
  const auto found = std::ranges::find(parameters, name, &Parameter::name);
  if (found == parameters.end()) return std::nullopt;
  return found->value.value_or("");
}

std::string_view authorization_of(const RequestView& request) {
  return trim(request.headers.get("authorization").value_or(""));
}

bool has_header(const RequestView& request) {
  const std::string_view text = authorization_of(request);
  return text == "AWS" || text.starts_with("AWS ");
}

AuthResult<Signature> parse_header(const RequestView& request) {
  const std::string_view text = trim(authorization_of(request).substr(3));
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || request.headers.count("authorization") != 1)
    return fail(AuthFailure::malformed_2, "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature");
  Signature out{.mode = SigningMode::header, .version_2 = true};
  out.access_key = text.substr(0, colon);
  out.value = text.substr(colon + 1);
  out.session_token = request.headers.get("x-amz-security-token").value_or("");
  auto date = request.headers.get("x-amz-date");
  if (!date) date = request.headers.get("date");
  std::string day(date.value_or(""));
  if (day.ends_with(" +0000")) day.replace(day.size() - 5, 5, "GMT");  // as mails have it, and the guide's examples
  auto time = codec::parse_http_date(day);
  if (!time) time = codec::parse_basic(day);
  if (!time) return fail(AuthFailure::missing_date, "AWS authentication requires a valid Date or x-amz-date header");
  out.time = *time;
  out.timestamp = *date;
  return out;
}

AuthResult<Signature> parse_url(const RequestView& request) {
  const auto parameters = parameters_of(request.query);
  const auto key = find(parameters, "AWSAccessKeyId");
  auto value = find(parameters, "Signature");
  const auto expires = find(parameters, "Expires");
  if (!key || !value || !expires) {
    return fail(AuthFailure::malformed_query_2,
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters");
  }
  const auto seconds = parse_uint(*expires);
  if (!seconds)
    return fail(AuthFailure::malformed_query_2,
                "Invalid date (should be seconds since epoch): " + expires->substr(0, 64));
  std::ranges::replace(*value, ' ', '+');  // some do not escape it
  Signature out{.mode = SigningMode::query, .version_2 = true};
  out.access_key = *key;
  out.value = *value;
  out.session_token = request.headers.get("x-amz-security-token").value_or("");
  if (out.session_token.empty()) out.session_token = find(parameters, "x-amz-security-token").value_or("");
  out.timestamp = *expires;
  out.time = {static_cast<int64_t>(std::min(*seconds, max_expires)) * 1000};
  return out;
}

AuthResult<void> check_time(const Signature& signature, Time now) {
  if (signature.mode == SigningMode::header) {
    if (std::chrono::abs(now - signature.time) <= max_skew) return {};
    return fail(AuthFailure::skewed, "The difference between the request time and the current time is too large.",
                {{"RequestTime", signature.timestamp},
                 {"ServerTime", codec::format_iso8601(now)},
                 {"MaxAllowedSkewMilliseconds", "900000"}});
  }
  if (now <= signature.time) return {};
  return fail(AuthFailure::expired, "Request has expired",
              {{"Expires", codec::format_iso8601(signature.time)}, {"ServerTime", codec::format_iso8601(now)}});
}

// x-amz-…: header fields, and those that the makers of URLs put into the query.
std::map<std::string, std::string> amazon_fields(const RequestView& request, const std::vector<Parameter>& parameters) {
  std::map<std::string, std::string> fields;
  for (const auto& [name, value] : request.headers) {
    const std::string lower = to_lower(name);
    if (!lower.starts_with("x-amz-")) continue;
    auto [at, is_new] = fields.emplace(lower, trim(value));
    if (!is_new) at->second.append(",").append(trim(value));
  }
  for (const Parameter& parameter : parameters) {
    const std::string lower = to_lower(parameter.name);
    if (lower.starts_with("x-amz-")) fields.emplace(lower, trim(parameter.value.value_or("")));
  }
  return fields;
}

std::string canonical_resource(std::string_view path, std::vector<Parameter> parameters) {
  std::string text(path);
  if (text.size() > 1 && text.find('/', 1) == std::string::npos)
    text += '/';  // a bucket alone, however it was asked for
  std::ranges::sort(parameters, {}, [](const Parameter& one) { return std::tie(one.name, one.value); });
  char before = '?';
  for (const Parameter& parameter : parameters) {
    if (std::ranges::find(sub_resources, parameter.name) == std::end(sub_resources)) continue;
    text.append(1, before).append(parameter.name);
    if (parameter.value) text.append("=").append(*parameter.value);
    before = '&';
  }
  return text;
}

}  // namespace

bool is_version_2(const RequestView& request) {
  if (!authorization_of(request).empty() || request.query.empty()) return has_header(request);
  return std::ranges::any_of(parameters_of(request.query), [](const Parameter& parameter) {
    return parameter.name == "AWSAccessKeyId" || parameter.name == "Signature";
  });
}

bool takes_version_2(std::string_view region) {
  for (const std::string_view old : {"us-east-1", "us-west-1", "us-west-2", "eu-west-1", "ap-northeast-1",
                                     "ap-southeast-1", "ap-southeast-2", "sa-east-1", "us-gov-west-1"}) {
    if (region == old) return true;
  }
  return false;
}

AuthResult<Signature> parse_version_2(const RequestView& request) {
  TRY(auto signature, has_header(request) ? parse_header(request) : parse_url(request));
  signature.scope = {.date = "", .region = "us-east-1", .service = "s3"};  // it knows no regions
  return signature;
}

std::string string_to_sign_2(const Signature& signature, const RequestView& request) {
  const auto parameters = parameters_of(request.query);
  const bool is_url = signature.mode == SigningMode::query;
  const auto field = [&](std::string_view name) {
    if (const auto value = request.headers.get(name)) return std::string(trim(*value));
    return is_url ? find(parameters, name).value_or("") : std::string();
  };
  const auto fields = amazon_fields(request, is_url ? parameters : std::vector<Parameter>());
  std::string date = fields.contains("x-amz-date") ? std::string() : field("date");
  if (is_url) date = signature.timestamp;
  std::string text(request.method);
  for (const std::string& line : {field("content-md5"), field("content-type"), date}) text.append("\n").append(line);
  text += '\n';
  for (const auto& [name, value] : fields) text.append(name).append(":").append(value).append("\n");
  return text + canonical_resource(request.path, parameters);
}

AuthResult<BodyCheck> verify_version_2(const Signature& signature, const RequestView& request,
                                       const VerifyOptions& options) {
  CHECK(check_time(signature, options.now));
  for (const auto& [name, value] : request.headers) {
    if (http::equals_ignore_case(name.substr(0, 9), "x-boreal-"))
      return fail(AuthFailure::header_not_signed, "There were headers present in the request which were not signed",
                  {{"HeadersNotSigned", to_lower(name)}});
  }
  const std::string text = string_to_sign_2(signature, request);
  const crypto::HmacKey<crypto::HashKind::sha1> key(options.secret);
  if (!crypto::constant_time_equal(codec::base64_encode(key.of(text)), signature.value)) {
    return fail(
        AuthFailure::mismatch,
        "The request signature we calculated does not match the signature you provided. Check your key and "
        "signing method.",
        {{"AWSAccessKeyId", signature.access_key}, {"StringToSign", text}, {"SignatureProvided", signature.value}});
  }
  return anonymous_body(request);
}

}  // namespace boreal::aws
