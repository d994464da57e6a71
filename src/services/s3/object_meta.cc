#include "s3/object_meta.h"

#include <algorithm>

#include "api/s3/errors.h"
#include "base/text.h"
#include "codec/form.h"
#include "codec/mail_words.h"
#include "codec/time.h"
#include "codec/utf8.h"
#include "s3/wording.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {

constexpr size_t max_metadata_bytes = 2048;
constexpr std::string_view storage_classes[] = {"STANDARD",     "REDUCED_REDUNDANCY",  "STANDARD_IA",
                                                "ONEZONE_IA",   "INTELLIGENT_TIERING", "GLACIER",
                                                "DEEP_ARCHIVE", "GLACIER_IR"};

bool is_chunked_word(std::string_view item) { return equal_ignoring_case(trim(item), "aws-chunked"); }

// aws-chunked is how the body came, not what the object is. The rest is kept as it was written.
std::string without_chunked(std::string_view encoding) {
  std::string kept;
  bool is_first = true;
  for (const std::string_view item : split(encoding, ',')) {
    if (is_chunked_word(item)) continue;
    if (!is_first) kept += ',';
    kept += item;
    is_first = false;
  }
  return std::string(trim(kept));
}

bool is_blocked(const Bucket& bucket, std::string_view type) {
  if (!bucket.encryption) return false;
  const auto& blocked = bucket.encryption->rules.front().blocked_encryption_types;
  return blocked && blocked->encryption_type &&
         std::ranges::find(*blocked->encryption_type, type) != blocked->encryption_type->end();
}

// Headers hold Latin-1, or words of RFC 2047; such words also tell again what is not ASCII. Source: S3 User Guide,
// "Working with object metadata", whose example this reproduces.
std::string metadata_text(std::string_view header) {
  std::string text;
  for (const char c : header) codec::append_utf8(text, static_cast<unsigned char>(c));
  return codec::decode_mail_words(text);
}

// Of the user's, and of the others.
Outcome<void> check_metadata_size(size_t size) {
  if (size <= max_metadata_bytes) return {};
  return refuse(errors::metadata_too_large("Your metadata headers exceed the maximum allowed metadata size")
                    .with("Size", std::to_string(size))
                    .with("MaxSizeAllowed", std::to_string(max_metadata_bytes)));
}

}  // namespace

Outcome<void> check_storage_class(const std::string& name) {
  if (std::ranges::find(storage_classes, name) != std::end(storage_classes)) return {};
  return refuse(errors::invalid_storage_class("The storage class you specified is not valid")
                    .with("StorageClassRequested", name));
}

bool is_archived(const std::string& storage_class) {
  return storage_class == "GLACIER" || storage_class == "DEEP_ARCHIVE";
}

std::optional<Time> restored_until(const objects::Meta& meta) {
  const auto found = meta.attributes.find(attribute::restored_until);
  if (found == meta.attributes.end()) return std::nullopt;
  const auto time = codec::parse_iso8601(found->second);
  return time ? std::optional(*time) : std::nullopt;
}

std::string object_owner(const Bucket& bucket, const aws::Caller& caller, const AclHeaders& acl) {
  if (!bucket.has_acls() || caller.is_anonymous() || caller.account() == bucket.account) return bucket.account;
  const bool is_preferred = bucket.ownership == "BucketOwnerPreferred" && acl.canned == "bucket-owner-full-control";
  return is_preferred ? bucket.account : caller.account();
}

