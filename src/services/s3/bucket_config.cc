// A bucket's configurations that are kept and read back. Each operation checks what AWS checks, then keeps what was
// sent.
#include <fmt/format.h>

#include <algorithm>

#include "s3/acl.h"
#include "s3/lifecycle_rules.h"
#include "s3/names.h"
#include "s3/service.h"
#include "s3/wording.h"

namespace boreal::s3 {

namespace {

constexpr size_t max_cors_rules = 100;

// AWS names both kinds by the first.
Outcome<void> check_header_name(const std::string& name) {
  if (is_header_name(name)) return {};
  return refuse(errors::invalid_request(fmt::format("AllowedHeader \"{}\" contains invalid character.", name)));
}

Outcome<void> check_cors(const api::CORSConfiguration& cors) {
  if (cors.cors_rules.empty()) return refuse(malformed_xml());
  if (cors.cors_rules.size() > max_cors_rules) {
    return refuse(errors::invalid_request(
        fmt::format("The number of CORS rules should not exceed allowed limit of {} rules.", max_cors_rules)));
  }
  for (const auto& rule : cors.cors_rules) {
    if (rule.allowed_methods.empty() || rule.allowed_origins.empty()) return refuse(malformed_xml());
    for (const auto& method : rule.allowed_methods) {
      if (!is_cors_method(method)) {
        return refuse(errors::invalid_request(
            fmt::format("Found unsupported HTTP method in CORS config. Unsupported method is {}", method)));
      }
    }
    const auto one_star = [](const std::string& text) { return std::ranges::count(text, '*') <= 1; };
    for (const auto& origin : rule.allowed_origins) {
      if (!one_star(origin))
        return refuse(
            errors::invalid_request(fmt::format("AllowedOrigin \"{}\" can not have more than one wildcard.", origin)));
    }
    for (const auto& header : rule.allowed_headers.value_or(std::vector<std::string>())) {
      if (!one_star(header))
        return refuse(
            errors::invalid_request(fmt::format("AllowedHeader \"{}\" can not have more than one wildcard.", header)));
      CHECK(check_header_name(header));
    }
    for (const auto& header : rule.expose_headers.value_or(std::vector<std::string>())) {
      if (header.find('*') != std::string::npos)
        return refuse(errors::invalid_request(fmt::format(
            "ExposeHeader \"{}\" contains wildcard. We currently do not support wildcard for ExposeHeader.", header)));
      CHECK(check_header_name(header));
    }
  }
  return {};
}

// A rule may say alone which encryptions are blocked, or nothing: then what is not encrypted otherwise is so as it
// always is.
Outcome<void> check_encryption(api::ServerSideEncryptionConfiguration& configuration) {
  if (configuration.rules.size() != 1) return refuse(malformed_xml());
  auto& rule = configuration.rules.front();
  if (rule.blocked_encryption_types) {
    const auto& types = rule.blocked_encryption_types->encryption_type;
    if (!types || types->size() != 1)
      return refuse(errors::invalid_argument("BlockedEncryptionTypes must name one EncryptionType: SSE-C or NONE.")
                        .with("ArgumentName", "BlockedEncryptionTypes"));
  }
  if (!rule.apply_server_side_encryption_by_default) {
    if (rule.bucket_key_enabled && !rule.blocked_encryption_types) return refuse(malformed_xml());
    rule.apply_server_side_encryption_by_default = {.sse_algorithm = "AES256", .kms_master_key_id = {}};
  }
  const auto& by_default = *rule.apply_server_side_encryption_by_default;
  if (by_default.sse_algorithm == "aws:fsx")
    return refuse(errors::not_implemented("Encryption by Amazon FSx is not served: there are no file systems."));
  if (by_default.sse_algorithm == "AES256" && by_default.kms_master_key_id) {
    return refuse(errors::invalid_argument(
                      "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
                      .with("ArgumentName", "ApplyServerSideEncryptionByDefault"));
  }
  return {};
}

aws::ApiError unfit_target(std::string why, const Bucket& target) {
  return errors::invalid_target_bucket_for_logging(std::move(why)).with("TargetBucket", target.name);
}

// The space at the end and the code's spelling are AWS's.
aws::ApiError across_regions(const Bucket& source, const Bucket& target) {
  auto error = errors::cross_location_logging_prohibitted("Cross S3 location logging not allowed. ");
  for (const auto& [field, bucket] : {std::pair("SourceBucketLocation", &source), {"TargetBucketLocation", &target}}) {
    if (bucket->region != "us-east-1") error.fields.emplace_back(field, bucket->region);
  }
  return error;
}

Outcome<void> check_logging(const Bucket& target, api::LoggingEnabled& logging) {
  if (const auto& format = logging.target_object_key_format;
      format && format->simple_prefix && format->partitioned_prefix)
    return refuse(malformed_xml());
  if (target.object_lock && target.object_lock->rule)
    return refuse(unfit_target("The target bucket for logging may not have a default retention period", target));
  if (!logging.target_grants || logging.target_grants->empty()) return {};
  if (!target.has_acls())
    return refuse(
        errors::access_control_list_not_supported("Target grants not allowed for bucket owner enforced buckets"));
  for (api::TargetGrant& grant : *logging.target_grants) {
    if (grant.grantee) CHECK(check_grantee(*grant.grantee));
  }
  return {};
}

// What AWS answers for a bucket whose encryption nobody set.
api::ServerSideEncryptionConfiguration default_encryption() {
  api::ServerSideEncryptionRule rule;
  rule.apply_server_side_encryption_by_default =
      api::ServerSideEncryptionByDefault{.sse_algorithm = "AES256", .kms_master_key_id = {}};
  rule.bucket_key_enabled = false;
  return {.rules = {rule}};
}

}  // namespace

Task<Outcome<void>> Service::configure(std::string bucket, std::function<void(Bucket&)> edit) {
  co_return co_await buckets_.change(std::move(bucket), [&edit](Bucket& changed) -> Outcome<void> {
    edit(changed);
    return {};
  });
}

// --- CORS

Task<Outcome<api::PutBucketCorsOutput>> Service::put_bucket_cors(Call&, api::PutBucketCorsRequest input) {
  CO_CHECK(check_cors(input.cors_configuration));
  CO_CHECK(co_await configure(input.bucket, [&](Bucket& bucket) { bucket.cors = input.cors_configuration; }));
  co_return api::PutBucketCorsOutput{};
}
Task<Outcome<api::GetBucketCorsOutput>> Service::get_bucket_cors(Call&, api::GetBucketCorsRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!bucket->cors) {
    co_return refuse(
        errors::no_such_cors_configuration("The CORS configuration does not exist").with("BucketName", input.bucket));
  }
  co_return api::GetBucketCorsOutput{.cors_rules = bucket->cors->cors_rules};
}
Task<Outcome<api::DeleteBucketCorsOutput>> Service::delete_bucket_cors(Call&, api::DeleteBucketCorsRequest input) {
  CO_CHECK(co_await configure(input.bucket, [](Bucket& bucket) { bucket.cors.reset(); }));
  co_return api::DeleteBucketCorsOutput{};
}

// --- encryption

Task<Outcome<api::PutBucketEncryptionOutput>> Service::put_bucket_encryption(Call&,
                                                                             api::PutBucketEncryptionRequest input) {
  CO_CHECK(check_encryption(input.server_side_encryption_configuration));
  CO_CHECK(co_await configure(input.bucket,
                              [&](Bucket& bucket) { bucket.encryption = input.server_side_encryption_configuration; }));
  co_return api::PutBucketEncryptionOutput{};
}
Task<Outcome<api::GetBucketEncryptionOutput>> Service::get_bucket_encryption(Call&,
                                                                             api::GetBucketEncryptionRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  auto configuration = bucket->encryption ? *bucket->encryption : default_encryption();
  for (auto& rule : configuration.rules) {
    if (!rule.bucket_key_enabled) rule.bucket_key_enabled = false;  // which is said even if it was not
  }
  co_return api::GetBucketEncryptionOutput{.server_side_encryption_configuration = std::move(configuration)};
}
Task<Outcome<api::DeleteBucketEncryptionOutput>> Service::delete_bucket_encryption(
    Call&, api::DeleteBucketEncryptionRequest input) {
  CO_CHECK(co_await configure(input.bucket, [](Bucket& bucket) { bucket.encryption.reset(); }));
  co_return api::DeleteBucketEncryptionOutput{};
}

// --- lifecycle

Task<Outcome<api::PutBucketLifecycleConfigurationOutput>> Service::put_bucket_lifecycle_configuration(
    Call&, api::PutBucketLifecycleConfigurationRequest input) {
  if (!input.lifecycle_configuration) co_return refuse(malformed_xml());
  CO_CHECK(check_lifecycle(*input.lifecycle_configuration));
  for (auto& rule : input.lifecycle_configuration->rules) {
    if (!rule.id || rule.id->empty()) rule.id = context_.random.uuid();
  }
  const std::string minimum = input.transition_default_minimum_object_size.value_or("all_storage_classes_128K");
  CO_CHECK(co_await configure(input.bucket, [&](Bucket& bucket) {
    bucket.lifecycle = input.lifecycle_configuration;
    bucket.lifecycle_minimum_size = minimum;
  }));
  co_return api::PutBucketLifecycleConfigurationOutput{.transition_default_minimum_object_size = minimum};
}
Task<Outcome<api::GetBucketLifecycleConfigurationOutput>> Service::get_bucket_lifecycle_configuration(
    Call&, api::GetBucketLifecycleConfigurationRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!bucket->lifecycle) {
    co_return refuse(errors::no_such_lifecycle_configuration("The lifecycle configuration does not exist")
                         .with("BucketName", input.bucket));
  }
  co_return api::GetBucketLifecycleConfigurationOutput{
      .rules = bucket->lifecycle->rules, .transition_default_minimum_object_size = bucket->lifecycle_minimum_size};
}
Task<Outcome<api::DeleteBucketLifecycleOutput>> Service::delete_bucket_lifecycle(
    Call&, api::DeleteBucketLifecycleRequest input) {
  CO_CHECK(co_await configure(input.bucket, [](Bucket& bucket) {
    bucket.lifecycle.reset();
    bucket.lifecycle_minimum_size.reset();
  }));
  co_return api::DeleteBucketLifecycleOutput{};
}

