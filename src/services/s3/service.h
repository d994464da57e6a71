// Amazon S3: buckets and objects over the object engine. README.md tells what is kept and how; a .cc for each kind of
// thing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/s3/errors.h"
#include "api/s3/service.h"
#include "aws/context.h"
#include "aws/peers.h"
#include "aws/wire/wire.h"
#include "crypto/sealer.h"
#include "objects/objects.h"
#include "s3/access_log.h"
#include "s3/copy.h"
#include "s3/directory.h"
#include "s3/encryption.h"
#include "s3/lifecycle.h"
#include "s3/post_form.h"
#include "s3/recovery_stream.h"
#include "s3/remote.h"
#include "s3/replica.h"
#include "s3/replication.h"
#include "s3/resources.h"
#include "s3/website_rules.h"

namespace boreal::s3 {

namespace errors = boreal::api::s3::errors;
using aws::Access;
using aws::Call;
using aws::Outcome;
using aws::refuse;

class Refusal;

// The engine must have a tier for each storage class, under its name; STANDARD is the first.
std::vector<objects::Tier> storage_tiers();

// Whether who may change the one may change the other: owner, access list and tags are what permissions are judged by.
bool is_judged_alike(const Call& call, const Bucket& bucket, const objects::Meta& one, const objects::Meta& other);

// What access() has found of an object whose owner, list or tags have a say; null: it is not there. A handler that
// looks again sees that, or something that is judged alike.
void remember_judged(Call& call, const Bucket& bucket, std::string_view key,
                     const std::optional<std::string>& version_id, const objects::Version* there);

struct Options {
  // Real time between a worker's looks at whether there is something to do; zero: no worker.
  Duration lifecycle_tick{1000};
  Duration access_log_tick{1000};
  Duration replication_tick{100};
  RemoteBuckets remotes;         // that replication rules may name
  bool keys_are_public = false;  // known to every web page: forms are taken from near pages, or as CORS rules say
};

// Whom it asks in the name of roles and services.
struct Peers {
  aws::Keys& kms;
  aws::Gate& gate;
  aws::Roles& roles;
};

// Thread rule: the loop.
class Service final : public boreal::api::s3::Api, public aws::Recoverable, public aws::BucketTags {
 public:
  Service(aws::ServiceContext context, Options options, objects::Objects& objects, Peers peers, crypto::Sealer sealer);

  Task<Result<void>> start() override;
  Task<void> stop() override;
  bool has_been_round(int64_t since_ns) const override {
    return lifecycle_.has_been_round(since_ns) && access_log_.has_been_round(since_ns);
  }
  void finish(const http::Request& request, http::Response& response) override;
  // What accounts say for all their buckets.
  aws::PublicAccess& public_access() { return accounts_; }
  const Directory& directory() const { return buckets_; }
  Lifecycle& lifecycle() { return lifecycle_; }
  AccessLog& access_log() { return access_log_; }
  Replication& replication() { return replication_; }

  // The preflight of a browser (cors.cc) and its uploads (post_object.cc).
  Task<std::optional<http::Response>> intercept(http::Request& request, aws::Gate& gate,
                                                const std::string& request_id) override;

  // checksums.cc
  aws::ApiError unreadable(const aws::Operation& operation, const http::Request& request,
                           aws::ApiError error) const override;
  Outcome<void> check_body(const aws::Operation& operation, const http::Request& request,
                           std::string_view body) override;

  // access.cc
  Task<Outcome<std::vector<Access>>> access(Call& call, const aws::Operation& operation,
                                            const aws::Value& input) override;
  // request_keys.cc
  bool judges_by_body(const aws::Operation& operation) const override;

  // recovery.cc: buckets, for AWS Backup
  std::string_view resource_type() const override { return "S3"; }
  std::string_view service() const override { return "s3"; }
  Task<Outcome<std::optional<Resource>>> find(std::string account, std::string region,
                                              std::string arn_or_name) override;
  Task<Outcome<std::vector<Resource>>> list(std::string account, std::string region) override;
  Task<Outcome<Backup>> back_up(aws::Asker asker, std::string account, std::string region, Resource resource) override;
  Task<Outcome<std::string>> restore(aws::Asker asker, std::string account, std::string region,
                                     std::map<std::string, std::string> metadata,
                                     std::unique_ptr<Source> data) override;

