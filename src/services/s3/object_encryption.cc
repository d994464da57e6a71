// UpdateObjectEncryption: an object's data keys are wrapped by another KMS key; its bytes stay as they are.
#include <map>

#include "api/s3/errors.h"
#include "aws/arn.h"
#include "base/resume_on.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "s3/encryption.h"
#include "s3/names.h"
#include "s3/object_lock.h"
#include "s3/refusal.h"
#include "s3/service.h"
#include "s3/wording.h"

namespace boreal::s3 {

namespace {

constexpr size_t keys_a_turn = 16;  // KMS asks policies for each
constexpr int tries = 8;

// What S3 says of an ARN that is none.
std::string_view fault_of(std::string_view arn) {
  if (!arn.starts_with("arn:")) return "Malformed ARN - doesn't start with 'arn:'";
  size_t mark = 3;
  for (const std::string_view missing :
       {"Malformed ARN - no AWS partition specified", "Malformed ARN - no service specified",
        "Malformed ARN - no AWS region partition specified", "Malformed ARN - no AWS account specified"}) {
    mark = arn.find(':', mark + 1);
    if (mark == std::string_view::npos) return missing;
  }
  const std::string_view resource = arn.substr(mark + 1);
  if (resource.empty()) return "Malformed ARN - no resource specified";
  return resource == "key/" ? "resource cannot be empty" : "";
}

// Source: S3 API Reference, "UpdateObjectEncryption".
Outcome<Encryption> wanted_of(const Bucket& bucket, const api::UpdateObjectEncryptionRequest& input) {
  if (!input.object_encryption.sse_kms) {
    return refuse(errors::invalid_request(
        "Requests that modify an object encryption configuration require a valid new encryption type. Valid values are "
        "SSEKMS. Modify the request to specify SSE-KMS for the updated encryption type, and then try again."));
  }
  const api::SSEKMSEncryption& wanted = *input.object_encryption.sse_kms;
  const std::string key = wanted.kms_key_arn.value_or("");
  const std::string needed = "Requests modifying object encryption configuration to SSE-KMS require a ";
  if (key.empty()) return refuse(errors::invalid_request(needed + "target kms key arn."));
  if (const auto fault = fault_of(key); !fault.empty())
    return refuse(errors::invalid_request(needed + "valid target kms key arn: " + std::string(fault)));
  const auto arn = aws::Arn::parse(key);
  if (!arn || arn->service != "kms" || !arn->resource.starts_with("key/")) {
    return refuse(errors::invalid_request(
        "Invalid KMS Key ARN format. You must provide the full KMS Key ARN to make an UpdateObjectEncryption request"));
  }
  if (arn->account != bucket.account) {
    return refuse(errors::access_denied(
        "The Amazon Web Services KMS key in the request must be owned by the same account as the bucket. Modify the "
        "request to specify a KMS key from the same account, and then try again."));
  }
  const std::string bucket_key = to_lower(wanted.bucket_key_enabled.value_or("false"));
  if (bucket_key != "true" && bucket_key != "false") {
    return refuse(
        errors::invalid_request("The BucketKeyEnabled value isn't valid. Valid values are true or false. Modify the "
                                "request to specify a valid value, and then try again."));
  }
  return Encryption{
      .algorithm = "aws:kms", .kms_key = key, .kms_context = {}, .bucket_key = bucket_key == "true", .customer = {}};
}

Outcome<void> check_changeable(const objects::Version& version, Time now) {
  const std::string algorithm = encryption_of(version.meta).algorithm;
  if (algorithm != "AES256" && algorithm != "aws:kms") {
    return refuse(errors::invalid_request(
        "The UpdateObjectEncryption operation doesn't support source objects with the encryption type DSSE-KMS or "
        "SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported."));
  }
  if (check_removable(version, now, false)) return {};
  return refuse(errors::access_denied(
      "The encryption type for the specified object can't be updated because that object is protected by S3 Object "
      "Lock. "
      "If the object has a governance-mode retention period or a legal hold, you must first remove the Object Lock "
      "status on the object before you issue your UpdateObjectEncryption request. You can't use the "
      "UpdateObjectEncryption operation with objects that have an Object Lock compliance mode retention period applied "
      "to them."));
}

}  // namespace

Task<Outcome<api::UpdateObjectEncryptionResponse>> Service::update_object_encryption(
    Call& call, api::UpdateObjectEncryptionRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  std::optional<objects::Meta> judged;
  for (int i = 0; i < tries; ++i) {
    auto sought = co_await find_object(call, bucket, input.key, input.version_id, false, OnMarker::not_allowed);
    if (!sought) co_return refuse(with_bucket(std::move(sought).error(), input.bucket));
    const objects::Found found = std::move(*sought);
    if (judged && !is_judged_alike(call, *bucket, *judged, found.version->meta)) break;
    judged = found.version->meta;
    CO_TRY(const Encryption wanted, wanted_of(*bucket, input));
    CO_CHECK(check_changeable(*found.version, call.now));

    RequestKeys keys(keys_, std::nullopt);
    CO_CHECK(co_await keys.open(&call, found.version->wrapped_key));
    CO_TRY(const auto all, co_await objects_.data_keys(found));
    std::map<std::string, std::string> wrapped;
    for (const std::string& old : all) {
      // Parts that share bytes have keys of their own: there may be thousands.
      if (wrapped.size() % keys_a_turn == keys_a_turn - 1) co_await let_others_run();
      CO_TRY(const auto plain, co_await keys.unwrap(old));
      CO_TRY(wrapped[old], co_await keys_.wrap(&call, *bucket, bucket->arn_of(input.key), wanted, plain));
    }
    Refusal refusal;
    const auto change = [&](objects::Version& version) {
      auto allowed = check_changeable(version, call.now);
      keep(wanted, version.meta.attributes);
      return refusal.hold(std::move(allowed));
    };
    auto done = co_await objects_.rewrap(bucket->id, input.key, found.version->id, std::move(wrapped), change);
    if (done) co_return api::UpdateObjectEncryptionResponse{};
    // Overwritten while KMS was asked, or wrapped by another key: what is there now is meant.
    const Errc code = done.error().code();
    const bool is_overtaken = code == Errc::not_found || (code == Errc::conflict && !refusal.is_held());
    if (!is_overtaken) co_return refuse(refusal.of(std::move(done).error()));
  }
  co_return refuse(overtaken());
}

}  // namespace boreal::s3