Outcome<void> check_length(const http::Request& request) {
  if (request.method == "POST") return {};  // a form's file ends where its delimiter stands
  const auto& headers = request.headers;
  const auto digest = headers.get("x-amz-content-sha256").value_or("");
  const bool is_chunked = digest.starts_with("STREAMING-");
  // Such a body is not looked into: its frames would be stored with it.
  if (const auto encoding = headers.get("content-encoding").value_or("");
      digest == "UNSIGNED-PAYLOAD" && std::ranges::any_of(split(encoding, ','), is_chunked_word)) {
    return refuse(errors::invalid_argument(
                      "aws-chunked encoding is not supported when x-amz-content-sha256 UNSIGNED-PAYLOAD is supplied")
                      .with("ArgumentName", "Content-Encoding")
                      .with("ArgumentValue", std::string(encoding)));
  }
  // HTTP's own chunks do not tell the length. AWS takes them only around chunks of its own, which do.
  if (!is_chunked && headers.has("transfer-encoding")) {
    return refuse(unserved_header("Transfer-Encoding"));
  }
  const bool is_told = request.content_length || headers.has("transfer-encoding");
  const auto decoded = headers.get("x-amz-decoded-content-length");
  if (!is_told || (is_chunked && !decoded)) {
    return refuse(errors::missing_content_length("You must provide the Content-Length HTTP header."));
  }
  // What stands around the chunks does not count.
  const uint64_t size = is_chunked ? parse_uint(*decoded).value_or(0) : request.content_length.value_or(0);
  if (size > max_body_bytes) return refuse(entity_too_large(size, max_body_bytes));
  return {};
}

aws::ApiError part_without_upload() {
  return errors::invalid_argument("This operation does not accept partNumber without uploadId")
      .with("ArgumentName", "partNumber")
      .with("ArgumentValue", "partNumber");
}

Outcome<void> check_put_query(const aws::Call& call) {
  if (call.http.query.empty()) return {};
  for (const auto& pair : codec::parse_query(call.http.query).value_or(std::vector<codec::NamedValue>())) {
    if (pair.name == "partNumber") return refuse(part_without_upload());
    if (pair.name == "versionId") {
      return refuse(errors::invalid_argument("This operation does not accept a version-id.")
                        .with("ArgumentName", "versionId")
                        .with("ArgumentValue", pair.value));
    }
  }
  return {};
}

Outcome<objects::Properties> headers_of(const Wishes& wishes) {
  constexpr std::string_view redirect = "x-amz-website-redirect-location";
  objects::Properties headers;
  size_t system = 0;
  const auto put = [&](std::string name, const std::optional<std::string>& value) {
    if (!value || value->empty()) return;
    system += name.size() + value->size();
    headers.emplace(name == redirect ? "website-redirect" : std::move(name), *value);
  };
  put("cache-control", wishes.cache_control);
  put("content-disposition", wishes.content_disposition);
  if (wishes.content_encoding) put("content-encoding", without_chunked(*wishes.content_encoding));
  put("content-language", wishes.content_language);
  put("content-type", wishes.content_type);
  headers.emplace("content-type", "binary/octet-stream");  // if it has none
  put("expires", wishes.expires);
  if (wishes.website_redirect) {
    const std::string& to = *wishes.website_redirect;
    if (!to.starts_with('/') && !to.starts_with("http://") && !to.starts_with("https://")) {
      return refuse(
          aws::ApiError("InvalidRedirectLocation", 400,
                        "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."));
    }
    if (!is_header_value(to)) {
      return refuse(aws::ApiError("InvalidRedirectLocation", 400,
                                  "The website redirect location has a control character in it."));
    }
    put(std::string(redirect), to);
  }
  CHECK(check_metadata_size(system));
  size_t own = 0;
  for (const auto& [name, value] : wishes.metadata.value_or(std::map<std::string, std::string>())) {
    std::string text = metadata_text(value);
    own += name.size() + text.size();
    headers.emplace("x-amz-meta-" + name, codec::is_mail_safe(text) ? std::move(text) : codec::mail_word(text));
  }
  CHECK(check_metadata_size(own));
  return headers;
}

// A lock that lasts until an event must not be taken for none. Source: S3 User Guide, "Object Lock considerations".
Outcome<void> check_no_event_hold(const http::Headers& headers) {
  constexpr std::string_view prefix = "x-amz-object-lock-event-hold";
  for (const auto& [name, value] : headers) {
    if (!equal_ignoring_case(std::string_view(name).substr(0, prefix.size()), prefix)) continue;
    return refuse(unserved_header(to_lower(name)));
  }
  return {};
}

