// Finding a signature in a request, and taking it apart.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>

#include "aws/sigv4.h"
#include "base/text.h"
#include "codec/percent.h"
#include "codec/time.h"

namespace boreal::aws {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view algorithm_4a = "AWS4-ECDSA-P256-SHA256";
constexpr int64_t max_expires_s = 7 * 24 * 3600;
constexpr size_t max_signed_headers = 500;  // as many as a request has at most
constexpr std::string_view wrong_date = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"";

std::unexpected<AuthError> fail(AuthFailure kind, std::string message) {
  return std::unexpected(AuthError{kind, std::move(message)});
}

bool all_of(std::string_view text, bool (*good)(char)) { return !text.empty() && std::ranges::all_of(text, good); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-'; }
bool is_header_char(char c) {
  return is_word(c) ? !(c >= 'A' && c <= 'Z') : std::string_view("!#$%&'*+.^`|~").contains(c);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "AKID/20150830/us-east-1/s3/aws4_request" into access key and scope; an error's message, for which S3 has its own
// words.
std::optional<std::string> parse_credential(std::string_view text, Canon canon, Signature& out) {
  const bool of_s3 = canon == Canon::s3;
  const std::string_view form =
      "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
  std::array<std::string_view, 5> parts;
  size_t count = 0;
  for (const auto part : std::views::split(text, '/')) {
    if (count < parts.size()) parts[count] = std::string_view(part);
    ++count;
  }
  if (count != parts.size()) {
    if (of_s3) return std::string(form);
    return fmt::format(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{}'",
        text.substr(0, 256));
  }
  const auto [key, date, region, service, end] = parts;
  if (!all_of(key, is_word) || key.size() > 128) {
    if (of_s3) return std::string(form);
    return "Credential names no valid access key";
  }
  if (!all_of(date, is_digit) || date.size() != 8) {
    if (of_s3) {
      return fmt::format(
          "incorrect date format \"{}\". This date in the credential must be in the format \"yyyyMMdd\".",
          date.substr(0, 64));
    }
    return fmt::format("Date in Credential scope should be YYYYMMDD, not '{}'", date.substr(0, 64));
  }
  if (!all_of(region, is_word) || region.size() > 64) {
    return fmt::format("Credential should be scoped to a valid region, not '{}'.", region.substr(0, 64));
  }
  if (!all_of(service, is_word) || service.size() > 64) {
    return fmt::format("Credential should be scoped to a valid service, not '{}'.", service.substr(0, 64));
  }
  if (end != "aws4_request") {
    if (of_s3) return fmt::format("incorrect terminal \"{}\". This endpoint uses \"aws4_request\".", end.substr(0, 64));
    return fmt::format("Credential should be scoped with a valid terminator: 'aws4_request', not '{}'.",
                       end.substr(0, 64));
  }
  out.access_key = key;
  out.scope = {std::string(date), std::string(region), std::string(service)};
  return {};
}

// S3 takes names in any case and order, and more than once; what it signs has them in order.
std::optional<std::string> parse_signed_headers(std::string_view text, Canon canon, Signature& out) {
  const bool of_s3 = canon == Canon::s3;
  out.signed_headers.reserve(
      std::min<size_t>(static_cast<size_t>(std::ranges::count(text, ';')) + 1, max_signed_headers));
  for (const auto part : std::views::split(text, ';')) {
    const std::string name = of_s3 ? to_lower(std::string_view(part)) : std::string(std::string_view(part));
    if (!all_of(name, is_header_char)) return "SignedHeaders must be header names in lower case, separated by ';'";
    if (!of_s3 && !out.signed_headers.empty() && out.signed_headers.back() >= name) {
      return fmt::format("SignedHeaders must be sorted and name each header once, '{}' does not belong after '{}'",
                         name, out.signed_headers.back());
    }
    if (out.signed_headers.size() == max_signed_headers)
      return fmt::format("SignedHeaders names more than {}", max_signed_headers);
    out.signed_headers.push_back(name);
  }
  if (out.signed_headers.empty()) return "SignedHeaders is empty";
  std::ranges::sort(out.signed_headers);
  const auto repeated = std::ranges::unique(out.signed_headers);
  out.signed_headers.erase(repeated.begin(), repeated.end());
  return {};
}

// Exactly YYYYMMDDTHHMMSSZ.
bool parse_timestamp(std::string_view text, Signature& out) {
  const auto time = codec::parse_basic(text);
  if (!time || codec::format_basic(*time) != text) return false;
  out.time = *time;
  out.timestamp = text;
  return true;
}

AuthResult<void> parse_date(const RequestView& request, Canon canon, Signature& out) {
  if (request.headers.count("x-amz-date") > 1 || request.headers.count("date") > 1) {
    return fail(AuthFailure::malformed, "the date is given more than once");
  }
  if (const auto text = request.headers.get("x-amz-date")) {
    if (parse_timestamp(*text, out)) return {};
    return fail(canon == Canon::s3 ? AuthFailure::missing_date : AuthFailure::malformed,
                fmt::format("X-Amz-Date must be in the ISO8601 basic format YYYYMMDD'T'HHMMSS'Z', got '{}'",
                            text->substr(0, 64)));
  }
  const auto text = request.headers.get("date");
  if (!text)
    return fail(AuthFailure::missing_date,
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  if (parse_timestamp(*text, out)) return {};
  const auto time = codec::parse_http_date(*text);
  if (!time)
    return fail(AuthFailure::missing_date, fmt::format("Date must be an HTTP date, got '{}'", text->substr(0, 64)));
  out.time = *time;
  out.timestamp = codec::format_basic(*time);
  return {};
}

// The scheme of an Authorization header, as far as we refuse it.
AuthResult<std::string_view> parameters_of(std::string_view authorization, Canon canon) {
  const size_t blank = authorization.find(' ');
  if (canon == Canon::s3 && blank == std::string_view::npos) {
    return std::unexpected(AuthError{
        .kind = AuthFailure::unknown_scheme,
        .message = "Authorization header is invalid -- one and only one ' ' (space) required",
        .fields = {{"ArgumentName", "Authorization"}, {"ArgumentValue", std::string(authorization.substr(0, 256))}}});
  }
  const auto scheme = authorization.substr(0, blank);
  if (scheme == algorithm) return blank == std::string_view::npos ? "" : authorization.substr(blank + 1);
  if (scheme == "AWS") {
    if (authorization.find(':') == std::string_view::npos)
      return fail(AuthFailure::unknown_scheme,
                  "AWS authorization header is invalid. Expected AwsAccessKeyId:signature");
    return fail(AuthFailure::version_2,
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.");
  }
  if (scheme == algorithm_4a) {
    return fail(AuthFailure::not_served,
                "AWS4-ECDSA-P256-SHA256 (Signature Version 4A) is not implemented. Please use AWS4-HMAC-SHA256.");
  }
  if (canon == Canon::s3) {
    return std::unexpected(AuthError{
        .kind = AuthFailure::unknown_scheme,
        .message = "Unsupported Authorization Type",
        .fields = {{"ArgumentName", "Authorization"}, {"ArgumentValue", std::string(scheme.substr(0, 256))}}});
  }
  return fail(
      AuthFailure::unknown_scheme,
      fmt::format("Authorization scheme '{}' is not supported. Please use AWS4-HMAC-SHA256.", scheme.substr(0, 32)));
}

struct Components {
  std::optional<std::string_view> credential, signed_headers, value;
};

std::string missing_components(const Components& found, Canon canon, size_t count) {
  if (canon == Canon::s3) {
    if (count != 3)
      return "the authorization header requires three components: Credential, SignedHeaders, and Signature.";
    if (!found.credential) return "missing Credential.";
    if (!found.signed_headers) return "missing SignedHeaders.";
    return found.value ? "" : "missing Signature.";
  }
  std::string missing;
  if (!found.credential) missing += "Authorization header requires 'Credential' parameter. ";
  if (!found.value) missing += "Authorization header requires 'Signature' parameter. ";
  if (!found.signed_headers) missing += "Authorization header requires 'SignedHeaders' parameter. ";
  return missing;
}

AuthResult<Components> parse_components(std::string_view parameters, Canon canon) {
  Components found;
  std::optional<std::string> unknown;  // S3 first says what is missing
  size_t count = 0;
  for (const auto piece : std::views::split(parameters, ',')) {
    const auto pair = trim(std::string_view(piece));
    const size_t equals = pair.find('=');
    const auto name = pair.substr(0, equals);
    auto* target = equals == std::string_view::npos ? nullptr
                   : name == "Credential"           ? &found.credential
                   : name == "SignedHeaders"        ? &found.signed_headers
                   : name == "Signature"            ? &found.value
                                                    : nullptr;
    ++count;
    if (target && !*target) {
      *target = pair.substr(equals + 1);
    } else if (canon == Canon::s3) {
      std::string wrong = fmt::format("the authorization component \"{}\" is malformed.", pair.substr(0, 64));
      if (equals == std::string_view::npos) return fail(AuthFailure::malformed, std::move(wrong));
      unknown = std::move(wrong);
    } else if (equals == std::string_view::npos) {
      return fail(AuthFailure::malformed,
                  fmt::format("'{}' not a valid key=value pair (missing equal-sign) in Authorization header",
                              pair.substr(0, 64)));
    } else {
      return fail(AuthFailure::malformed,
                  fmt::format("'{}' is unknown or given twice in Authorization header", name.substr(0, 64)));
    }
  }
  if (auto missing = missing_components(found, canon, count); !missing.empty())
    return fail(AuthFailure::malformed, std::move(missing));
  if (unknown) return fail(AuthFailure::malformed, std::move(*unknown));
  return found;
}

AuthResult<Signature> parse_header(const RequestView& request, Canon canon) {
  if (request.headers.count("authorization") != 1) {
    if (canon != Canon::s3) return fail(AuthFailure::malformed, "there is more than one Authorization header");
    return std::unexpected(AuthError{.kind = AuthFailure::not_served,
                                     .message = "A header you provided implies functionality that is not implemented",
                                     .fields = {{"Header", "Authorization"}}});
  }
  TRY(const auto parameters, parameters_of(trim(*request.headers.get("authorization")), canon));
  TRY(const Components found, parse_components(parameters, canon));
  Signature out{.mode = SigningMode::header, .value = std::string(*found.value)};
  if (auto wrong = parse_credential(*found.credential, canon, out)) return fail(AuthFailure::malformed, *wrong);
  if (auto wrong = parse_signed_headers(*found.signed_headers, canon, out)) return fail(AuthFailure::malformed, *wrong);
  if (request.headers.count("x-amz-security-token") > 1)
    return fail(AuthFailure::malformed, "the session token is given more than once");
  out.session_token = request.headers.get("x-amz-security-token").value_or("");
  CHECK(parse_date(request, canon, out));
  return out;
}

// The X-Amz-… parameters of a presigned URL. Of one that comes more than once, S3 takes the first.
struct QueryParts {
  std::optional<std::string> algorithm, credential, date, expires, signed_headers, signature, token;
  bool version_2 = false;
  bool doubled = false;
  bool version_4() const { return algorithm || credential || signature; }
};

QueryParts query_parts(std::vector<codec::NamedValue> pairs) {
  QueryParts parts;
  for (auto& [name, value] : pairs) {
    std::optional<std::string>* target = name == "X-Amz-Algorithm"        ? &parts.algorithm
                                         : name == "X-Amz-Credential"     ? &parts.credential
                                         : name == "X-Amz-Date"           ? &parts.date
                                         : name == "X-Amz-Expires"        ? &parts.expires
                                         : name == "X-Amz-SignedHeaders"  ? &parts.signed_headers
                                         : name == "X-Amz-Signature"      ? &parts.signature
                                         : name == "X-Amz-Security-Token" ? &parts.token
                                                                          : nullptr;
    if (name == "AWSAccessKeyId" || name == "Signature") parts.version_2 = true;
    if (!target) continue;
    if (*target) {
      parts.doubled = true;
    } else {
      *target = std::move(value);
    }
  }
  return parts;
}

AuthResult<int64_t> parse_expires(std::string_view text) {
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return fail(AuthFailure::malformed_query, "X-Amz-Expires should be a number");
  }
  if (error != std::errc() || seconds > max_expires_s) {
    return fail(AuthFailure::malformed_query,
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less "
                "than 604800 seconds");
  }
  if (seconds < 0) return fail(AuthFailure::malformed_query, "X-Amz-Expires must be non-negative");
  return seconds;
}

AuthResult<Signature> parse_presigned(const RequestView& request, const QueryParts& parts, Canon canon) {
  if (parts.version_2)
    return fail(
        AuthFailure::version_2,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256. (boto3 makes "
        "such URLs with Config(signature_version='s3v4'), the AWS CLI after `aws configure set "
        "default.s3.signature_version s3v4`.)");
  if (parts.algorithm == algorithm_4a) {
    return fail(AuthFailure::not_served,
                "AWS4-ECDSA-P256-SHA256 (Signature Version 4A) is not implemented. Please use AWS4-HMAC-SHA256.");
  }
  if (parts.doubled && canon != Canon::s3)
    return fail(AuthFailure::malformed_query, "an X-Amz-… parameter of the signature is given more than once");
  if (parts.algorithm && parts.algorithm != algorithm) {
    return fail(AuthFailure::malformed_query, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  }
  if (!parts.algorithm || !parts.credential || !parts.signature || !parts.date || !parts.signed_headers ||
      !parts.expires) {
    return fail(AuthFailure::malformed_query,
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
                "X-Amz-Signature, X-Amz-Date, "
                "X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
  }
  Signature out{.mode = SigningMode::query, .session_token = parts.token.value_or(""), .value = *parts.signature};
  if (!parts.token) out.session_token = request.headers.get("x-amz-security-token").value_or("");
  if (auto wrong = parse_credential(*parts.credential, canon, out)) {
    return fail(AuthFailure::malformed_query, "Error parsing the X-Amz-Credential parameter; " + *wrong);
  }
  if (auto wrong = parse_signed_headers(*parts.signed_headers, canon, out))
    return fail(AuthFailure::malformed_query, *wrong);
  if (!parse_timestamp(*parts.date, out)) {
    return fail(AuthFailure::malformed_query, std::string(wrong_date));
  }
  TRY(out.expires_s, parse_expires(*parts.expires));
  return out;
}

}  // namespace

AuthResult<void> check_scope_date(const Signature& signature, Canon canon) {
  const std::string& scope = signature.scope.date;
  const std::string day = signature.timestamp.substr(0, 8);
  if (day == scope) return {};
  std::string message = fmt::format(
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from "
      "'{}'.",
      scope, day, signature.timestamp);
  if (canon == Canon::s3) {
    message =
        fmt::format("Invalid credential date \"{}\". This date is not the same as X-Amz-Date: \"{}\".", scope, day);
  }
  return std::unexpected(AuthError{.kind = AuthFailure::scope_date,
                                   .message = std::move(message),
                                   .presigned = signature.mode == SigningMode::query});
}

AuthResult<Signature> parse_signature(const RequestView& request, Canon canon) {
  auto pairs = codec::parse_query(request.query);
  if (!pairs) return fail(AuthFailure::malformed_query, pairs.error().message());
  const auto parts = query_parts(std::move(*pairs));
  const auto authorization = request.headers.get("authorization");
  // S3 takes an empty header for none.
  const bool header = authorization && (canon != Canon::s3 || !trim(*authorization).empty());
  const bool query = parts.version_4() || parts.version_2;
  if ((header && query) || (parts.version_4() && parts.version_2)) {
    AuthError error{AuthFailure::two_mechanisms,
                    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
                    "parameter or the Authorization header should be specified"};
    if (header)
      error.fields = {{"ArgumentName", "Authorization"},
                      {"ArgumentValue", std::string(authorization->substr(0, 1024))}};
    return std::unexpected(std::move(error));
  }
  if (header) return parse_header(request, canon);
  if (query) return parse_presigned(request, parts, canon);
  return Signature{};
}

AuthResult<Signature> parse_form_signature(const FormSignature& form) {
  if (form.version_2)
    return Signature{.mode = SigningMode::query, .access_key = form.credential, .value = form.signature};
  if (form.algorithm == algorithm_4a) {
    return fail(AuthFailure::not_served,
                "AWS4-ECDSA-P256-SHA256 (Signature Version 4A) is not implemented. Please use AWS4-HMAC-SHA256.");
  }
  const auto wrong_field = [](std::string_view name, const std::string& value, std::string message) {
    return std::unexpected(AuthError{.kind = AuthFailure::malformed_form,
                                     .message = std::move(message),
                                     .fields = {{"ArgumentName", std::string(name)}, {"ArgumentValue", value}}});
  };
  if (form.algorithm != algorithm)
    return wrong_field("X-Amz-Algorithm", form.algorithm, "Only AWS4-HMAC-SHA256 is supported");
  Signature out{.mode = SigningMode::query, .value = form.signature};
  if (auto wrong = parse_credential(form.credential, Canon::s3, out))
    return wrong_field("X-Amz-Credential", form.credential, *wrong);
  if (!parse_timestamp(form.date, out))
    return wrong_field("X-Amz-Date", form.date, "X-Amz-Date must be formated via ISO8601 Long format");
  if (const auto dated = check_scope_date(out, Canon::s3); !dated)
    return wrong_field("X-Amz-Credential", form.credential, dated.error().message);
  return out;
}

}  // namespace boreal::aws
