#include "s3/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <set>

#include "api/s3/errors.h"
#include "base/text.h"
#include "codec/base64.h"
#include "codec/form.h"
#include "codec/hex.h"
#include "codec/percent.h"
#include "codec/utf8.h"
#include "crypto/hash.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {

// Before what a continuation token tells: what a client makes up itself is known by its lack.
constexpr std::string_view token_mark = "after:";

constexpr size_t max_object_tags = 10;
constexpr size_t max_bucket_tags = 50;
constexpr size_t max_tag_key = 128;
constexpr size_t max_tag_value = 256;
constexpr std::string_view tag_signs = " +-=._:/@";

constexpr size_t canonical_id_bytes = 32;
constexpr size_t account_bytes = 5;  // twelve decimal digits

std::string masked_account(uint64_t number, std::string_view proof) {
  const auto mask = crypto::Sha256::of(proof);
  std::string masked;
  for (size_t i = 0; i < account_bytes; ++i) masked += static_cast<char>(as_text(mask)[i] ^ (number >> (8 * i) & 0xff));
  return masked;
}

bool is_label_end(char c) { return (c >= 'a' && c <= 'z') || is_digit(c); }

bool looks_like_address(std::string_view name) {
  const auto parts = split(name, '.');
  return parts.size() == 4 && std::ranges::all_of(parts, [](std::string_view part) {
           return !part.empty() && part.size() <= 3 && std::ranges::all_of(part, is_digit);
         });
}

bool is_good_bucket_name(std::string_view name) {
  if (name.size() < 3 || name.size() > 63 || looks_like_address(name)) return false;
  // No dot or dash next to a dot.
  for (const std::string_view label : split(name, '.')) {
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
  }
  if (!is_label_end(name.front()) || !is_label_end(name.back())) return false;
  if (!std::ranges::all_of(name, [](char c) { return is_label_end(c) || c == '-' || c == '.'; })) return false;
  constexpr std::string_view reserved_beginnings[] = {"xn--", "sthree-", "amzn-s3-demo-"};
  constexpr std::string_view reserved_ends[] = {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"};
  return std::ranges::none_of(reserved_beginnings, [&](auto word) { return name.starts_with(word); }) &&
         std::ranges::none_of(reserved_ends, [&](auto word) { return name.ends_with(word); });
}

// Letters, digits, spaces and + - = . _ : / @. What is not ASCII is taken for a letter.
bool is_tag_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return is_label_end(c) || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80 ||
           tag_signs.find(c) != std::string_view::npos;
  });
}

// Those of objects are counted in UTF-16, where some characters are two. Source: S3 User Guide, "Categorizing your
// storage using tags".
size_t tag_length(std::string_view text, bool of_object) {
  const auto is_two = [](char c) { return static_cast<unsigned char>(c) >= 0xf0; };
  return characters(text) + (of_object ? static_cast<size_t>(std::ranges::count_if(text, is_two)) : 0);
}

Outcome<void> check_tag(const std::string& key, const std::string& value, bool of_object) {
  if (key.empty() || tag_length(key, of_object) > max_tag_key || !is_tag_text(key)) {
    return refuse(errors::invalid_tag("The TagKey you have provided is invalid").with("TagKey", key));
  }
  if (tag_length(value, of_object) > max_tag_value || !is_tag_text(value)) {
    return refuse(
        errors::invalid_tag("The TagValue you have provided is invalid").with("TagKey", key).with("TagValue", value));
  }
  if (to_lower(key).starts_with("aws:")) {
    return refuse(errors::invalid_tag(of_object ? "Your TagKey cannot be prefixed with aws:"
                                                : "System tags cannot be added/updated by requester")
                      .with("TagKey", key));
  }
  return {};
}

}  // namespace

