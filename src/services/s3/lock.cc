// The operations of Object Lock; object_lock.cc has the rules.
#include "codec/time.h"
#include "s3/names.h"
#include "s3/object_lock.h"
#include "s3/service.h"
#include "s3/wording.h"

namespace boreal::s3 {

namespace {

Outcome<void> need_lock(const Bucket& bucket) {
  if (bucket.object_lock) return {};
  return refuse(errors::invalid_request("Bucket is missing Object Lock Configuration"));
}

Outcome<void> check_configuration(const api::ObjectLockConfiguration& wanted) {
  const auto malformed = [] { return refuse(malformed_xml()); };
  if (wanted.object_lock_enabled != "Enabled") return malformed();
  if (!wanted.rule) return {};
  if (!wanted.rule->default_retention) return malformed();
  const auto& retention = *wanted.rule->default_retention;
  if (!retention.mode || (*retention.mode != "GOVERNANCE" && *retention.mode != "COMPLIANCE")) return malformed();
  if (retention.days && retention.years) return malformed();
  if (!retention.days && !retention.years)
    return refuse(errors::invalid_request("A default retention must say how long it holds, in Days or in Years."));
  const int64_t length = retention.days ? *retention.days : *retention.years;
  const auto bad = [&](std::string why) {
    return refuse(errors::invalid_argument(std::move(why))
                      .with("ArgumentName", retention.days ? "Days" : "Years")
                      .with("ArgumentValue", std::to_string(length)));
  };
  if (length <= 0) return bad("Default retention period must be a positive integer value.");
  if (length > (retention.days ? 36'500 : 100)) return bad("Default retention period too large");
  return {};
}

}  // namespace

Outcome<void> Service::check_unlocked_then(const Bucket& bucket, bool is_retained) const {
  const BucketRef now = buckets_.find(bucket.name);
  if (is_retained || now == nullptr || !retains_by_default(*now)) return {};
  return refuse(overtaken());
}

Task<Outcome<api::PutObjectLockConfigurationOutput>> Service::put_object_lock_configuration(
    Call&, api::PutObjectLockConfigurationRequest input) {
  if (!input.object_lock_configuration) co_return refuse(malformed_xml());
  CO_CHECK(check_configuration(*input.object_lock_configuration));
  CO_CHECK(co_await buckets_.change(input.bucket, [&](Bucket& bucket) -> Outcome<void> {
    if (bucket.versioning != "Enabled") {
      return refuse(errors::invalid_bucket_state(
          "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"));
    }
    bucket.object_lock = input.object_lock_configuration;
    return {};
  }));
  co_return api::PutObjectLockConfigurationOutput{};
}

Task<Outcome<api::GetObjectLockConfigurationOutput>> Service::get_object_lock_configuration(
    Call&, api::GetObjectLockConfigurationRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!bucket->object_lock) {
    co_return refuse(
        errors::object_lock_configuration_not_found_error("Object Lock configuration does not exist for this bucket")
            .with("BucketName", input.bucket));
  }
  co_return api::GetObjectLockConfigurationOutput{.object_lock_configuration = bucket->object_lock};
}

Task<Outcome<api::PutObjectRetentionOutput>> Service::put_object_retention(Call& call,
                                                                           api::PutObjectRetentionRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!input.retention) {  // an empty element lifts the retention, an empty body says nothing
    co_return refuse(malformed_xml());
  }
  CO_CHECK(need_lock(*bucket));
  std::optional<Retention> wanted;
  if (input.retention->mode || input.retention->retain_until_date) {
    if (!input.retention->mode || !input.retention->retain_until_date) co_return refuse(malformed_xml());
    if (*input.retention->retain_until_date <= call.now) {
      co_return refuse(errors::invalid_argument("The retain until date must be in the future!")
                           .with("ArgumentName", "RetainUntilDate")
                           .with("ArgumentValue", codec::format_iso8601(*input.retention->retain_until_date)));
    }
    wanted = Retention{*input.retention->mode, *input.retention->retain_until_date};
  }
  // That the caller may bypass was checked before, with the access that the header asks for.
  const bool bypass = input.bypass_governance_retention.value_or(false);
  CO_CHECK(co_await update_object(call, bucket, input.key, input.version_id,
                                  [&](objects::Version& version) -> Outcome<void> {
                                    CHECK(check_retention_change(retention_of(version.meta), wanted, call.now, bypass));
                                    keep_retention(wanted, version.meta);
                                    return {};
                                  }));
  co_return api::PutObjectRetentionOutput{};
}

Task<Outcome<api::GetObjectRetentionOutput>> Service::get_object_retention(Call& call,
                                                                           api::GetObjectRetentionRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_CHECK(need_lock(*bucket));
  CO_TRY(const auto found,
         co_await find_object(call, bucket, input.key, input.version_id, false, OnMarker::not_allowed));
  const auto retention = retention_of(found.version->meta);
  if (!retention) {
    co_return refuse(
        errors::no_such_object_lock_configuration("The specified object does not have a ObjectLock configuration"));
  }
  co_return api::GetObjectRetentionOutput{
      .retention = api::ObjectLockRetention{.mode = retention->mode, .retain_until_date = retention->until}};
}

Task<Outcome<api::PutObjectLegalHoldOutput>> Service::put_object_legal_hold(Call& call,
                                                                            api::PutObjectLegalHoldRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!input.legal_hold || !input.legal_hold->status) co_return refuse(malformed_xml());
  CO_CHECK(need_lock(*bucket));
  const std::string status = *input.legal_hold->status;
  CO_CHECK(co_await update_object(call, bucket, input.key, input.version_id,
                                  [&](objects::Version& version) -> Outcome<void> {
                                    version.meta.attributes[std::string(attribute::legal_hold)] = status;
                                    return {};
                                  }));
  co_return api::PutObjectLegalHoldOutput{};
}

Task<Outcome<api::GetObjectLegalHoldOutput>> Service::get_object_legal_hold(Call& call,
                                                                            api::GetObjectLegalHoldRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_CHECK(need_lock(*bucket));
  CO_TRY(const auto found,
         co_await find_object(call, bucket, input.key, input.version_id, false, OnMarker::not_allowed));
  const auto& attributes = found.version->meta.attributes;
  const auto hold = attributes.find(attribute::legal_hold);
  if (hold == attributes.end()) {
    co_return refuse(
        errors::no_such_object_lock_configuration("The specified object does not have a ObjectLock configuration"));
  }
  co_return api::GetObjectLegalHoldOutput{.legal_hold = api::ObjectLockLegalHold{.status = hold->second}};
}

}  // namespace boreal::s3
