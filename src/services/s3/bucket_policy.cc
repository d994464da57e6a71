#include "s3/bucket_policy.h"

#include <algorithm>
#include <span>

#include "api/s3/errors.h"
#include "aws/arn.h"
#include "base/text.h"
#include "s3/names.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {

// Actions without their vendor, on buckets and on objects; those on what is neither have no place in a bucket's policy.
constexpr std::string_view bucket_actions[] = {"CreateBucketMetadataTableConfiguration",
                                               "DeleteBucket",
                                               "DeleteBucketMetadataTableConfiguration",
                                               "DeleteBucketPolicy",
                                               "DeleteBucketWebsite",
                                               "GetAccelerateConfiguration",
                                               "GetAnalyticsConfiguration",
                                               "GetBucketAbac",
                                               "GetBucketAcl",
                                               "GetBucketCORS",
                                               "GetBucketLocation",
                                               "GetBucketLogging",
                                               "GetBucketMetadataTableConfiguration",
                                               "GetBucketNotification",
                                               "GetBucketObjectLockConfiguration",
                                               "GetBucketOwnershipControls",
                                               "GetBucketPolicy",
                                               "GetBucketPolicyStatus",
                                               "GetBucketPublicAccessBlock",
                                               "GetBucketRequestPayment",
                                               "GetBucketTagging",
                                               "GetBucketVersioning",
                                               "GetBucketWebsite",
                                               "GetEncryptionConfiguration",
                                               "GetIntelligentTieringConfiguration",
                                               "GetInventoryConfiguration",
                                               "GetLifecycleConfiguration",
                                               "GetMetricsConfiguration",
                                               "GetReplicationConfiguration",
                                               "ListBucket",
                                               "ListBucketMultipartUploads",
                                               "ListBucketVersions",
                                               "ListTagsForResource",
                                               "PauseReplication",
                                               "PutAccelerateConfiguration",
                                               "PutAnalyticsConfiguration",
                                               "PutBucketAbac",
                                               "PutBucketAcl",
                                               "PutBucketCORS",
                                               "PutBucketLogging",
                                               "PutBucketNotification",
                                               "PutBucketObjectLockConfiguration",
                                               "PutBucketOwnershipControls",
                                               "PutBucketPolicy",
                                               "PutBucketPublicAccessBlock",
                                               "PutBucketRequestPayment",
                                               "PutBucketTagging",
                                               "PutBucketVersioning",
                                               "PutBucketWebsite",
                                               "PutEncryptionConfiguration",
                                               "PutIntelligentTieringConfiguration",
                                               "PutInventoryConfiguration",
                                               "PutLifecycleConfiguration",
                                               "PutMetricsConfiguration",
                                               "PutReplicationConfiguration",
                                               "TagResource",
                                               "UntagResource",
                                               "UpdateBucketMetadataInventoryTableConfiguration",
                                               "UpdateBucketMetadataJournalTableConfiguration"};
constexpr std::string_view object_actions[] = {"AbortMultipartUpload",
                                               "BypassGovernanceRetention",
                                               "DeleteObject",
                                               "DeleteObjectAnnotation",
                                               "DeleteObjectTagging",
                                               "DeleteObjectVersion",
                                               "DeleteObjectVersionTagging",
                                               "GetObject",
                                               "GetObjectAcl",
                                               "GetObjectAnnotation",
                                               "GetObjectAttributes",
                                               "GetObjectLegalHold",
                                               "GetObjectRetention",
                                               "GetObjectTagging",
                                               "GetObjectTorrent",
                                               "GetObjectVersion",
                                               "GetObjectVersionAcl",
                                               "GetObjectVersionAttributes",
                                               "GetObjectVersionForReplication",
                                               "GetObjectVersionTagging",
                                               "GetObjectVersionTorrent",
                                               "InitiateReplication",
                                               "ListMultipartUploadParts",
                                               "ListObjectAnnotations",
                                               "ObjectOwnerOverrideToBucketOwner",
                                               "PutObject",
                                               "PutObjectAcl",
                                               "PutObjectAnnotation",
                                               "PutObjectLegalHold",
                                               "PutObjectRetention",
                                               "PutObjectTagging",
                                               "PutObjectVersionAcl",
                                               "PutObjectVersionTagging",
                                               "ReplicateDelete",
                                               "ReplicateObject",
                                               "ReplicateTags",
                                               "RestoreObject",
                                               "UpdateObjectEncryption"};