  // buckets.cc
  Task<Outcome<api::CreateBucketOutput>> create_bucket(Call& call, api::CreateBucketRequest input) override;
  Task<Outcome<api::DeleteBucketOutput>> delete_bucket(Call& call, api::DeleteBucketRequest input) override;
  Task<Outcome<api::GetBucketLocationOutput>> get_bucket_location(Call& call,
                                                                  api::GetBucketLocationRequest input) override;
  Task<Outcome<api::HeadBucketOutput>> head_bucket(Call& call, api::HeadBucketRequest input) override;
  Task<Outcome<api::ListBucketsOutput>> list_buckets(Call& call, api::ListBucketsRequest input) override;
  // bucket_config.cc
  Task<Outcome<api::DeleteBucketCorsOutput>> delete_bucket_cors(Call& call,
                                                                api::DeleteBucketCorsRequest input) override;
  Task<Outcome<api::DeleteBucketEncryptionOutput>> delete_bucket_encryption(
      Call& call, api::DeleteBucketEncryptionRequest input) override;
  Task<Outcome<api::DeleteBucketLifecycleOutput>> delete_bucket_lifecycle(
      Call& call, api::DeleteBucketLifecycleRequest input) override;
  Task<Outcome<api::DeleteBucketWebsiteOutput>> delete_bucket_website(Call& call,
                                                                      api::DeleteBucketWebsiteRequest input) override;
  Task<Outcome<api::GetBucketAccelerateConfigurationOutput>> get_bucket_accelerate_configuration(
      Call& call, api::GetBucketAccelerateConfigurationRequest input) override;
  Task<Outcome<api::GetBucketCorsOutput>> get_bucket_cors(Call& call, api::GetBucketCorsRequest input) override;
  Task<Outcome<api::GetBucketEncryptionOutput>> get_bucket_encryption(Call& call,
                                                                      api::GetBucketEncryptionRequest input) override;
  Task<Outcome<api::GetBucketLifecycleConfigurationOutput>> get_bucket_lifecycle_configuration(
      Call& call, api::GetBucketLifecycleConfigurationRequest input) override;
  Task<Outcome<api::GetBucketLoggingOutput>> get_bucket_logging(Call& call,
                                                                api::GetBucketLoggingRequest input) override;
  Task<Outcome<api::NotificationConfiguration>> get_bucket_notification_configuration(
      Call& call, api::GetBucketNotificationConfigurationRequest input) override;
  Task<Outcome<api::GetBucketRequestPaymentOutput>> get_bucket_request_payment(
      Call& call, api::GetBucketRequestPaymentRequest input) override;
  Task<Outcome<api::GetBucketVersioningOutput>> get_bucket_versioning(Call& call,
                                                                      api::GetBucketVersioningRequest input) override;
  Task<Outcome<api::GetBucketWebsiteOutput>> get_bucket_website(Call& call,
                                                                api::GetBucketWebsiteRequest input) override;
  Task<Outcome<api::PutBucketAccelerateConfigurationOutput>> put_bucket_accelerate_configuration(
      Call& call, api::PutBucketAccelerateConfigurationRequest input) override;
  Task<Outcome<api::PutBucketCorsOutput>> put_bucket_cors(Call& call, api::PutBucketCorsRequest input) override;
  Task<Outcome<api::PutBucketEncryptionOutput>> put_bucket_encryption(Call& call,
                                                                      api::PutBucketEncryptionRequest input) override;
  Task<Outcome<api::PutBucketLifecycleConfigurationOutput>> put_bucket_lifecycle_configuration(
      Call& call, api::PutBucketLifecycleConfigurationRequest input) override;
  Task<Outcome<api::PutBucketLoggingOutput>> put_bucket_logging(Call& call,
                                                                api::PutBucketLoggingRequest input) override;
  Task<Outcome<api::PutBucketNotificationConfigurationOutput>> put_bucket_notification_configuration(
      Call& call, api::PutBucketNotificationConfigurationRequest input) override;
  Task<Outcome<api::PutBucketRequestPaymentOutput>> put_bucket_request_payment(
      Call& call, api::PutBucketRequestPaymentRequest input) override;
  Task<Outcome<api::PutBucketVersioningOutput>> put_bucket_versioning(Call& call,
                                                                      api::PutBucketVersioningRequest input) override;
  Task<Outcome<api::PutBucketWebsiteOutput>> put_bucket_website(Call& call,
                                                                api::PutBucketWebsiteRequest input) override;
  // replication_config.cc
  Task<Outcome<api::DeleteBucketReplicationOutput>> delete_bucket_replication(
      Call& call, api::DeleteBucketReplicationRequest input) override;
  Task<Outcome<api::GetBucketReplicationOutput>> get_bucket_replication(
      Call& call, api::GetBucketReplicationRequest input) override;
  Task<Outcome<api::PutBucketReplicationOutput>> put_bucket_replication(
      Call& call, api::PutBucketReplicationRequest input) override;
  // bucket_access.cc
  Task<Outcome<api::DeleteBucketOwnershipControlsOutput>> delete_bucket_ownership_controls(
      Call& call, api::DeleteBucketOwnershipControlsRequest input) override;
  Task<Outcome<api::DeleteBucketPolicyOutput>> delete_bucket_policy(Call& call,
                                                                    api::DeleteBucketPolicyRequest input) override;
  Task<Outcome<api::DeletePublicAccessBlockOutput>> delete_public_access_block(
      Call& call, api::DeletePublicAccessBlockRequest input) override;
  Task<Outcome<api::GetBucketOwnershipControlsOutput>> get_bucket_ownership_controls(
      Call& call, api::GetBucketOwnershipControlsRequest input) override;
  Task<Outcome<api::GetBucketPolicyOutput>> get_bucket_policy(Call& call, api::GetBucketPolicyRequest input) override;
  Task<Outcome<api::GetBucketPolicyStatusOutput>> get_bucket_policy_status(
      Call& call, api::GetBucketPolicyStatusRequest input) override;
  Task<Outcome<api::GetPublicAccessBlockOutput>> get_public_access_block(
      Call& call, api::GetPublicAccessBlockRequest input) override;
  Task<Outcome<api::PutBucketOwnershipControlsOutput>> put_bucket_ownership_controls(
      Call& call, api::PutBucketOwnershipControlsRequest input) override;
  Task<Outcome<api::PutBucketPolicyOutput>> put_bucket_policy(Call& call, api::PutBucketPolicyRequest input) override;
  Task<Outcome<api::PutPublicAccessBlockOutput>> put_public_access_block(
      Call& call, api::PutPublicAccessBlockRequest input) override;
  // bucket_reports.cc
  Task<Outcome<api::DeleteBucketAnalyticsConfigurationOutput>> delete_bucket_analytics_configuration(
      Call& call, api::DeleteBucketAnalyticsConfigurationRequest input) override;
  Task<Outcome<api::DeleteBucketIntelligentTieringConfigurationOutput>> delete_bucket_intelligent_tiering_configuration(
      Call& call, api::DeleteBucketIntelligentTieringConfigurationRequest input) override;
  Task<Outcome<api::DeleteBucketInventoryConfigurationOutput>> delete_bucket_inventory_configuration(
      Call& call, api::DeleteBucketInventoryConfigurationRequest input) override;
  Task<Outcome<api::DeleteBucketMetricsConfigurationOutput>> delete_bucket_metrics_configuration(
      Call& call, api::DeleteBucketMetricsConfigurationRequest input) override;
  Task<Outcome<api::GetBucketAnalyticsConfigurationOutput>> get_bucket_analytics_configuration(
      Call& call, api::GetBucketAnalyticsConfigurationRequest input) override;
  Task<Outcome<api::GetBucketIntelligentTieringConfigurationOutput>> get_bucket_intelligent_tiering_configuration(
      Call& call, api::GetBucketIntelligentTieringConfigurationRequest input) override;
  Task<Outcome<api::GetBucketInventoryConfigurationOutput>> get_bucket_inventory_configuration(
      Call& call, api::GetBucketInventoryConfigurationRequest input) override;
  Task<Outcome<api::GetBucketMetricsConfigurationOutput>> get_bucket_metrics_configuration(
      Call& call, api::GetBucketMetricsConfigurationRequest input) override;
  Task<Outcome<api::ListBucketAnalyticsConfigurationsOutput>> list_bucket_analytics_configurations(
      Call& call, api::ListBucketAnalyticsConfigurationsRequest input) override;
  Task<Outcome<api::ListBucketIntelligentTieringConfigurationsOutput>> list_bucket_intelligent_tiering_configurations(
      Call& call, api::ListBucketIntelligentTieringConfigurationsRequest input) override;
  Task<Outcome<api::ListBucketInventoryConfigurationsOutput>> list_bucket_inventory_configurations(
      Call& call, api::ListBucketInventoryConfigurationsRequest input) override;
  Task<Outcome<api::ListBucketMetricsConfigurationsOutput>> list_bucket_metrics_configurations(
      Call& call, api::ListBucketMetricsConfigurationsRequest input) override;
  Task<Outcome<api::PutBucketAnalyticsConfigurationOutput>> put_bucket_analytics_configuration(
      Call& call, api::PutBucketAnalyticsConfigurationRequest input) override;
  Task<Outcome<api::PutBucketIntelligentTieringConfigurationOutput>> put_bucket_intelligent_tiering_configuration(
      Call& call, api::PutBucketIntelligentTieringConfigurationRequest input) override;
  Task<Outcome<api::PutBucketInventoryConfigurationOutput>> put_bucket_inventory_configuration(
      Call& call, api::PutBucketInventoryConfigurationRequest input) override;
  Task<Outcome<api::PutBucketMetricsConfigurationOutput>> put_bucket_metrics_configuration(
      Call& call, api::PutBucketMetricsConfigurationRequest input) override;
  // list.cc
  Task<Outcome<api::ListObjectVersionsOutput>> list_object_versions(Call& call,
                                                                    api::ListObjectVersionsRequest input) override;
  Task<Outcome<api::ListObjectsOutput>> list_objects(Call& call, api::ListObjectsRequest input) override;
  Task<Outcome<api::ListObjectsV2Output>> list_objects_v2(Call& call, api::ListObjectsV2Request input) override;
  // objects_get.cc
  Task<Outcome<api::GetObjectOutput>> get_object(Call& call, api::GetObjectRequest input) override;
  Task<Outcome<api::GetObjectAttributesOutput>> get_object_attributes(Call& call,
                                                                      api::GetObjectAttributesRequest input) override;
  Task<Outcome<api::HeadObjectOutput>> head_object(Call& call, api::HeadObjectRequest input) override;
  // objects_put.cc
  Task<Outcome<api::PutObjectOutput>> put_object(Call& call, api::PutObjectRequest input) override;
  // copy.cc
  Task<Outcome<api::CopyObjectOutput>> copy_object(Call& call, api::CopyObjectRequest input) override;
  // multipart.cc, complete.cc
  Task<Outcome<api::AbortMultipartUploadOutput>> abort_multipart_upload(
      Call& call, api::AbortMultipartUploadRequest input) override;
  Task<Outcome<api::CompleteMultipartUploadOutput>> complete_multipart_upload(
      Call& call, api::CompleteMultipartUploadRequest input) override;
  Task<Outcome<api::CreateMultipartUploadOutput>> create_multipart_upload(
      Call& call, api::CreateMultipartUploadRequest input) override;
  Task<Outcome<api::ListMultipartUploadsOutput>> list_multipart_uploads(
      Call& call, api::ListMultipartUploadsRequest input) override;
  Task<Outcome<api::ListPartsOutput>> list_parts(Call& call, api::ListPartsRequest input) override;
  Task<Outcome<api::UploadPartOutput>> upload_part(Call& call, api::UploadPartRequest input) override;
  Task<Outcome<api::UploadPartCopyOutput>> upload_part_copy(Call& call, api::UploadPartCopyRequest input) override;
  // delete.cc
  Task<Outcome<api::DeleteObjectOutput>> delete_object(Call& call, api::DeleteObjectRequest input) override;
  Task<Outcome<api::DeleteObjectsOutput>> delete_objects(Call& call, api::DeleteObjectsRequest input) override;
  // tagging.cc
  Task<Outcome<api::DeleteBucketTaggingOutput>> delete_bucket_tagging(Call& call,
                                                                      api::DeleteBucketTaggingRequest input) override;
  Task<Outcome<api::DeleteObjectTaggingOutput>> delete_object_tagging(Call& call,
                                                                      api::DeleteObjectTaggingRequest input) override;
  Task<Outcome<api::GetBucketAbacOutput>> get_bucket_abac(Call& call, api::GetBucketAbacRequest input) override;
  Task<Outcome<api::GetBucketTaggingOutput>> get_bucket_tagging(Call& call,
                                                                api::GetBucketTaggingRequest input) override;
  Task<Outcome<api::GetObjectTaggingOutput>> get_object_tagging(Call& call,
                                                                api::GetObjectTaggingRequest input) override;
  Task<Outcome<api::PutBucketAbacOutput>> put_bucket_abac(Call& call, api::PutBucketAbacRequest input) override;
  Task<Outcome<api::PutBucketTaggingOutput>> put_bucket_tagging(Call& call,
                                                                api::PutBucketTaggingRequest input) override;
  Task<Outcome<api::PutObjectTaggingOutput>> put_object_tagging(Call& call,
                                                                api::PutObjectTaggingRequest input) override;
  // tagging.cc, access.cc: for S3 Control
  std::optional<std::string> owner(std::string_view bucket) const override;
  Outcome<Access> access_to_bucket(const Call& call, std::string_view bucket, std::string action) const override;
  Outcome<Tags> tags(std::string_view bucket) const override;
  Task<Outcome<void>> change_tags(std::string bucket, Tags set, std::vector<std::string> taken) override;
  // acl.cc
  Task<Outcome<api::GetBucketAclOutput>> get_bucket_acl(Call& call, api::GetBucketAclRequest input) override;
  Task<Outcome<api::GetObjectAclOutput>> get_object_acl(Call& call, api::GetObjectAclRequest input) override;
  Task<Outcome<api::PutBucketAclOutput>> put_bucket_acl(Call& call, api::PutBucketAclRequest input) override;
  Task<Outcome<api::PutObjectAclOutput>> put_object_acl(Call& call, api::PutObjectAclRequest input) override;
  // lock.cc
  Task<Outcome<api::GetObjectLegalHoldOutput>> get_object_legal_hold(Call& call,
                                                                     api::GetObjectLegalHoldRequest input) override;
  Task<Outcome<api::GetObjectLockConfigurationOutput>> get_object_lock_configuration(
      Call& call, api::GetObjectLockConfigurationRequest input) override;
  Task<Outcome<api::GetObjectRetentionOutput>> get_object_retention(Call& call,
                                                                    api::GetObjectRetentionRequest input) override;
  Task<Outcome<api::PutObjectLegalHoldOutput>> put_object_legal_hold(Call& call,
                                                                     api::PutObjectLegalHoldRequest input) override;
  Task<Outcome<api::PutObjectLockConfigurationOutput>> put_object_lock_configuration(
      Call& call, api::PutObjectLockConfigurationRequest input) override;
  Task<Outcome<api::PutObjectRetentionOutput>> put_object_retention(Call& call,
                                                                    api::PutObjectRetentionRequest input) override;
  // object_encryption.cc
  Task<Outcome<api::UpdateObjectEncryptionResponse>> update_object_encryption(
      Call& call, api::UpdateObjectEncryptionRequest input) override;
  // restore.cc
  Task<Outcome<api::RestoreObjectOutput>> restore_object(Call& call, api::RestoreObjectRequest input) override;