// --- website

Task<Outcome<api::PutBucketWebsiteOutput>> Service::put_bucket_website(Call&, api::PutBucketWebsiteRequest input) {
  CO_CHECK(check_website(input.website_configuration));
  CO_CHECK(co_await configure(input.bucket, [&](Bucket& bucket) { bucket.website = input.website_configuration; }));
  co_return api::PutBucketWebsiteOutput{};
}
Task<Outcome<api::GetBucketWebsiteOutput>> Service::get_bucket_website(Call&, api::GetBucketWebsiteRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!bucket->website) {
    co_return refuse(errors::no_such_website_configuration("The specified bucket does not have a website configuration")
                         .with("BucketName", input.bucket));
  }
  co_return api::GetBucketWebsiteOutput{.redirect_all_requests_to = bucket->website->redirect_all_requests_to,
                                        .index_document = bucket->website->index_document,
                                        .error_document = bucket->website->error_document,
                                        .routing_rules = bucket->website->routing_rules};
}
Task<Outcome<api::DeleteBucketWebsiteOutput>> Service::delete_bucket_website(Call&,
                                                                             api::DeleteBucketWebsiteRequest input) {
  CO_CHECK(co_await configure(input.bucket, [](Bucket& bucket) { bucket.website.reset(); }));
  co_return api::DeleteBucketWebsiteOutput{};
}