// Condition keys in lower case, without their vendor; those of families, such as ExistingObjectTag/KEY, by what comes
// before the slash.
constexpr std::string_view s3_keys[] = {"accessgrantsinstancearn",
                                        "accesspointnetworkorigin",
                                        "annotation-prefix",
                                        "authtype",
                                        "dataaccesspointaccount",
                                        "dataaccesspointarn",
                                        "delimiter",
                                        "destinationregion",
                                        "if-match",
                                        "if-none-match",
                                        "inventoryaccessibleoptionalfields",
                                        "isreplicationpauserequest",
                                        "locationconstraint",
                                        "max-annotation-results",
                                        "max-keys",
                                        "object-lock-event-hold",
                                        "object-lock-event-hold-duration-days",
                                        "object-lock-legal-hold",
                                        "object-lock-mode",
                                        "object-lock-remaining-retention-days",
                                        "object-lock-retain-until-date",
                                        "objectcreationoperation",
                                        "prefix",
                                        "requestobjecttagkeys",
                                        "resourceaccount",
                                        "signatureage",
                                        "signatureversion",
                                        "tlsversion",
                                        "versionid",
                                        "x-amz-acl",
                                        "x-amz-bucket-namespace",
                                        "x-amz-content-sha256",
                                        "x-amz-copy-source",
                                        "x-amz-grant-full-control",
                                        "x-amz-grant-read",
                                        "x-amz-grant-read-acp",
                                        "x-amz-grant-write",
                                        "x-amz-grant-write-acp",
                                        "x-amz-metadata-directive",
                                        "x-amz-object-annotation-directive",
                                        "x-amz-object-if-match",
                                        "x-amz-object-ownership",
                                        "x-amz-server-side-encryption",
                                        "x-amz-server-side-encryption-aws-kms-key-id",
                                        "x-amz-server-side-encryption-customer-algorithm",
                                        "x-amz-storage-class",
                                        "x-amz-website-redirect-location"};
constexpr std::string_view s3_key_families[] = {"accesspointtag", "buckettag", "existingobjecttag", "requestobjecttag"};
constexpr std::string_view global_keys[] = {"assumedroot",
                                            "calledvia",
                                            "calledviaawsmcp",
                                            "calledviafirst",
                                            "calledvialast",
                                            "chatbotsourcearn",
                                            "currenttime",
                                            "ec2instancesourceprivateipv4",
                                            "ec2instancesourcevpc",
                                            "epochtime",
                                            "federatedprovider",
                                            "multifactorauthage",
                                            "multifactorauthpresent",
                                            "principalaccount",
                                            "principalarn",
                                            "principalisawsservice",
                                            "principalorgid",
                                            "principalorgpaths",
                                            "principalservicename",
                                            "principalservicenameslist",
                                            "principaltype",
                                            "referer",
                                            "requestedregion",
                                            "resourceaccount",
                                            "resourceorgid",
                                            "resourceorgpaths",
                                            "securetransport",
                                            "signinsessionarn",
                                            "sourceaccount",
                                            "sourcearn",
                                            "sourceidentity",
                                            "sourceip",
                                            "sourceorgid",
                                            "sourceorgpaths",
                                            "sourceowner",
                                            "sourcevpc",
                                            "sourcevpcarn",
                                            "sourcevpce",
                                            "tagkeys",
                                            "tokenissuetime",
                                            "useragent",
                                            "userid",
                                            "username",
                                            "viaawsmcpservice",
                                            "viaawsservice",
                                            "vpceaccount",
                                            "vpceorgid",
                                            "vpceorgpaths",
                                            "vpcsourceip"};
constexpr std::string_view global_key_families[] = {"principaltag", "requesttag", "resourcetag"};

// Keys that only listings have.
constexpr std::string_view listing_keys[] = {"s3:delimiter", "s3:max-keys", "s3:prefix"};
constexpr std::string_view listing_actions[] = {"ListBucket", "ListBucketMultipartUploads", "ListBucketVersions"};

// Keys that some actions know nothing of, and these actions. Those that know the key and have never a value for it are
// not among them.
constexpr std::string_view writing_keys[] = {"s3:x-amz-acl",
                                             "s3:x-amz-copy-source",
                                             "s3:x-amz-grant-full-control",
                                             "s3:x-amz-grant-read",
                                             "s3:x-amz-grant-read-acp",
                                             "s3:x-amz-metadata-directive",
                                             "s3:x-amz-server-side-encryption",
                                             "s3:x-amz-server-side-encryption-customer-algorithm"};
constexpr std::string_view reading_actions[] = {"GetObject", "GetObjectVersion"};
constexpr std::string_view without_old_tags[] = {
    "BypassGovernanceRetention", "DeleteObject", "DeleteObjectVersion", "GetObjectLegalHold",
    "GetObjectRetention",        "PutObject",    "PutObjectLegalHold",  "PutObjectRetention"};