 private:
  // --- what several operations use
  // What is said of a delete marker that is the latest: reads of an object see none, those of what is set on it (tags,
  // retention) meet the marker.
  enum class OnMarker { no_such_key, not_allowed };
  // A version as the call may see it. NoSuchKey (AccessDenied without s3:ListBucket), NoSuchVersion, MethodNotAllowed
  // for a delete marker that was named, NoSuchKey with x-amz-delete-marker for one that is the latest.
  Task<Outcome<objects::Found>> find_object(Call& call, BucketRef bucket, std::string key,
                                            std::optional<std::string> version_id, bool with_data,
                                            OnMarker on_marker = OnMarker::no_such_key);
  Task<Outcome<void>> keep_to_judged(const Call& call, BucketRef bucket, std::string place, bool with_data,
                                     Result<objects::Found>& found);
  Task<aws::ApiError> no_such_key(Call& call, BucketRef bucket, std::string key);
  // Changes the metadata of a version; edit's refusal is the answer.
  Task<Outcome<objects::Version>> update_object(Call& call, BucketRef bucket, std::string key,
                                                std::optional<std::string> version_id,
                                                std::function<Outcome<void>(objects::Version&)> edit);
  Task<Outcome<CopyFrom>> find_copy_source(Call& call, CopySource source, ReadConditions conditions,
                                           std::optional<CustomerKey> customer);
  Task<Outcome<objects::Version>> find_completed(BucketRef bucket, std::string key, std::string upload_id,
                                                 std::string etag);
  Task<Outcome<bool>> opens_parts(Call& call, const objects::Upload& upload, std::optional<CustomerKey> customer,
                                  bool is_needed);
  Task<Outcome<objects::Upload>> find_upload(BucketRef bucket, std::string key, std::string upload_id);
  Task<Outcome<std::optional<objects::Upload>>> upload_if_any(BucketRef bucket, std::string key, std::string upload_id);
  Task<Outcome<void>> add_upload_encryption(const Call& call, BucketRef bucket, const std::string& key,
                                            const std::string& upload_id, Access& access);

