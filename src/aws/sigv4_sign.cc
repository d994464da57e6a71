// The client's side of Signature Version 4.
#include <algorithm>
#include <set>

#include "aws/sigv4.h"
#include "codec/percent.h"
#include "codec/time.h"

namespace boreal::aws {
namespace {

std::vector<std::string> names_of(const http::Headers& headers) {
  std::set<std::string> names;
  for (const auto& [field, value] : headers) {
    std::string name(field);
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    names.insert(std::move(name));
  }
  return {names.begin(), names.end()};
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text.append(text.empty() ? "" : ";").append(name);
  return text;
}

CredentialScope scope_of(const SignOptions& options) {
  return {codec::format_basic_date(options.now), options.region, options.service};
}

std::string signature_of(const RequestView& request, const std::vector<std::string>& names,
                         const SigningCredentials& credentials, const SignOptions& options) {
  const auto scope = scope_of(options);
  const auto canonical = canonical_request(request, options.canon, names, options.payload_hash);
  if (!canonical) return {};  // a query that cannot be decoded has no signature; every server refuses it
  return sign_text(derive_signing_key(credentials.secret_key, scope),
                   string_to_sign(codec::format_basic(options.now), scope, *canonical));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> sign(const RequestView& request, const SigningCredentials& credentials,
                                                      const SignOptions& options) {
  std::vector<std::pair<std::string, std::string>> added = {{"X-Amz-Date", codec::format_basic(options.now)}};
  if (!credentials.session_token.empty()) added.emplace_back("X-Amz-Security-Token", credentials.session_token);
  if (options.canon == Canon::s3) added.emplace_back("X-Amz-Content-Sha256", options.payload_hash);
  http::Headers headers = request.headers;
  for (const auto& [name, value] : added) headers.set(name, value);
  const auto names = names_of(headers);
  const auto signature =
      signature_of({request.method, request.path, request.query, headers}, names, credentials, options);
  added.emplace_back("Authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.access_key + "/" +
                                          scope_of(options).to_string() + ", SignedHeaders=" + joined(names) +
                                          ", Signature=" + signature);
  return added;
}

std::string presign(const RequestView& request, const SigningCredentials& credentials, const SignOptions& options,
                    int64_t expires_s) {
  const auto names = names_of(request.headers);
  std::string query(request.query);
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!query.empty()) query += '&';
    query.append(name).append("=").append(codec::percent_encode(value));
  };
  add("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
  add("X-Amz-Credential", credentials.access_key + "/" + scope_of(options).to_string());
  add("X-Amz-Date", codec::format_basic(options.now));
  add("X-Amz-Expires", std::to_string(expires_s));
  add("X-Amz-SignedHeaders", joined(names));
  if (!credentials.session_token.empty()) add("X-Amz-Security-Token", credentials.session_token);
  add("X-Amz-Signature",
      signature_of({request.method, request.path, query, request.headers}, names, credentials, options));
  return query;
}

}  // namespace boreal::aws