// --- logging

Task<Outcome<api::PutBucketLoggingOutput>> Service::put_bucket_logging(Call&, api::PutBucketLoggingRequest input) {
  auto& wanted = input.bucket_logging_status.logging_enabled;
  if (wanted) {
    CO_TRY(const BucketRef source, buckets_.need(input.bucket));
    const BucketRef target = buckets_.find(wanted->target_bucket);
    if (target == nullptr) {
      co_return refuse(errors::invalid_target_bucket_for_logging("The target bucket for logging does not exist")
                           .with("TargetBucket", wanted->target_bucket));
    }
    if (target->account != source->account) {  // whoever asks: the source's policy may let in other accounts
      co_return refuse(
          unfit_target("The owner for the bucket to be logged and the target bucket must be the same.", *target));
    }
    CO_CHECK(check_logging(*target, *wanted));
    if (target->region != source->region) co_return refuse(across_regions(*source, *target));
  }
  CO_CHECK(co_await configure(input.bucket, [&](Bucket& bucket) { bucket.logging = wanted; }));
  co_return api::PutBucketLoggingOutput{};
}
Task<Outcome<api::GetBucketLoggingOutput>> Service::get_bucket_logging(Call&, api::GetBucketLoggingRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  co_return api::GetBucketLoggingOutput{.logging_enabled = bucket->logging};
}

// --- notification: targets live in services that are not served

