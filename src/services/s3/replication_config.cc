// A bucket's replication rules: what they ask for must be there before they are taken.
#include <fmt/format.h>

#include "aws/arn.h"
#include "s3/replication_rules.h"
#include "s3/service.h"

namespace boreal::s3 {

namespace {

// What a bucket at another endpoint is like is known when the first version is sent, not before.
Outcome<void> check_elsewhere(const Bucket& from, const Replication& replication, const api::ReplicationRule& rule) {
  const std::string name = destination_bucket(rule.destination);
  if (!replication.may_send(from.account, name)) {
    return refuse(errors::invalid_request(fmt::format(
        "Destination bucket must be one that buckets of account {0} may be sent to. [remote_buckets.{1}] of "
        "the configuration is another account's: its key 'account' says whose.",
        from.account, name)));
  }
  if (rule.destination.access_control_translation) {
    return refuse(errors::invalid_request(
        "AccessControlTranslation has no meaning for a bucket at another endpoint: what is sent belongs to the account "
        "whose key is configured."));
  }
  return {};
}

Outcome<void> check_buckets(const Bucket& from, const Directory& buckets, const Replication& replication,
                            const api::ReplicationConfiguration& wanted) {
  if (from.versioning != "Enabled") {
    return refuse(
        errors::invalid_request("Versioning must be 'Enabled' on the bucket to apply a replication configuration"));
  }
  for (const auto& rule : wanted.rules) {
    const std::string name = destination_bucket(rule.destination);
    if (name == from.name) return refuse(errors::invalid_request("Destination bucket cannot be the source bucket."));
    const BucketRef to = buckets.find(name);
    if (to != nullptr && replication.is_remote(name)) {
      return refuse(errors::invalid_request(fmt::format(
          "Destination bucket is ambiguous: '{0}' is here, and [remote_buckets.{0}] of the configuration names one "
          "elsewhere. Give the remote one another name, and its own with the key 'bucket'.",
          name)));
    }
    if (to == nullptr && replication.is_remote(name)) {
      CHECK(check_elsewhere(from, replication, rule));
      continue;
    }
    if (to == nullptr) {
      return refuse(errors::invalid_request(fmt::format(
          "Destination bucket must exist. There is no bucket '{0}' here, and none at another endpoint is configured "
          "as [remote_buckets.{0}].",
          name)));
    }
    if (to->versioning != "Enabled")
      return refuse(errors::invalid_request("Destination bucket must have versioning enabled."));
    if (from.object_lock && !to->object_lock) {
      return refuse(errors::invalid_request(
          "Object Lock must be enabled on the destination bucket, as it is on the source bucket."));
    }
    if (rule.destination.account && *rule.destination.account != to->account) {
      return refuse(errors::invalid_argument(
          fmt::format("Account {} is not the owner of the destination bucket.", *rule.destination.account)));
    }
  }
  return {};
}

bool wants_existing(const api::ReplicationConfiguration& configuration) {
  return std::ranges::any_of(configuration.rules, [](const api::ReplicationRule& rule) {
    return rule.existing_object_replication && rule.existing_object_replication->status == "Enabled";
  });
}

}  // namespace

Task<Outcome<api::PutBucketReplicationOutput>> Service::put_bucket_replication(Call& call,
                                                                               api::PutBucketReplicationRequest input) {
  auto& wanted = input.replication_configuration;
  CO_CHECK(check_replication(wanted));
  const auto role = aws::Arn::parse(wanted.role);
  if (!role || role->service != "iam" || !role->resource.starts_with("role/"))
    co_return refuse(errors::invalid_argument("Invalid Role ARN").with("ArgumentName", "Role"));
  CO_CHECK(co_await roles_.check_pass(call, wanted.role, "s3.amazonaws.com", "arn:aws:s3:::" + input.bucket));
  for (auto& rule : wanted.rules) {
    if (!rule.id || rule.id->empty()) rule.id = context_.random.uuid();
  }
  CO_CHECK(co_await buckets_.change(input.bucket, [&](Bucket& bucket) -> Outcome<void> {
    CHECK(check_buckets(bucket, buckets_, replication_, wanted));
    bucket.replication = wanted;
    bucket.replication_scan.reset();
    if (wants_existing(wanted)) bucket.replication_scan = ReplicationScan{context_.random.uuid(), {}, {}};
    return {};
  }));
  replication_.change_rules(input.bucket);
  co_return api::PutBucketReplicationOutput{};
}

Task<Outcome<api::GetBucketReplicationOutput>> Service::get_bucket_replication(Call&,
                                                                               api::GetBucketReplicationRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!bucket->replication) {
    co_return refuse(errors::replication_configuration_not_found_error("The replication configuration was not found")
                         .with("BucketName", bucket->name));
  }
  co_return api::GetBucketReplicationOutput{.replication_configuration = bucket->replication};
}

// What waits to be replicated is told FAILED by the worker: no rule is left for it.
Task<Outcome<api::DeleteBucketReplicationOutput>> Service::delete_bucket_replication(
    Call&, api::DeleteBucketReplicationRequest input) {
  CO_CHECK(co_await configure(input.bucket, [](Bucket& bucket) {
    bucket.replication.reset();
    bucket.replication_scan.reset();
  }));
  replication_.change_rules(input.bucket);
  co_return api::DeleteBucketReplicationOutput{};
}

}  // namespace boreal::s3