constexpr std::string_view without_new_tags[] = {"PutObjectAcl", "PutObjectLegalHold", "PutObjectRetention"};

// The strings of a member that is one, or a list of them.
std::vector<std::string> texts_of(const json::Value& statement, std::string_view member) {
  std::vector<std::string> texts;
  const json::Value* value = statement.find(member);
  if (value == nullptr) return texts;
  if (value->string()) texts.push_back(*value->string());
  if (value->array()) {
    for (const json::Value& one : *value->array()) {
      if (one.string()) texts.push_back(*one.string());
    }
  }
  return texts;
}

// What of a statement's resources the bucket is, and its objects are.
struct Reach {
  bool bucket = false, objects = false;
};

Outcome<Reach> reach_of(const std::vector<std::string>& resources, const std::string& bucket) {
  Reach reach;
  for (const std::string& resource : resources) {
    constexpr std::string_view service = "arn:aws:s3:::";
    const bool is_open = resource == "*" || resource.find("${") != std::string::npos;
    if (is_open) {
      reach = {true, true};
      continue;
    }
    if (!resource.starts_with(service)) return refuse(errors::malformed_policy("Policy has invalid resource"));
    const std::string_view name = std::string_view(resource).substr(service.size());
    const size_t slash = std::min(name.find('/'), name.size());
    if (!aws::Glob(name.substr(0, slash)).matches(bucket))
      return refuse(errors::malformed_policy("Policy has invalid resource"));
    // The asterisk of a bucket's name reaches over the slash.
    reach.bucket = reach.bucket || slash == name.size();
    reach.objects = reach.objects || slash < name.size() || name.find('*') != std::string_view::npos;
  }
  return reach;
}

bool is_among(std::span<const std::string_view> names, const std::string& pattern) {
  const aws::Glob glob(pattern);
  return std::ranges::any_of(names, [&](std::string_view name) { return glob.matches_ignoring_case(name); });
}

// A bucket's policy speaks of S3 alone.
Outcome<std::string> without_vendor(const std::string& action) {
  if (action == "*") return action;
  if (to_lower(action).starts_with("s3:")) {
    std::string name = action.substr(3);
    if (is_among(bucket_actions, name) || is_among(object_actions, name)) return name;
  }
  return refuse(errors::malformed_policy("Policy has invalid action"));
}

bool is_key_of(const std::string& name, std::span<const std::string_view> keys,
               std::span<const std::string_view> families) {
  const size_t slash = name.find('/');
  if (slash == std::string::npos) return std::ranges::find(keys, name) != keys.end();
  return slash + 1 < name.size() && std::ranges::find(families, name.substr(0, slash)) != families.end();
}

// Keys of other vendors come from those who signed the caller in.
bool is_known_key(const std::string& key) {
  if (key.starts_with("s3:")) return is_key_of(key.substr(3), s3_keys, s3_key_families);
  if (key.starts_with("aws:")) return is_key_of(key.substr(4), global_keys, global_key_families);
  return true;
}

// Whether a statement on the action, which may be a pattern for several, may ask for the key.
bool knows(const std::string& action, const std::string& key) {
  if (std::ranges::find(listing_keys, key) != std::end(listing_keys)) return is_among(listing_actions, action);
  if (action.find_first_of("*?") != std::string::npos) return true;
  if (key.starts_with("s3:existingobjecttag/")) return !is_among(without_old_tags, action);
  if (key.starts_with("s3:requestobjecttag/")) return !is_among(without_new_tags, action);
  const bool is_of_writing = std::ranges::find(writing_keys, key) != std::end(writing_keys);
  return !is_of_writing || !is_among(reading_actions, action);
}

Outcome<void> check_conditions(const json::Value& statement, const std::vector<std::string>& actions) {
  const json::Value* conditions = statement.find("Condition");
  if (conditions == nullptr || conditions->object() == nullptr) return {};
  for (const json::Member& operation : *conditions->object()) {
    if (operation.value.object() == nullptr) continue;
    for (const json::Member& condition : *operation.value.object()) {
      const std::string key = to_lower(condition.name);
      if (!is_known_key(key)) return refuse(errors::malformed_policy("Policy has an invalid condition key"));
      // All of them must: one that does not spoils the statement.
      if (!std::ranges::all_of(actions, [&](const std::string& action) { return knows(action, key); })) {
        return refuse(
            errors::malformed_policy("Conditions do not apply to combination of actions and resources in statement"));
      }
    }
  }
  return {};
}

