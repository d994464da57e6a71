// The canonical request and what is computed from it.
#include <algorithm>
#include <functional>

#include "aws/sigv4.h"
#include "codec/hex.h"
#include "codec/percent.h"
#include "codec/utf8.h"
#include "crypto/secret.h"

namespace boreal::aws {
namespace {

// RFC 3986, 5.2.4, and then one slash for several; a final slash stays.
std::string normalize(std::string_view path) {
  std::vector<std::string_view> kept;
  bool folder = true;  // whether the path ends as one does
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const auto segment = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    folder = slash != std::string_view::npos || segment == "." || segment == "..";
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      kept.push_back(segment);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string result = "/";
  for (const auto segment : kept) result.append(segment).push_back('/');
  if (!folder && !kept.empty()) result.pop_back();
  return result;
}

std::string canonical_path(std::string_view path, Canon canon) {
  if (path.empty()) return "/";
  if (canon == Canon::s3) {
    return codec::percent_encode(codec::percent_decode_leniently(path, codec::Plus::space), codec::Slash::keep);
  }
  if (!path.starts_with('/')) return codec::percent_encode(path, codec::Slash::keep);  // no path: not made into one
  return codec::percent_encode(normalize(path), codec::Slash::keep);
}

AuthResult<std::string> canonical_query(std::string_view query) {
  auto pairs = codec::parse_query(query);
  if (!pairs) return std::unexpected(AuthError{AuthFailure::malformed_query, pairs.error().message()});
  std::erase_if(*pairs, [](const auto& pair) { return pair.name == "X-Amz-Signature"; });
  for (auto& [name, value] : *pairs) {
    name = codec::percent_encode(name);
    value = codec::percent_encode(value);
  }
  std::ranges::sort(
      *pairs, [](const auto& a, const auto& b) { return a.name != b.name ? a.name < b.name : a.value < b.value; });
  std::string text;
  for (const auto& [name, value] : *pairs) {
    if (!text.empty()) text += '&';
    text.append(name).append("=").append(value);
  }
  return text;
}

// Octets that are no UTF-8 are ISO-8859-1 (RFC 9110, 5.5); their senders signed the characters.
std::string from_latin1(std::string_view value) {
  std::string text;
  for (const char c : value) codec::append_utf8(text, static_cast<unsigned char>(c));
  return text;
}

// Trimmed, with every run of blanks made one.
void append_header_value(std::string& out, std::string_view value) {
  std::string converted;
  if (!codec::is_utf8(value)) value = converted = from_latin1(value);
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  bool begun = false;
  for (auto at = value.begin(); (at = std::find_if_not(at, value.end(), is_blank)) != value.end(); begun = true) {
    const auto end = std::find_if(at, value.end(), is_blank);
    if (begun) out += ' ';
    out.append(at, end);
    at = end;
  }
}

// Any order will do, and most names differ in their length.
bool is_before(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return a.size() != b.size() ? a.size() < b.size() : std::ranges::lexicographical_compare(a, b, {}, lower, lower);
}

}  // namespace

FieldsByName::FieldsByName(const http::Headers& headers) {
  fields_.reserve(headers.size());
  for (const auto field : headers) fields_.push_back(field);
  std::ranges::sort(fields_, [](const Field& a, const Field& b) {
    if (is_before(a.first, b.first)) return true;
    // Of one name: Headers keeps what came later behind what came first.
    return !is_before(b.first, a.first) && std::less<>()(a.second.data(), b.second.data());
  });
}

std::span<const FieldsByName::Field> FieldsByName::of(std::string_view name) const {
  return std::ranges::equal_range(fields_, name, is_before, &Field::first);
}

AuthResult<std::string> canonical_request(const RequestView& request, Canon canon,
                                          const std::vector<std::string>& signed_headers,
                                          std::string_view payload_hash) {
  TRY(const auto query, canonical_query(request.query));
  std::string text;
  text.reserve(1024);
  text.append(request.method) += '\n';
  text.append(canonical_path(request.path, canon)).append("\n").append(query).append("\n");
  std::string names;
  const FieldsByName fields(request.headers);
  for (const auto& name : signed_headers) {
    text.append(name).append(":");
    bool first = true;
    for (const auto& [field, value] : fields.of(name)) {
      if (!first) text += ',';
      append_header_value(text, value);
      first = false;
    }
    text += '\n';
    if (!names.empty()) names += ';';
    names += name;
  }
  text.append("\n").append(names).append("\n").append(payload_hash);
  return text;
}

std::string CredentialScope::to_string() const {
  constexpr std::string_view end = "/aws4_request";
  std::string text;
  text.reserve(date.size() + region.size() + service.size() + 2 + end.size());
  return std::move(text.append(date).append("/").append(region).append("/").append(service).append(end));
}

std::string string_to_sign(std::string_view timestamp, const CredentialScope& scope, std::string_view canonical) {
  std::string text;
  text.reserve(192);
  text.append("AWS4-HMAC-SHA256\n").append(timestamp).append("\n").append(scope.to_string()).append("\n");
  return text += codec::hex_encode(crypto::Sha256::of(canonical));
}

SigningKey derive_signing_key(std::string_view secret, const CredentialScope& scope) {
  std::string seed = "AWS4";
  seed += secret;
  auto key = crypto::hmac_sha256(as_bytes(seed), scope.date);
  crypto::wipe(std::as_writable_bytes(std::span(seed)));
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service), std::string_view("aws4_request")}) {
    key = crypto::hmac_sha256(key, part);
  }
  return key;
}

std::string sign_text(const SigningKey& key, std::string_view text) {
  return codec::hex_encode(crypto::hmac_sha256(key, text));
}

}  // namespace boreal::aws