  // replica.cc: what a request of another boreal's replication brings; AccessDenied for who may not replicate. The
  // engine's error (and in S3's words, if there are any for it), unless the version is there: then that.
  Task<Outcome<std::optional<Replica>>> replica_for(Call& call, const Bucket& bucket, const std::string& key);
  Task<Result<objects::Version>> there_already(const Bucket& bucket, std::string key, Replica replica, Error error,
                                               Refusal& refusal);

  // objects_get.cc: GetObject and HeadObject, whose inputs and outputs are alike.
  struct Picture;
  template <class Output, class Input>
  Task<Outcome<Picture>> describe_object(Call& call, const Input& input, Output& output, bool with_data);

  // post_object.cc
  Task<Outcome<http::Response>> post_object(http::Request& request, aws::Gate& gate, std::string request_id,
                                            std::string boundary);
  Task<Outcome<aws::Caller>> authenticate_form(http::Request& request, aws::Gate& gate, const Form& form,
                                               const Bucket& bucket, FormFile::Limits& limits);

  // cors.cc
  http::Response answer_preflight(const http::Request& request, const std::string& request_id) const;
  void add_cors(const http::Request& request, http::Response& response) const;
  // Where every page knows the keys: whether a form may be of the page that it says.
  bool takes_forms_of(const http::Request& request) const;