Outcome<void> check_statement(const json::Value& statement, const std::string& bucket) {
  const auto resources = texts_of(statement, "Resource");
  TRY(const Reach reach, reach_of(resources, bucket));
  CHECK(reach_of(texts_of(statement, "NotResource"), bucket));
  for (const std::string& action : texts_of(statement, "NotAction")) CHECK(without_vendor(action));
  std::vector<std::string> actions;
  for (const std::string& action : texts_of(statement, "Action")) {
    TRY(actions.emplace_back(), without_vendor(action));
    const bool applies = resources.empty() || (reach.bucket && is_among(bucket_actions, actions.back())) ||
                         (reach.objects && is_among(object_actions, actions.back()));
    if (!applies) return refuse(errors::malformed_policy("Action does not apply to any resource(s) in statement"));
  }
  return check_conditions(statement, actions);
}

}  // namespace

Outcome<json::Value> read_policy(std::string_view text) {
  const auto malformed = [](std::string why) { return refuse(errors::malformed_policy(std::move(why))); };
  if (!text.starts_with('{')) return malformed("Policies must be valid JSON and the first byte must be '{'");
  auto document = json::parse(text);
  if (!document) return malformed("This policy contains invalid Json");
  const json::Value* statements = document->find("Statement");
  if (statements == nullptr) return malformed("Missing required field Statement");
  const json::Value::Array* list = statements->array();
  if (list == nullptr) return std::move(*document);
  if (list->empty()) return malformed("Could not parse the policy: Statement is empty!");
  for (const json::Value& statement : *list) {
    if (statement.object() == nullptr) continue;
    for (const std::string field : {"Action", "Resource"}) {
      if (statement.find(field) == nullptr && statement.find("Not" + field) == nullptr)
        return malformed("Missing required field " + field);
    }
  }
  return std::move(*document);
}

aws::ApiError invalid_principal(std::string who) {
  return errors::malformed_policy("Invalid principal in policy").with("Detail", std::move(who));
}

Outcome<void> check_bucket_policy(const json::Value& document, const aws::Policy& compiled, const std::string& bucket) {
  using Kind = aws::policy::PrincipalEntry::Kind;
  for (const auto& statement : compiled.statements()) {
    for (const auto& principal : statement.principals) {
      const bool is_canonical = principal.kind == Kind::canonical_user;
      if (is_canonical && !account_of_canonical_id(principal.value)) return refuse(invalid_principal(principal.value));
    }
  }
  const json::Value* statements = document.find("Statement");
  if (statements == nullptr) return {};
  if (!statements->array()) return check_statement(*statements, bucket);
  for (const json::Value& statement : *statements->array()) CHECK(check_statement(statement, bucket));
  return {};
}

bool knows_existing_tags(std::string_view action) {
  // Attributes are known to bucket policies with that key, and have never a value for it, whoever may read the tags.
  constexpr std::string_view without_value[] = {"GetObjectAttributes", "GetObjectVersionAttributes"};
  const std::string_view name = action.substr(action.find(':') + 1);
  return std::ranges::find(without_old_tags, name) == std::end(without_old_tags) &&
         std::ranges::find(without_value, name) == std::end(without_value);
}

bool may_ask_for(const Bucket& bucket, std::string_view word) {
  if (!bucket.policy) return false;
  // A backslash may spell any character.
  return bucket.policy->contains('\\') || to_lower(*bucket.policy).contains(word);
}

json::Value::Array statements_of(const json::Value& document) {
  const json::Value* own = document.find("Statement");
  if (own == nullptr) return {};
  return own->array() ? *own->array() : json::Value::Array{*own};
}

std::string with_statement(const std::optional<std::string>& policy, json::Value statement) {
  json::Value document(json::Value::Object{});
  document.set("Version", "2012-10-17");
  json::Value::Array statements;
  if (policy) {
    auto parsed = json::parse(*policy);
    if (!parsed) return *policy;
    document = std::move(*parsed);
    statements = statements_of(document);
  }
  statements.push_back(std::move(statement));
  document.set("Statement", std::move(statements));
  return json::write(document);
}

aws::Access access_in(const Bucket& bucket, std::string action, std::string resource) {
  aws::Access access;
  access.action = std::move(action);
  access.resource = std::move(resource);
  access.resource_account = bucket.account;
  access.resource_policy = bucket.policy;
  if (!bucket.abac || !bucket.tags) return access;
  for (const api::Tag& tag : *bucket.tags) {
    access.context.emplace("aws:ResourceTag/" + tag.key, tag.value);
    access.context.emplace("s3:BucketTag/" + tag.key, tag.value);
  }
  return access;
}

}  // namespace boreal::s3
