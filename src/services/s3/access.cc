// What a call touches: actions of the operation (and of its version, tags, access list, locks), the bucket's policy,
// what access lists grant, and the facts that conditions ask for.
// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3"; S3 User Guide,
// "Required permissions for Amazon S3 API operations", "How Amazon S3 authorizes a request".
#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "base/text.h"
#include "codec/json_value.h"
#include "codec/percent.h"
#include "s3/acl.h"
#include "s3/bucket_policy.h"
#include "s3/conditions.h"
#include "s3/names.h"
#include "s3/public_policy.h"
#include "s3/request_keys.h"
#include "s3/service.h"

namespace boreal::s3 {

namespace {

const std::string* text_member(const aws::Value& input, std::string_view name) {
  if (!input) return nullptr;
  for (const auto& field : input.shape().fields) {
    if (field.member_name == name && field.shape->kind == codec::Kind::string) {
      return static_cast<const std::string*>(codec::member(field, input.data()));
    }
  }
  return nullptr;
}

void add_keys(Context own, const std::string& account, Context& context) {
  context.merge(own);
  context.emplace("s3:ResourceAccount", account);
  context.emplace("aws:ResourceAccount", account);
}

// The action on a version that was named.
std::string on_version(std::string_view action) {
  constexpr std::pair<std::string_view, std::string_view> versioned[] = {
      {"s3:GetObject", "s3:GetObjectVersion"},
      {"s3:DeleteObject", "s3:DeleteObjectVersion"},
      {"s3:GetObjectAcl", "s3:GetObjectVersionAcl"},
      {"s3:PutObjectAcl", "s3:PutObjectVersionAcl"},
      {"s3:GetObjectTagging", "s3:GetObjectVersionTagging"},
      {"s3:PutObjectTagging", "s3:PutObjectVersionTagging"},
      {"s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"},
      {"s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"}};
  for (const auto& [plain, version] : versioned) {
    if (action == plain) return std::string(version);
  }
  return std::string(action);
}

// What the bucket's own list lets the caller do.
Granted granted_by_bucket(const Call& call, const Bucket& bucket, std::string_view permission) {
  if (!bucket.has_acls() || is_closed_to(call.caller, bucket)) return Granted::no;
  const auto acl = bucket.acl ? *bucket.acl : private_acl(bucket.account);
  return granted(acl, permission, call.caller, bucket.blocks(&api::PublicAccessBlockConfiguration::ignore_public_acls));
}

// Whether the list that a new object is to have gives anything to others than its maker and the bucket's owner.
bool gives_to_others(const Call& call, const Bucket* bucket) {
  const std::string canned = header(call, "x-amz-acl").value_or("");
  bool gives = !canned.empty() && canned != "private" && !canned.starts_with("bucket-owner-");
  for (const auto& [name, value] : call.http.headers) {
    if (!to_lower(name).starts_with("x-amz-grant-")) continue;
    const std::string own = bucket != nullptr ? canonical_id(bucket->account) : std::string();
    gives = gives || own.empty() || (value != "id=" + own && value != "id=\"" + own + "\"");
  }
  return gives;
}

// Whether a new bucket is to have another list than the one that every bucket has.
bool asks_for_list(const Call& call) {
  const std::string canned = header(call, "x-amz-acl").value_or("");
  bool asks = !canned.empty() && canned != "private";
  for (const auto& [name, value] : call.http.headers) asks = asks || to_lower(name).starts_with("x-amz-grant-");
  return asks;
}

// What is asked of an object that is only being made: whoever writes by the bucket's list will own it, and so may share
// and tag it.
bool is_of_new_object(std::string_view operation, std::string_view action) {
  const bool makes = operation == "PutObject" || operation == "CopyObject" || operation == "CreateMultipartUpload";
  return makes && (action == "s3:PutObjectAcl" || action == "s3:PutObjectTagging");
}

bool is_of_upload(std::string_view operation) {
  return operation == "UploadPart" || operation == "UploadPartCopy" || operation == "CompleteMultipartUpload";
}

// Further actions that the headers of the request bring in. `bucket` null: it is being made.
std::vector<std::string> more_actions(const Call& call, const Bucket* bucket, bool names_version) {
  std::vector<std::string> actions;
  const std::string_view operation = call.operation.name;
  const bool bypasses = equal_ignoring_case(header(call, "x-amz-bypass-governance-retention").value_or(""), "true");
  const bool is_conditional = operation == "PutObject" || operation == "CopyObject" ||
                              operation == "CompleteMultipartUpload" || operation == "DeleteObject";
  if (is_conditional && compares_tag(header(call, "if-match"))) actions.push_back("s3:GetObject");
  if (bypasses && ((operation == "DeleteObject" && names_version) || operation == "PutObjectRetention")) {
    actions.push_back("s3:BypassGovernanceRetention");
  }
  if (operation == "UpdateObjectEncryption") actions.push_back("s3:PutObject");
  if (operation == "GetObjectAttributes") actions.push_back("s3:GetObjectAttributes");
  if (operation == "CreateBucket") {
    if (equal_ignoring_case(header(call, "x-amz-bucket-object-lock-enabled").value_or(""), "true")) {
      actions.insert(actions.end(), {"s3:PutBucketVersioning", "s3:PutBucketObjectLockConfiguration"});
    }
    if (header(call, "x-amz-object-ownership")) actions.push_back("s3:PutBucketOwnershipControls");
    if (asks_for_list(call)) actions.push_back("s3:PutBucketAcl");
  }
  if (operation != "PutObject" && operation != "CopyObject" && operation != "CreateMultipartUpload") return actions;
  if (header(call, "x-amz-tagging")) actions.push_back("s3:PutObjectTagging");
  if (gives_to_others(call, bucket)) actions.push_back("s3:PutObjectAcl");
  if (header(call, "x-amz-object-lock-mode")) actions.push_back("s3:PutObjectRetention");
  if (header(call, "x-amz-object-lock-legal-hold")) actions.push_back("s3:PutObjectLegalHold");
  return actions;
}

// What of an access list lets the action through; empty: none does. `on_object`: the object's list, else the bucket's.
std::string_view acl_permission(std::string_view action, bool& on_object) {
  on_object = true;
  if (action == "s3:GetObject" || action == "s3:GetObjectVersion") return "READ";
  if (action == "s3:GetObjectAcl" || action == "s3:GetObjectVersionAcl") return "READ_ACP";
  if (action == "s3:PutObjectAcl" || action == "s3:PutObjectVersionAcl") return "WRITE_ACP";
  on_object = false;
  if (action == "s3:ListBucket" || action == "s3:ListBucketVersions" || action == "s3:ListBucketMultipartUploads")
    return "READ";
  // To list the parts of an upload and to end it, no list gives: its initiator may, and whom a policy lets.
  if (action == "s3:PutObject" || action == "s3:DeleteObject") return "WRITE";
  if (action == "s3:GetBucketAcl") return "READ_ACP";
  if (action == "s3:PutBucketAcl") return "WRITE_ACP";
  return {};
}

// What the policy forbids; nullopt: nothing. Whoever owns the bucket may close what is another account's, not open it.
// Source: S3 User Guide, "How Amazon S3 authorizes a request for an object operation".
std::optional<std::string> denials_of(const std::optional<std::string>& policy) {
  if (!policy) return std::nullopt;
  auto document = json::parse(*policy);
  if (!document) return policy;  // which the gate refuses as damaged
  json::Value::Array statements = statements_of(*document);
  std::erase_if(statements, [](const json::Value& statement) {
    const json::Value* effect = statement.find("Effect");
    return effect != nullptr && effect->string() && *effect->string() == "Allow";
  });
  if (statements.empty()) return std::nullopt;
  document->set("Statement", std::move(statements));
  return json::write(*document);
}

// The policy with one more statement: what an access list grants, in the words that the gate evaluates.
std::string with_grant(const std::optional<std::string>& policy, Granted granted, const Access& access,
                       const aws::Caller& caller) {
  json::Value statement(json::Value::Object{});
  statement.set("Effect", "Allow");
  if (granted == Granted::everybody) {
    statement.set("Principal", "*");
  } else {
    json::Value who(json::Value::Object{});
    who.set("AWS", fmt::format("arn:aws:iam::{}:root", caller.account()));
    statement.set("Principal", std::move(who));
  }
  statement.set("Action", access.action);
  statement.set("Resource", "*");
  return with_statement(policy, std::move(statement));
}

aws::ApiError wrong_region(const Call& call, const std::string& right) {
  const std::string wrong = fmt::format("the region '{}' is wrong; expecting '{}'", call.region, right);
  aws::ApiError error = errors::authorization_header_malformed("The authorization header is malformed; " + wrong);
  if (!call.http.headers.has("authorization")) {
    error = aws::ApiError("AuthorizationQueryParametersError", 400,
                          "Error parsing the X-Amz-Credential parameter; " + wrong);
  }
  return std::move(error).with("Region", right);
}

Outcome<void> check_region(Call& call, const Bucket& bucket) {
  if (call.caller.is_anonymous() || bucket.region == call.region || call.operation.name == "GetBucketLocation") {
    call.region = bucket.region;
    return {};
  }
  aws::ApiError error = wrong_region(call, bucket.region);
  if (call.operation.name == "HeadBucket")
    error = errors::permanent_redirect("The bucket is in another region.").with("Region", bucket.region);
  error.headers.emplace_back("x-amz-bucket-region", bucket.region);
  return refuse(std::move(error));
}

Outcome<void> check_owner(const Call& call, const Bucket& bucket, std::string_view name) {
  const auto expected = header(call, name);
  if (!expected || *expected == bucket.account) return {};
  if (expected->size() != 12 || !std::ranges::all_of(*expected, is_digit)) {
    return refuse(aws::ApiError("InvalidBucketOwnerAWSAccountID", 400,
                                fmt::format("The value of the expected bucket owner parameter must be an AWS Account "
                                            "ID... [{}]",
                                            *expected)));
  }
  return refuse(errors::access_denied("Access Denied: the bucket is not owned by the account that was expected."));
}

// What belongs to the other version of a listing is refused, an empty value too, before the bucket is looked at.
Outcome<void> check_listing(const Call& call) {
  struct Word {
    std::string_view operation;
    std::string_view name;
    std::string_view message;
  };
  constexpr Word words[] = {
      {"ListObjects", "continuation-token", "continuation-token only supported in REST.GET.BUCKET with list-type=2"},
      {"ListObjects", "start-after", "startAfter only supported in REST.GET.BUCKET with list-type=2"},
      {"ListObjectsV2", "marker", "Marker unsupported with REST.GET.BUCKET in list-type=2"},
  };
  if (!call.operation.name.starts_with("ListObjects") || call.http.query.empty()) return {};
  const auto query = codec::parse_query(call.http.query).value_or(std::vector<codec::NamedValue>());
  for (const Word& word : words) {
    if (word.operation != call.operation.name) continue;
    if (std::ranges::find(query, word.name, &codec::NamedValue::name) == query.end()) continue;
    return refuse(errors::invalid_argument(std::string(word.message)).with("ArgumentName", std::string(word.name)));
  }
  return {};
}

// What needs somebody whatever a policy or a list grants.
Outcome<void> check_anonymous(std::string_view operation) {
  if (operation == "CreateMultipartUpload")
    return refuse(errors::access_denied("Anonymous users cannot initiate multipart uploads.  Please authenticate."));
  if (operation == "CopyObject" || operation == "UploadPartCopy")
    return refuse(errors::access_denied("Anonymous users cannot copy objects.  Please authenticate."));
  return {};
}

Outcome<void> check_payer(Call& call, const Bucket& bucket) {
  if (bucket.payer != "Requester" || call.caller.account() == bucket.account) return {};
  if (!call.caller.is_anonymous() && header(call, "x-amz-request-payer") == "requester") {
    // Also by operations whose model has no such field.
    call.response_headers.set("x-amz-request-charged", "requester");
    return {};
  }
  return refuse(errors::access_denied(
      "Access Denied: the bucket is a Requester Pays bucket; the request must carry x-amz-request-payer."));
}

}  // namespace

Access Service::access_to(const Call& call, const Bucket& bucket, std::string action, const std::string* key) const {
  Access access = access_in(bucket, std::move(action), key != nullptr ? bucket.arn_of(*key) : bucket.arn());
  const aws::Principal& who = call.caller.principal();
  const bool is_outside = call.caller.account() != bucket.account;
  if (is_closed_to(call.caller, bucket)) access.resource_policy.reset();
  // The owner's root may always mend a policy that locks everybody out.
  const bool is_about_policy = access.action.ends_with("BucketPolicy");
  if (is_about_policy && who.kind == aws::Principal::Kind::root && !is_outside) access.resource_policy.reset();
  if (access.resource_policy && !call.caller.is_anonymous())
    access.canonical_user = canonical_id(call.caller.account());
  access.add_context = [&call, account = bucket.account](Context& context) {
    add_keys(request_keys(call, {}), account, context);
  };
  bool on_object = false;
  std::string_view permission = acl_permission(access.action, on_object);
  if (is_of_new_object(call.operation.name, access.action)) {
    permission = is_outside ? "WRITE" : "";
    on_object = false;
  }
  if (bucket.has_acls() && !permission.empty() && !on_object) {
    const Granted allowed = granted_by_bucket(call, bucket, permission);
    if (allowed != Granted::no)
      access.resource_policy = with_grant(access.resource_policy, allowed, access, call.caller);
  }
  return access;
}

// What is asked besides, as of a copy's source: the request's headers and parameters are about something else.
Access Service::access_aside(const Call& call, const Bucket& bucket, std::string action, const std::string* key) const {
  Access access = access_to(call, bucket, std::move(action), key);
  access.add_context = [&call, account = bucket.account](Context& context) {
    add_keys(signature_keys(call), account, context);
  };
  return access;
}

Outcome<Access> Service::access_to_bucket(const Call& call, std::string_view bucket, std::string action) const {
  TRY(const BucketRef found, buckets_.need(bucket));
  return access_to(call, *found, std::move(action), nullptr);
}

Task<bool> Service::may_read(Call& call, BucketRef bucket, const objects::Version& version, std::string action) const {
  Access access = access_to(call, *bucket, std::move(action), &version.key);
  if (knows_existing_tags(access.action)) {
    for (const auto& [name, value] : version.meta.tags) access.context.emplace("s3:ExistingObjectTag/" + name, value);
  }
  const auto allowed = co_await call.authorize(std::move(access));
  co_return allowed.has_value();
}

// Who began an upload may always look at its parts and give it up, if nobody denies it; a user's account may, too.
// Source: S3 User Guide, "Multipart upload API and permissions".
Task<Outcome<void>> Service::ask_upload(const Call& call, BucketRef bucket, const std::string& key,
                                        const std::string& upload_id, Access& access) {
  CO_TRY(const auto upload, co_await upload_if_any(bucket, key, upload_id));
  if (!upload || call.caller.is_anonymous()) co_return Outcome<void>();
  const auto initiator = upload->meta.attributes.find(attribute::initiator);
  if (initiator == upload->meta.attributes.end()) co_return Outcome<void>();
  const auto who = aws::Arn::parse(initiator->second);
  const bool is_users_account = who && who->resource.starts_with("user/") && who->account == call.caller.account();
  // Of uploads from before their ids were kept the name alone is known, which others may have by now.
  const std::string id = attribute_of(upload->meta, attribute::initiator_id);
  const bool is_own = id.empty() ? initiator->second == call.caller.arn() : id == call.caller.principal().user_id;
  const Granted granted = is_own ? Granted::everybody : is_users_account ? Granted::account : Granted::no;
  if (granted != Granted::no) access.resource_policy = with_grant(access.resource_policy, granted, access, call.caller);
  co_return Outcome<void>();
}

// Adds what the object itself has to say: its tags, its owner, its access list.
Task<Outcome<void>> Service::ask_object(Call& call, BucketRef bucket, std::string key,
                                        std::optional<std::string> version_id, Access& access) {
  bool on_object = false;
  const std::string_view permission = acl_permission(access.action, on_object);
  const bool is_root = call.caller.principal().kind == aws::Principal::Kind::root;
  const bool wants_tags = knows_existing_tags(access.action) && (!is_root || may_ask_for(*bucket, "existingobjecttag"));
  const bool wants_acl = bucket->has_acls() && on_object && !permission.empty();
  if (!wants_tags && !wants_acl) co_return Outcome<void>();
  const auto which = parse_version(version_id);
  if (!which || key.size() > objects::max_key_bytes) co_return Outcome<void>();
  const auto found = co_await objects_.find(bucket->id, key, *which, false);
  // Where its tags cannot be read, no policy that asks for them can be judged.
  if (!found && found.error().code() != Errc::not_found) co_return refuse(aws::ApiError(found.error()));
  const bool is_there = found && !found->version->is_delete_marker;
  remember_judged(call, *bucket, key, version_id, is_there ? found->version.get() : nullptr);
  if (!is_there) {
    // What is not there has no list of its own: that it is missing may learn who may list the bucket.
    const bool may_learn = wants_acl && call.caller.account() != bucket->account &&
                           granted_by_bucket(call, *bucket, "READ") != Granted::no;
    if (may_learn) CO_CHECK(co_await find_object(call, bucket, key, version_id, false));
    co_return Outcome<void>();
  }
  const objects::Version& version = *found->version;
  if (wants_tags) {
    for (const auto& [name, value] : version.meta.tags) access.context.emplace("s3:ExistingObjectTag/" + name, value);
  }
  if (!wants_acl || is_closed_to(call.caller, *bucket)) co_return Outcome<void>();
  // Another account's object: the bucket's policy does not speak for its owner, only its own list does.
  if (!version.meta.owner.empty() && version.meta.owner != bucket->account) {
    access.resource_account = version.meta.owner;
    access.resource_policy = denials_of(access.resource_policy);
  }
  const bool ignores_public = bucket->blocks(&api::PublicAccessBlockConfiguration::ignore_public_acls);
  const auto allowed = granted(acl_of(version), permission, call.caller, ignores_public);
  if (allowed != Granted::no) access.resource_policy = with_grant(access.resource_policy, allowed, access, call.caller);
  co_return Outcome<void>();
}

Task<Outcome<void>> Service::add_copy_source(Call& call, std::string text, std::vector<Access>& all) {
  CO_TRY(const auto source, parse_copy_source(text));
  CO_TRY(const BucketRef bucket, buckets_.need(source.bucket));
  CO_CHECK(check_owner(call, *bucket, "x-amz-source-expected-bucket-owner"));
  CO_CHECK(check_payer(call, *bucket));
  Access access = access_aside(call, *bucket, source.version_id ? "s3:GetObjectVersion" : "s3:GetObject", &source.key);
  if (source.version_id) access.context.emplace("s3:VersionId", *source.version_id);
  CO_CHECK(co_await ask_object(call, bucket, source.key, source.version_id, access));
  all.push_back(std::move(access));
  co_return Outcome<void>();
}

Task<Outcome<std::vector<Access>>> Service::access(Call& call, const aws::Operation& operation,
                                                   const aws::Value& input) {
  const std::string* name = text_member(input, "Bucket");
  if (name == nullptr || operation.name == "CreateBucket") {
    CO_TRY(auto all, co_await Api::access(call, operation, input));
    if (call.caller.is_anonymous()) {
      co_return refuse(errors::access_denied(operation.name == "CreateBucket"
                                                 ? "Anonymous users cannot invoke this API. Please authenticate."
                                                 : "Access Denied"));
    }
    // Policies name all buckets for it: "arn:aws:s3:::*" allows it, a bucket's name does not.
    // Source: S3 User Guide, "Controlling access to a bucket with user policies".
    if (operation.name == "ListBuckets") all.front().resource = "arn:aws:s3:::*";
    // SDKs have this name for S3's oldest address, and sign for the region that it is in.
    if (call.region == "aws-global") co_return refuse(wrong_region(call, "us-east-1"));
    std::vector<std::string> actions = more_actions(call, nullptr, false);
    if (operation.name == "CreateBucket" && !tags_of_new_bucket(input).empty()) actions.emplace_back("s3:TagResource");
    for (std::string& action : actions) all.push_back({.action = std::move(action), .resource = all.front().resource});
    for (Access& access : all)
      access.add_context = [&call, &input](Context& context) { context.merge(request_keys(call, input)); };
    co_return all;
  }
  CO_CHECK(check_named_bucket(*name));
  CO_CHECK(check_listing(call));
  const std::string* key = text_member(input, "Key");
  if (key != nullptr && leads_out(*key)) co_return refuse(aws::ApiError("400", 400, "Bad Request"));
  CO_TRY(const BucketRef bucket, buckets_.need(*name));
  call.account = bucket->account;
  access_log_.begin(call, *bucket);
  const bool is_elsewhere = !call.caller.is_anonymous() && call.region != bucket->region;
  CO_CHECK(check_region(call, *bucket));
  CO_CHECK(check_owner(call, *bucket, "x-amz-expected-bucket-owner"));
  CO_CHECK(check_payer(call, *bucket));
  if (call.caller.is_anonymous()) CO_CHECK(check_anonymous(operation.name));
  std::vector<Access> all;
  if (operation.name == "DeleteObjects") {  // each key by itself, in the handler
    const bool has_policy = bucket->policy && !is_closed_to(call.caller, *bucket);
    if (call.caller.is_anonymous() && !has_policy && granted_by_bucket(call, *bucket, "WRITE") == Granted::no)
      co_return refuse(errors::access_denied("Access Denied"));
    co_return all;
  }

  const std::string* version = text_member(input, "VersionId");
  std::vector<std::string> actions = more_actions(call, bucket.get(), version != nullptr);
  for (const std::string_view line : operation.access) actions.emplace(actions.begin(), line.substr(0, line.find('|')));
  for (std::string& action : actions) {
    Access access = access_to(call, *bucket, version != nullptr ? on_version(action) : action, key);
    if (is_elsewhere) access.resource_policy.reset();  // GetBucketLocation: policies are known where the bucket is
    access.add_context = [&call, &input, account = bucket->account](Context& context) {
      add_keys(request_keys(call, input), account, context);
    };
    if (operation.name == "ListParts" || operation.name == "AbortMultipartUpload") {
      CO_CHECK(co_await ask_upload(call, bucket, *key, *text_member(input, "UploadId"), access));
    } else if (key != nullptr && !is_of_new_object(operation.name, action)) {
      CO_CHECK(co_await ask_object(call, bucket, *key, version ? std::optional(*version) : std::nullopt, access));
    }
    if (is_of_upload(operation.name))
      CO_CHECK(co_await add_upload_encryption(call, bucket, *key, *text_member(input, "UploadId"), access));
    all.push_back(std::move(access));
  }
  if (const std::string* source = text_member(input, "CopySource"))
    CO_CHECK(co_await add_copy_source(call, *source, all));
  co_return all;
}

}  // namespace boreal::s3
