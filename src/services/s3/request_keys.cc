#include "s3/request_keys.h"

#include <algorithm>

#include "aws/gate.h"
#include "base/text.h"
#include "codec/percent.h"
#include "codec/shape.h"
#include "codec/time.h"
#include "s3/object_meta.h"

namespace boreal::s3 {

std::optional<std::string> header(const Call& call, std::string_view name) {
  const auto value = call.http.headers.get(name);
  return value ? std::optional(std::string(*value)) : std::nullopt;
}

std::vector<api::Tag> tags_of_new_bucket(const aws::Value& input) {
  const auto& configuration = input.as<api::CreateBucketRequest>().create_bucket_configuration;
  return configuration ? configuration->tags.value_or(std::vector<api::Tag>()) : std::vector<api::Tag>();
}

namespace {

struct Named {
  std::string_view from;
  std::string_view key;
};
constexpr Named header_keys[] = {
    {"x-amz-acl", "s3:x-amz-acl"},
    {"x-amz-grant-full-control", "s3:x-amz-grant-full-control"},
    {"x-amz-grant-read", "s3:x-amz-grant-read"},
    {"x-amz-grant-read-acp", "s3:x-amz-grant-read-acp"},
    {"x-amz-grant-write", "s3:x-amz-grant-write"},
    {"x-amz-grant-write-acp", "s3:x-amz-grant-write-acp"},
    {"x-amz-metadata-directive", "s3:x-amz-metadata-directive"},
    {"x-amz-storage-class", "s3:x-amz-storage-class"},
    {"x-amz-server-side-encryption", "s3:x-amz-server-side-encryption"},
    {"x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-server-side-encryption-aws-kms-key-id"},
    {"x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-server-side-encryption-customer-algorithm"},
    {"x-amz-website-redirect-location", "s3:x-amz-website-redirect-location"},
    {"x-amz-object-ownership", "s3:x-amz-object-ownership"},
    {"x-amz-bucket-namespace", "s3:x-amz-bucket-namespace"},
    {"x-amz-object-lock-mode", "s3:object-lock-mode"},
    {"x-amz-object-lock-legal-hold", "s3:object-lock-legal-hold"},
    {"x-amz-object-lock-retain-until-date", "s3:object-lock-retain-until-date"},
    {"if-match", "s3:if-match"},
    {"if-none-match", "s3:if-none-match"},
};
constexpr Named query_keys[] = {
    {"prefix", "s3:prefix"}, {"delimiter", "s3:delimiter"}, {"max-keys", "s3:max-keys"}, {"versionId", "s3:VersionId"}};

// Whether the operation has this header or parameter. What it does not have says nothing: who is let do everything
// under one prefix must not read elsewhere by writing "?prefix=" behind a key. Names of buckets have no keys' prefix.
bool takes(const Call& call, std::string_view name, codec::Location location) {
  // Not in every model, but wherever there are access lists.
  if (name.starts_with("x-amz-grant-")) name = "x-amz-acl";
  const codec::Shape* input = call.operation.input;
  // A listing of uploads has the parameters, and no keys for them. Source: Service Authorization Reference, "Actions,
  // resources, and condition keys for Amazon S3", as for what follows.
  if (input == nullptr || call.operation.name == "ListBuckets" || call.operation.name == "ListMultipartUploads")
    return false;
  // Nor has a read keys for its headers: its conditions are HTTP's, and the client's key is that of what is there.
  const bool is_read = call.operation.method == "GET" || call.operation.method == "HEAD";
  if (is_read && location == codec::Location::header) return false;
  return std::ranges::any_of(input->fields, [&](const codec::Field& field) {
    return field.location == location && equal_ignoring_case(field.wire_name, name);
  });
}

std::optional<std::string> taken_header(const Call& call, std::string_view name) {
  auto value = header(call, name);
  if (value && !takes(call, name, codec::Location::header)) value.reset();
  return value;
}

// As a listing reads it, however it is spelt: to a policy's operators "+1000" is no number, and none of them matches.
std::string number_in(const std::string& text) {
  std::string_view digits = trim(text);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto number = parse_int(digits);
  return number ? std::to_string(*number) : text;
}

// Of a parameter that comes more than once, the value that the request is carried out by: to ForAnyValue, each of them
// would do.
std::optional<std::string> value_that_counts(const std::vector<codec::NamedValue>& query, std::string_view name) {
  const bool is_number = name == "max-keys";  // without a value it is as if it had not been sent
  const auto found = std::ranges::find_if(
      query, [&](const codec::NamedValue& pair) { return pair.name == name && !(is_number && pair.value.empty()); });
  if (found == query.end()) return std::nullopt;
  return is_number ? number_in(found->value) : found->value;
}

void add_signature_keys(const Call& call, Context& context) {
  if (call.caller.is_anonymous()) return;
  const auto query = codec::parse_query(call.http.query);
  const bool is_query = query && std::ranges::find(*query, "X-Amz-Signature", &codec::NamedValue::name) != query->end();
  context.emplace("s3:authType", is_query                                 ? "REST-QUERY-STRING"
                                 : call.http.headers.has("authorization") ? "REST-HEADER"
                                                                          : "POST");
  context.emplace("s3:signatureversion", call.is_version_2 ? "AWS" : "AWS4-HMAC-SHA256");
  if (call.http.headers.has("authorization")) return;  // such a signature is used at once: its age is not told
  if (call.is_version_2) {                             // has no date
    context.emplace("s3:signatureAge", "0");
    return;
  }
  std::string date = header(call, "x-amz-date").value_or("");
  if (query) {
    const auto found = std::ranges::find(*query, "X-Amz-Date", &codec::NamedValue::name);  // the first is what counts
    if (found != query->end()) date = found->value;
  }
  if (const auto signed_at = codec::parse_basic(date)) {
    context.emplace("s3:signatureAge",
                    std::to_string(std::max<int64_t>(0, call.gate.now_for(*signed_at).ms - signed_at->ms)));
  }
}

void add_request_tags(const objects::Properties& tags, Context& context) {
  for (const auto& [key, value] : tags) {
    context.emplace("s3:RequestObjectTag/" + key, value);
    context.emplace("s3:RequestObjectTagKeys", key);
  }
}

void add_creation_keys(const Call& call, const aws::Value& input, Context& context) {
  const std::string_view operation = call.operation.name;
  if (operation == "CreateBucket") {
    const auto& configuration = input.as<api::CreateBucketRequest>().create_bucket_configuration;
    if (configuration && configuration->location_constraint)
      context.emplace("s3:LocationConstraint", *configuration->location_constraint);
    for (const api::Tag& tag : tags_of_new_bucket(input)) {
      context.emplace("aws:RequestTag/" + tag.key, tag.value);
      context.emplace("aws:TagKeys", tag.key);
    }
  }
  // Policies that ask for conditional writes use it to let the steps before the last one pass. Forms have none.
  const bool creates = (operation == "PutObject" && call.http.method == "PUT") || operation == "CopyObject" ||
                       operation == "CompleteMultipartUpload";
  const bool prepares =
      operation == "CreateMultipartUpload" || operation == "UploadPart" || operation == "UploadPartCopy";
  if (creates || prepares) context.emplace("s3:ObjectCreationOperation", creates ? "true" : "false");
}

}  // namespace

Context signature_keys(const Call& call) {
  Context context;
  add_signature_keys(call, context);
  if (call.http.tls) context.emplace("s3:TlsVersion", call.http.tls->version);
  if (auto hash = header(call, "x-amz-content-sha256")) context.emplace("s3:x-amz-content-sha256", std::move(*hash));
  return context;
}

Context request_keys(const Call& call, const aws::Value& input) {
  Context context = signature_keys(call);
  for (const auto& [name, key] : header_keys) {
    if (auto value = taken_header(call, name)) context.emplace(key, std::move(*value));
  }
  if (auto source = taken_header(call, "x-amz-copy-source")) {
    // With or without a slash in front it is the same source: a policy must not be got round by that.
    std::string text = codec::percent_decode_leniently(*source, codec::Plus::space);
    if (text.starts_with('/')) text.erase(0, 1);
    context.emplace("s3:x-amz-copy-source", std::move(text));
  }
  if (const auto until = taken_header(call, "x-amz-object-lock-retain-until-date")) {
    if (const auto time = codec::parse_iso8601(*until)) {
      context.emplace("s3:object-lock-remaining-retention-days", std::to_string((time->ms - call.now.ms) / 86'400'000));
    }
  }
  if (const auto query = codec::parse_query(call.http.query)) {
    for (const auto& [name, key] : query_keys) {
      if (!takes(call, name, codec::Location::query)) continue;
      if (auto value = value_that_counts(*query, name)) context.emplace(key, std::move(*value));
    }
  }
  // A copy takes its tags from the source, whatever it says, unless it says that it does not.
  const bool copies_tags = call.operation.name == "CopyObject" && header(call, "x-amz-tagging-directive") != "REPLACE";
  if (const auto tagging = taken_header(call, "x-amz-tagging"); tagging && !copies_tags) {
    if (const auto tags = parse_tag_header(*tagging)) add_request_tags(*tags, context);
  }
  if (!input) return context;
  // What looks into the body from here on stands in judges_by_body() too.
  add_creation_keys(call, input, context);
  if (call.operation.name == "PutObjectTagging") {
    const auto& tags = input.as<api::PutObjectTaggingRequest>().tagging.tag_set;
    for (size_t i = 0; tags && i < tags->size(); ++i) add_request_tags({{(*tags)[i].key, (*tags)[i].value}}, context);
  }
  if (call.operation.name == "PutObjectRetention") {
    const auto& retention = input.as<api::PutObjectRetentionRequest>().retention;
    if (retention && retention->mode) context.emplace("s3:object-lock-mode", *retention->mode);
    if (retention && retention->retain_until_date) {
      context.emplace("s3:object-lock-retain-until-date", codec::format_iso8601(*retention->retain_until_date));
      context.emplace("s3:object-lock-remaining-retention-days",
                      std::to_string((retention->retain_until_date->ms - call.now.ms) / 86'400'000));
    }
  }
  if (call.operation.name == "UpdateObjectEncryption") {  // its body says what a put says in headers
    if (const auto& wanted = input.as<api::UpdateObjectEncryptionRequest>().object_encryption.sse_kms) {
      context.emplace("s3:x-amz-server-side-encryption", "aws:kms");
      if (wanted->kms_key_arn) context.emplace("s3:x-amz-server-side-encryption-aws-kms-key-id", *wanted->kms_key_arn);
    }
  }
  if (call.operation.name == "PutBucketInventoryConfiguration") {
    const auto& wanted = input.as<api::PutBucketInventoryConfigurationRequest>().inventory_configuration;
    for (const std::string& field : wanted.optional_fields.value_or(std::vector<std::string>()))
      context.emplace("s3:InventoryAccessibleOptionalFields", field);
  }
  if (call.operation.name == "PutObjectLegalHold") {
    const auto& hold = input.as<api::PutObjectLegalHoldRequest>().legal_hold;
    if (hold && hold->status) context.emplace("s3:object-lock-legal-hold", *hold->status);
  }
  return context;
}

// Those whose bodies are looked at above, and by access().
bool Service::judges_by_body(const aws::Operation& operation) const {
  constexpr std::string_view all[] = {"CreateBucket",           "PutObjectTagging",
                                      "PutObjectRetention",     "PutObjectLegalHold",
                                      "UpdateObjectEncryption", "PutBucketInventoryConfiguration"};
  return std::ranges::find(all, operation.name) != std::end(all);
}

}  // namespace boreal::s3