Task<Outcome<api::PutBucketNotificationConfigurationOutput>> Service::put_bucket_notification_configuration(
    Call&, api::PutBucketNotificationConfigurationRequest input) {
  const auto& wanted = input.notification_configuration;
  const bool has_targets = (wanted.topic_configurations && !wanted.topic_configurations->empty()) ||
                           (wanted.queue_configurations && !wanted.queue_configurations->empty()) ||
                           (wanted.lambda_function_configurations && !wanted.lambda_function_configurations->empty()) ||
                           wanted.event_bridge_configuration;
  if (has_targets) {
    co_return refuse(errors::not_implemented(
        "Event notifications are not delivered yet: only a configuration without targets is taken."));
  }
  CO_CHECK(buckets_.need(input.bucket));
  co_return api::PutBucketNotificationConfigurationOutput{};
}
Task<Outcome<api::NotificationConfiguration>> Service::get_bucket_notification_configuration(
    Call&, api::GetBucketNotificationConfigurationRequest input) {
  CO_CHECK(buckets_.need(input.bucket));
  co_return api::NotificationConfiguration{};
}

// --- acceleration, payer

Task<Outcome<api::PutBucketAccelerateConfigurationOutput>> Service::put_bucket_accelerate_configuration(
    Call&, api::PutBucketAccelerateConfigurationRequest input) {
  if (!input.accelerate_configuration.status) {
    co_return refuse(
        aws::ApiError("IllegalAccelerateConfigurationException", 400, "The Status element must be specified"));
  }
  if (input.bucket.find('.') != std::string::npos) {
    co_return refuse(errors::invalid_request(
        "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"));
  }
  CO_CHECK(co_await configure(input.bucket,
                              [&](Bucket& bucket) { bucket.accelerate = input.accelerate_configuration.status; }));
  co_return api::PutBucketAccelerateConfigurationOutput{};
}
Task<Outcome<api::GetBucketAccelerateConfigurationOutput>> Service::get_bucket_accelerate_configuration(
    Call&, api::GetBucketAccelerateConfigurationRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  co_return api::GetBucketAccelerateConfigurationOutput{.status = bucket->accelerate, .request_charged = {}};
}

Task<Outcome<api::PutBucketRequestPaymentOutput>> Service::put_bucket_request_payment(
    Call&, api::PutBucketRequestPaymentRequest input) {
  CO_CHECK(co_await configure(input.bucket,
                              [&](Bucket& bucket) { bucket.payer = input.request_payment_configuration.payer; }));
  co_return api::PutBucketRequestPaymentOutput{};
}
Task<Outcome<api::GetBucketRequestPaymentOutput>> Service::get_bucket_request_payment(
    Call&, api::GetBucketRequestPaymentRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  co_return api::GetBucketRequestPaymentOutput{.payer = bucket->payer.value_or("BucketOwner")};
}

// --- versioning

Task<Outcome<api::PutBucketVersioningOutput>> Service::put_bucket_versioning(Call&,
                                                                             api::PutBucketVersioningRequest input) {
  const auto& wanted = input.versioning_configuration;
  if (!wanted.status) {
    co_return refuse(errors::illegal_versioning_configuration_exception("The Versioning element must be specified"));
  }
  if (wanted.mfa_delete == "Enabled") {
    co_return refuse(errors::not_implemented("MFA delete is not served: there are no MFA devices."));
  }
  CO_CHECK(co_await buckets_.change(input.bucket, [&](Bucket& bucket) -> Outcome<void> {
    if (bucket.object_lock && *wanted.status != "Enabled") {
      return refuse(errors::invalid_bucket_state(
          "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."));
    }
    if (bucket.replication && *wanted.status != "Enabled") {
      return refuse(errors::invalid_bucket_state(
          "A replication configuration is present on this bucket, so the versioning state cannot be changed."));
    }
    bucket.versioning = *wanted.status;
    if (wanted.mfa_delete) bucket.mfa_delete = wanted.mfa_delete;
    return {};
  }));
  co_return api::PutBucketVersioningOutput{};
}
Task<Outcome<api::GetBucketVersioningOutput>> Service::get_bucket_versioning(Call&,
                                                                             api::GetBucketVersioningRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  api::GetBucketVersioningOutput output;
  if (bucket->is_versioned()) output.status = bucket->versioning;
  output.mfa_delete = bucket->mfa_delete;  // not told of a bucket that was never configured with it
  co_return output;
}

}  // namespace boreal::s3