  // website.cc
  struct Visit;
  Task<http::Response> answer_website(http::Request& request, aws::Gate& gate, const std::string& request_id,
                                      Site site);
  Task<Outcome<http::Response>> visit_site(Visit& visit, const std::string& region);
  Task<Outcome<http::Response>> answer_missing(Visit& visit, aws::ApiError error);
  Task<Outcome<http::Response>> read_page(Visit& visit, std::string key);
  static http::Response refuse_visit(aws::ApiError error, const aws::ApiError* inner, const std::string& request_id);

  // lock.cc: what comes without a retention into a bucket that retains all by now, though it did not when its put
  // began: OperationAborted.
  Outcome<void> check_unlocked_then(const Bucket& bucket, bool is_retained) const;

  // Changes a bucket's record.
  Task<Outcome<void>> configure(std::string bucket, std::function<void(Bucket&)> edit);

  Task<Outcome<void>> restore_object_of(aws::Asker asker, const Bucket& bucket, RecoveredHead head, Source& body);

  // access.cc
  Task<Outcome<void>> ask_upload(const Call& call, BucketRef bucket, const std::string& key,
                                 const std::string& upload_id, Access& access);
  Task<Outcome<void>> ask_object(Call& call, BucketRef bucket, std::string key, std::optional<std::string> version_id,
                                 Access& access);
  Task<Outcome<void>> add_copy_source(Call& call, std::string text, std::vector<Access>& all);
  Access access_to(const Call& call, const Bucket& bucket, std::string action, const std::string* key) const;
  Access access_aside(const Call& call, const Bucket& bucket, std::string action, const std::string* key) const;
  // Whether the caller has the action too, without which an answer leaves out what it guards: locks, the count of tags.
  Task<bool> may_read(Call& call, BucketRef bucket, const objects::Version& version, std::string action) const;

  // delete.cc
  struct DeleteBatch;
  Task<Outcome<objects::Removed>> remove_object(Call& call, BucketRef bucket, std::string key,
                                                std::optional<std::string> version_id, DeleteConditions conditions,
                                                bool bypass);
  Task<void> delete_some(DeleteBatch& batch);
  Task<Outcome<void>> may_compare(Call& call, BucketRef bucket, std::string key);
  Task<Outcome<objects::Removed>> remove_wanted(DeleteBatch& batch, const api::ObjectIdentifier& wanted);
  Task<void> delete_one(DeleteBatch& batch, size_t index);

  aws::ServiceContext context_;
  Options options_;
  objects::Objects& objects_;
  Accounts accounts_;
  Directory buckets_;
  KeyMaker keys_;
  Replication replication_;
  AccessLog access_log_;
  Lifecycle lifecycle_;
  aws::Roles& roles_;
  aws::wire::Wire wire_;  // for what website pages are read by
};

}  // namespace boreal::s3