Outcome<objects::Meta> meta_of(const Bucket& bucket, const aws::Call& call, const Wishes& wishes) {
  CHECK(check_no_event_hold(call.http.headers));
  objects::Meta meta;
  meta.owner = object_owner(bucket, call.caller, wishes.acl);
  meta.tier = wishes.storage_class.value_or("STANDARD");
  CHECK(check_storage_class(meta.tier));
  TRY(meta.headers, headers_of(wishes));
  if (wishes.tagging) {
    TRY(meta.tags, parse_tag_header(*wishes.tagging));
  }
  // Where lists are off, the two that give nothing to anybody but the bucket's owner are let pass.
  const auto& canned = wishes.acl.canned;
  const bool says_nothing =
      !bucket.has_acls() && !wishes.acl.has_grants() && (canned == "private" || canned == "bucket-owner-read");
  std::optional<api::AccessControlPolicy> acl;
  if (!says_nothing) {
    TRY(acl, acl_of_headers(bucket, meta.owner, wishes.acl));
  }
  if (acl) meta.attributes[std::string(attribute::acl)] = store::encode(KeptAcl{std::move(*acl)});
  CHECK(apply_lock(bucket, wishes.lock, call.now, meta));
  return meta;
}

Outcome<void> check_customer_key(const Bucket& bucket, const std::optional<CustomerKey>& customer) {
  if (!customer || !is_blocked(bucket, "SSE-C")) return {};
  return refuse(errors::access_denied("Access Denied: the bucket's encryption configuration blocks SSE-C."));
}

Outcome<Encryption> encryption_for(const Bucket& bucket, const Wishes& wishes) {
  Encryption encryption;
  if (wishes.encryption && (wishes.customer_algorithm || wishes.customer_key || wishes.customer_md5)) {
    return refuse(
        errors::invalid_argument(
            "Server Side Encryption with Customer provided key is incompatible with the encryption method specified")
            .with("ArgumentName", "x-amz-server-side-encryption")
            .with("ArgumentValue", *wishes.encryption));
  }
  TRY(encryption.customer, parse_customer_key(wishes.customer_algorithm, wishes.customer_key, wishes.customer_md5));
  if (encryption.customer) {
    if (wishes.kms_key || wishes.kms_context) return refuse(kms_key_without_kms());
    CHECK(check_customer_key(bucket, encryption.customer));
    encryption.algorithm = "customer";
    return encryption;
  }
  encryption.algorithm = wishes.encryption.value_or(encryption.algorithm);
  if (encryption.algorithm != "AES256" && encryption.algorithm != "aws:kms" && encryption.algorithm != "aws:kms:dsse") {
    return refuse(errors::invalid_argument("The encryption method specified is not supported")
                      .with("ArgumentName", "x-amz-server-side-encryption")
                      .with("ArgumentValue", encryption.algorithm));
  }
  if (!encryption.is_kms() && (wishes.kms_key || wishes.kms_context)) return refuse(kms_key_without_kms());
  encryption.kms_key = wishes.kms_key.value_or("");
  encryption.kms_context = wishes.kms_context.value_or("");
  if (bucket.encryption) {
    const auto& rule = bucket.encryption->rules.front();
    const auto& by_default = *rule.apply_server_side_encryption_by_default;
    if (!wishes.encryption) {  // with aws:kms and no key, it is not the bucket's key but that of the account
      encryption.algorithm = by_default.sse_algorithm;
      if (encryption.is_kms()) encryption.kms_key = by_default.kms_master_key_id.value_or("");
    }
    encryption.bucket_key = rule.bucket_key_enabled.value_or(false);
  }
  // Two layers know no bucket keys. Source: S3 User Guide, "Using dual-layer server-side encryption with AWS KMS keys".
  encryption.bucket_key = wishes.bucket_key.value_or(encryption.bucket_key) && encryption.algorithm == "aws:kms";
  return encryption;
}

}  // namespace boreal::s3