size_t characters(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

Outcome<void> check_bucket_name(std::string_view name) {
  if (is_good_bucket_name(name)) return {};
  return refuse(
      errors::invalid_bucket_name("The specified bucket is not valid.").with("BucketName", std::string(name)));
}

// Until 2018 us-east-1 let them have capital letters, underscores and 255 characters.
Outcome<void> check_named_bucket(std::string_view name) {
  const auto is_sign = [](char c) { return is_label_end(to_lower(c)) || c == '-' || c == '.' || c == '_'; };
  if (name.size() >= 3 && name.size() <= 255 && std::ranges::all_of(name, is_sign)) return {};
  return check_bucket_name(name);
}

Outcome<void> check_key(std::string_view key) {
  if (key.size() > objects::max_key_bytes) {
    return refuse(errors::key_too_long_error("Your key is too long")
                      .with("Size", std::to_string(key.size()))
                      .with("MaxSizeAllowed", std::to_string(objects::max_key_bytes)));
  }
  if (!codec::is_utf8(key)) return refuse(errors::invalid_uri("Couldn't parse the specified URI."));
  return {};
}

bool leads_out(std::string_view key) {
  size_t depth = 0;
  for (const auto part : std::views::split(key, '/')) {
    const std::string_view segment(part);
    if (segment == ".." && depth == 0) return true;
    if (segment == "..") --depth;
    if (segment != ".." && segment != ".") ++depth;
  }
  return false;
}

bool is_cors_method(std::string_view method) {
  return method == "GET" || method == "PUT" || method == "POST" || method == "DELETE" || method == "HEAD";
}

bool is_header_name(std::string_view name) {
  return std::ranges::all_of(name, [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(c);
  });
}

bool is_header_value(std::string_view value) {
  return std::ranges::all_of(value, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || c == '\t';
  });
}

std::string bucket_of(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  return codec::percent_decode_leniently(path.substr(0, path.find('/')), codec::Plus::space);
}

std::string key_of(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {};
  return codec::percent_decode_leniently(path.substr(slash + 1), codec::Plus::space);
}

bool is_bucket(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  return !path.empty() && path.find('/') >= path.size() - 1;
}

std::string address_of(const http::Request& request, std::string_view bucket) {
  // What the host names was put in front of the path when the request was read.
  const bool is_in_host = request.path.size() > std::min(request.target.find('?'), request.target.size());
  const std::string place = is_in_host ? std::string() : fmt::format("{}/", bucket);
  return fmt::format("{}://{}/{}", request.tls ? "https" : "http", request.host, place);
}

// The number of the account under a mask, and a digest of it that tells the mask. So an id leads back to its account,
// without a list of all accounts, and what nobody was given is told from it.
std::string canonical_id(std::string_view account) {
  const auto digest = crypto::Sha256::of("canonical user of account " + std::string(account));
  const std::string_view proof = as_text(digest).substr(account_bytes);
  const uint64_t number = parse_uint(account).value_or(0);
  std::string id = masked_account(number, proof);
  id += proof;
  return codec::hex_encode(as_bytes(id));
}

std::optional<std::string> account_of_canonical_id(std::string_view id) {
  const auto bytes = codec::hex_decode(id);
  if (!bytes || bytes->size() != canonical_id_bytes) return std::nullopt;
  const std::string_view proof = std::string_view(*bytes).substr(account_bytes);
  const std::string mask = masked_account(0, proof);
  uint64_t number = 0;
  for (size_t i = account_bytes; i-- > 0;) number = number << 8 | static_cast<uint8_t>((*bytes)[i] ^ mask[i]);
  std::string account = fmt::format("{:012}", number);
  if (canonical_id(account) != id) return std::nullopt;
  return account;
}

aws::ApiError invalid_canonical_id(std::string place, std::string id) {
  return errors::invalid_argument("Invalid id")
      .with("ArgumentName", std::move(place))
      .with("ArgumentValue", std::move(id));
}

api::Owner owner_of(std::string_view account) {
  return {.display_name = std::string(account), .id = canonical_id(account)};
}

std::string version_text(const objects::Version& version) { return version.is_null ? "null" : version.id.text(); }

Outcome<objects::Select> parse_version(const std::optional<std::string>& text, std::string_view argument) {
  if (!text) return objects::Select::latest();
  if (*text == "null") return objects::Select::null_version();
  if (const auto id = objects::Id::parse(*text)) return objects::Select::exact(*id);
  return refuse(
      errors::invalid_argument(text->empty() ? "Version id cannot be the empty string" : "Invalid version id specified")
          .with("ArgumentName", std::string(argument))
          .with("ArgumentValue", *text));
}

Outcome<CopySource> parse_copy_source(std::string_view text) {
  const auto bad = [&](std::string why) {
    return refuse(errors::invalid_argument(std::move(why))
                      .with("ArgumentName", "x-amz-copy-source")
                      .with("ArgumentValue", "x-amz-copy-source"));  // as AWS has it
  };
  CopySource source;
  std::string_view path = text;
  if (const size_t mark = path.rfind("?versionId="); mark != std::string_view::npos) {
    auto version = codec::percent_decode(path.substr(mark + 11));
    if (!version) return bad("Invalid copy source encoding.");
    source.version_id = std::move(*version);
    path = path.substr(0, mark);
  }
  auto decoded = codec::percent_decode(path, codec::Plus::space);
  if (!decoded || !codec::is_utf8(*decoded)) return bad("Invalid copy source encoding.");
  std::string_view whole = *decoded;
  if (whole.starts_with('/')) whole.remove_prefix(1);
  const size_t slash = whole.find('/');
  if (whole.empty() || slash == 0) return bad("Invalid copy source bucket name");
  if (slash == std::string_view::npos || slash + 1 == whole.size()) return bad("Invalid copy source object key");
  source.bucket = whole.substr(0, slash);
  source.key = whole.substr(slash + 1);
  if (!check_named_bucket(source.bucket)) return bad("Invalid copy source bucket name");
  if (leads_out(source.key)) return bad("Invalid copy source object key");
  return source;
}

Outcome<objects::Properties> parse_tag_header(std::string_view text) {
  const auto pairs = codec::parse_form(text, 100);
  const auto has_one_equals = [](const auto& piece) { return std::ranges::count(piece, '=') <= 1; };
  bool is_good = pairs && std::ranges::all_of(std::views::split(text, '&'), has_one_equals);
  std::set<std::string_view> keys;
  for (size_t i = 0; is_good && i < pairs->size(); ++i) {
    const auto& [name, value] = (*pairs)[i];
    is_good = !name.empty() && keys.insert(name).second;
  }
  if (!is_good) {
    return refuse(
        errors::invalid_argument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
                                 "parameters without tag name duplicates.")
            .with("ArgumentName", "x-amz-tagging")
            .with("ArgumentValue", std::string(text)));
  }
  std::vector<api::Tag> tags;
  for (const auto& pair : *pairs) {
    if (!codec::is_utf8(pair.name)) return refuse(errors::invalid_tag("The TagKey you have provided is invalid"));
    if (!codec::is_utf8(pair.value)) return refuse(errors::invalid_tag("The TagValue you have provided is invalid"));
    tags.push_back({.key = pair.name, .value = pair.value});
  }
  return check_tags(tags, TagsOf::object);
}

Outcome<objects::Properties> check_tags(const std::vector<api::Tag>& tags, TagsOf what) {
  const bool of_object = what == TagsOf::object;
  const size_t max = of_object ? max_object_tags : max_bucket_tags;
  if (tags.size() > max) {
    return refuse(aws::ApiError(
        "BadRequest", 400,
        fmt::format("{} cannot be greater than {}", of_object ? "Object tags" : "Bucket tag count", max)));
  }
  objects::Properties kept;
  for (const api::Tag& tag : tags) {
    CHECK(check_tag(tag.key, tag.value, of_object));
    if (!kept.emplace(tag.key, tag.value).second) {
      return refuse(errors::invalid_tag("Cannot provide multiple Tags with the same key").with("TagKey", tag.key));
    }
  }
  return kept;
}

std::vector<api::Tag> tags_of(const objects::Properties& tags) {
  std::vector<api::Tag> list;
  for (const auto& [key, value] : tags) list.push_back({.key = key, .value = value});
  return list;
}

Outcome<bool> wants_encoded_keys(const std::optional<std::string>& encoding_type) {
  if (!encoding_type || equal_ignoring_case(*encoding_type, "url")) return encoding_type.has_value();
  return refuse(errors::invalid_argument("Invalid Encoding Method specified in Request")
                    .with("ArgumentName", "encoding-type")
                    .with("ArgumentValue", *encoding_type));
}

std::string continuation_token(std::string_view after) {
  return codec::base64url_encode(std::string(token_mark) + std::string(after));
}

Outcome<std::string> parse_continuation_token(std::string_view token) {
  const auto decoded = codec::base64url_decode(token);
  if (decoded && decoded->starts_with(token_mark)) return decoded->substr(token_mark.size());
  return refuse(errors::invalid_argument("The continuation token provided is incorrect")
                    .with("ArgumentName", "continuation-token"));
}

aws::ApiError with_bucket(aws::ApiError error, std::string_view bucket) {
  for (auto& [name, value] : error.fields) {
    if (error.code.starts_with("NoSuch") && name == "Key") value = std::string(bucket) + "/" + value;
  }
  return error;
}

// AWS keeps an asterisk and encodes a tilde, the other way round than in signatures. A space is %20, which every client
// reads, though AWS writes a plus.
std::string encoded_key(std::string_view key) {
  const std::string text = codec::percent_encode(key, codec::Slash::keep);
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '~') {
      out += "%7E";
    } else if (text.compare(at, 3, "%2A") == 0) {
      out += '*';
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

}  // namespace boreal::s3
