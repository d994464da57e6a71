// AssumeRole and GetSessionToken.
// Source: AWS STS API Reference, "AssumeRole", "GetSessionToken"; IAM User Guide, "Pass session tags in AWS STS".
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "aws/policy.h"
#include "base/text.h"
#include "sts/service.h"

namespace boreal::sts {

using aws::Access;
using aws::Call;
using aws::Outcome;
using aws::Principal;
using namespace api::sts;

namespace {

constexpr int64_t max_chained_s = 3600;
constexpr int64_t max_root_session_s = 3600;
constexpr size_t max_policy_characters = 2048;  // of the inline policy and the ARNs together
constexpr size_t max_policy_arns = 10;
constexpr size_t max_session_tags = 50;
// AWS packs policies and tags into a token of a size that it does not tell; so much of text is 100 percent here.
constexpr size_t packed_limit = 8192;

aws::ApiError denied(const Call& call, std::string_view action, std::string_view resource) {
  return aws::ApiError(
      "AccessDenied", 403,
      fmt::format("User: {} is not authorized to perform: {} on resource: {}", call.caller.arn(), action, resource));
}

// What AWS answers to tags that do not go together; its model does not name it.
aws::ApiError invalid_value(std::string message) {
  return aws::ApiError("InvalidParameterValue", 400, std::move(message));
}

// The tags of the new session: those of the caller's session that go on, and those that are handed in.
Outcome<std::map<std::string, std::string>> session_tags(const Principal& caller, const AssumeRoleRequest& input) {
  std::map<std::string, std::string> tags;
  for (const auto& key : caller.transitive_tags) {
    if (const auto tag = caller.tags.find(key); tag != caller.tags.end()) tags.insert(*tag);
  }
  const auto& inherited = caller.transitive_tags;
  std::map<std::string, bool> seen;
  for (const auto& tag : input.tags.value_or(std::vector<Tag>())) {
    if (!seen.emplace(to_lower(tag.key), true).second) {
      return aws::refuse(invalid_value("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
    }
    if (std::ranges::any_of(inherited, [&](const auto& key) { return equal_ignoring_case(key, tag.key); })) {
      return aws::refuse(invalid_value(fmt::format(
          "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag "
          "key from the calling session: {}",
          tag.key)));
    }
    if (to_lower(tag.key).starts_with("aws:")) {
      return aws::refuse(errors::validation_error(
          fmt::format("Tag keys beginning with aws: are reserved for AWS, and {} does.", tag.key)));
    }
    tags[tag.key] = tag.value;
  }
  if (tags.size() > max_session_tags) {
    return aws::refuse(errors::validation_error(fmt::format("A session has at most {} tags.", max_session_tags)));
  }
  return tags;
}

size_t packed_size(const Principal& session) {
  size_t size = 0;
  for (const auto& policy : session.session_policies) size += policy.size();
  for (const auto& arn : session.session_policy_arns) size += arn.size();
  for (const auto& [key, value] : session.tags) size += key.size() + value.size();
  return size;
}

// Of a session, or of whose it is.
Outcome<void> check_name(std::string_view member, const std::string& name) {
  const auto is_character = [](char c) {
    const char lower = to_lower(c);
    return is_digit(c) || (lower >= 'a' && lower <= 'z') || std::string_view("_+=,.@-").contains(c);
  };
  if (name.size() >= 2 && name.size() <= 64 && std::ranges::all_of(name, is_character)) return {};
  return aws::refuse(errors::validation_error(
      fmt::format("1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must satisfy "
                  "regular expression pattern: [\\w+=,.@-]{{2,64}}",
                  name.substr(0, 80), member)));
}

Credentials to_credentials(aws::Sessions::Issued issued) {
  return {.access_key_id = std::move(issued.access_key),
          .secret_access_key = std::move(issued.secret_key),
          .session_token = std::move(issued.session_token),
          .expiration = issued.expires};
}

}  // namespace

Task<Outcome<std::vector<Access>>> Service::assume_role_access(Call& call, AssumeRoleRequest input) {
  const Principal& caller = call.caller.principal();
  if (caller.kind == Principal::Kind::root) {
    co_return aws::refuse(aws::ApiError("AccessDenied", 403, "Roles may not be assumed by root accounts."));
  }
  CO_TRY(const auto role, co_await sessions_.role(input.role_arn));
  // A role that is not there looks like one that may not be assumed.
  if (!role) co_return aws::refuse(denied(call, "sts:AssumeRole", input.role_arn));
  Access access{.action = "sts:AssumeRole",
                .resource = role->arn,
                .resource_account = role->account,
                .resource_policy = role->trust_policy,
                .resource_policy_rules = true};
  access.context.emplace("sts:RoleSessionName", input.role_session_name);
  if (input.external_id) access.context.emplace("sts:ExternalId", *input.external_id);
  // What the caller's session has goes on to the next, said again or not.
  const std::string source_identity = input.source_identity.value_or(caller.source_identity);
  if (!source_identity.empty()) access.context.emplace("sts:SourceIdentity", source_identity);
  for (const auto& [key, value] : role->tags) {
    access.context.emplace("aws:ResourceTag/" + key, value);
    access.context.emplace("iam:ResourceTag/" + key, value);
  }
  for (const auto& tag : input.tags.value_or(std::vector<Tag>())) {
    access.context.emplace("aws:RequestTag/" + tag.key, tag.value);
    access.context.emplace("aws:TagKeys", tag.key);
  }
  for (const auto& key : input.transitive_tag_keys.value_or(std::vector<std::string>())) {
    access.context.emplace("sts:TransitiveTagKeys", key);
  }
  std::vector<Access> all{access};
  const bool inherits_tags = !caller.transitive_tags.empty();
  if (inherits_tags || (input.tags && !input.tags->empty())) {
    all.push_back(access);
    all.back().action = "sts:TagSession";
  }
  if (!source_identity.empty()) {
    all.push_back(access);
    all.back().action = "sts:SetSourceIdentity";
  }
  co_return all;
}

Task<Outcome<void>> Service::add_session_policies(Principal& session, AssumeRoleRequest input) {
  size_t size = 0;
  if (input.policy) {
    const auto parsed = aws::validate_identity_policy(*input.policy);
    if (!parsed) co_return aws::refuse(errors::malformed_policy_document_exception(parsed.error().message()));
    size += input.policy->size();
    session.session_policies.push_back(std::move(*input.policy));
  }
  for (const auto& descriptor : input.policy_arns.value_or(std::vector<PolicyDescriptorType>())) {
    const std::string arn = descriptor.arn.value_or("");
    CO_TRY(const bool there, co_await sessions_.has_policy(session.account, arn));
    if (!there) {
      co_return aws::refuse(
          errors::validation_error(fmt::format("The policy {} does not exist in the role's account.", arn)));
    }
    size += arn.size();
    session.session_policy_arns.push_back(arn);
  }
  if (size > max_policy_characters || session.session_policy_arns.size() > max_policy_arns) {
    co_return aws::refuse(errors::packed_policy_too_large_exception(fmt::format(
        "The session policy and the ARNs of policies have {} characters, at most {} are allowed, of at most "
        "{} policies.",
        size, max_policy_characters, max_policy_arns)));
  }
  session.has_session_policies = !session.session_policies.empty() || !session.session_policy_arns.empty();
  co_return Outcome<void>();
}

Task<Outcome<AssumeRoleResponse>> Service::assume_role(Call& call, AssumeRoleRequest input) {
  const Principal& caller = call.caller.principal();
  CO_CHECK(check_name("roleSessionName", input.role_session_name));
  if (input.source_identity) CO_CHECK(check_name("sourceIdentity", *input.source_identity));
  if (input.serial_number || input.token_code) {
    co_return aws::refuse(
        aws::ApiError("AccessDenied", 403, "MultiFactorAuthentication failed, no MFA devices are kept here."));
  }
  if (input.provided_contexts) {
    co_return aws::refuse(aws::ApiError("NotImplemented", 501, "sts:AssumeRole does not take ProvidedContexts yet."));
  }
  CO_TRY(const auto role, co_await sessions_.role(input.role_arn));
  if (!role) co_return aws::refuse(denied(call, "sts:AssumeRole", input.role_arn));
  const int64_t seconds = input.duration_seconds.value_or(3600);
  if (seconds > role->max_session_s) {
    co_return aws::refuse(
        errors::validation_error("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
  }
  if (caller.kind == Principal::Kind::assumed_role && seconds > max_chained_s) {
    co_return aws::refuse(errors::validation_error(
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."));
  }
  Principal session;
  session.kind = Principal::Kind::assumed_role;
  session.account = role->account;
  session.name = role->name;
  session.arn = fmt::format("arn:aws:sts::{}:assumed-role/{}/{}", role->account, role->name, input.role_session_name);
  session.user_id = role->id + ":" + input.role_session_name;
  session.role_arn = role->arn;
  CO_TRY(session.tags, session_tags(caller, input));
  session.transitive_tags = caller.transitive_tags;
  for (const auto& key : input.transitive_tag_keys.value_or(std::vector<std::string>())) {
    if (!session.tags.contains(key)) {
      co_return aws::refuse(invalid_value(
          fmt::format("The specified transitive tag key {} must be included in the requested tags.", key)));
    }
    if (std::ranges::find(session.transitive_tags, key) == session.transitive_tags.end()) {
      session.transitive_tags.push_back(key);
    }
  }
  if (input.source_identity && !caller.source_identity.empty() && *input.source_identity != caller.source_identity) {
    co_return aws::refuse(denied(call, "sts:SetSourceIdentity", role->arn));
  }
  session.source_identity = input.source_identity.value_or(caller.source_identity);
  CO_CHECK(co_await add_session_policies(session, input));

  const size_t packed = packed_size(session);
  if (packed > packed_limit) {
    co_return aws::refuse(errors::packed_policy_too_large_exception(
        fmt::format("Packed size of session tags consumes {}% of allotted space.", packed * 100 / packed_limit)));
  }
  AssumeRoleResponse out{.assumed_role_user = AssumedRoleUser{.assumed_role_id = session.user_id, .arn = session.arn}};
  if (packed > 0) out.packed_policy_size = static_cast<int32_t>((packed * 100 + packed_limit - 1) / packed_limit);
  if (!session.source_identity.empty()) out.source_identity = session.source_identity;
  CO_TRY(auto issued, co_await sessions_.issue(std::move(session), std::chrono::seconds(seconds)));
  out.credentials = to_credentials(std::move(issued));
  co_return out;
}

Task<Outcome<GetSessionTokenResponse>> Service::get_session_token(Call& call, GetSessionTokenRequest input) {
  const Principal& caller = call.caller.principal();
  const bool session = caller.issued != Time();
  if (session || (caller.kind != Principal::Kind::user && caller.kind != Principal::Kind::root)) {
    co_return aws::refuse(aws::ApiError("AccessDenied", 403, "Cannot call GetSessionToken with session credentials"));
  }
  if (input.serial_number || input.token_code) {
    co_return aws::refuse(
        aws::ApiError("AccessDenied", 403, "MultiFactorAuthentication failed, no MFA devices are kept here."));
  }
  int64_t seconds = input.duration_seconds.value_or(43200);
  // AWS cuts root sessions down without a word.
  if (caller.kind == Principal::Kind::root) seconds = std::min(seconds, max_root_session_s);
  CO_TRY(auto issued, co_await sessions_.issue(caller, std::chrono::seconds(seconds)));
  co_return GetSessionTokenResponse{.credentials = to_credentials(std::move(issued))};
}

Task<Outcome<GetAccessKeyInfoResponse>> Service::get_access_key_info(Call&, GetAccessKeyInfoRequest input) {
  auto account = sessions_.account_of(input.access_key_id);
  if (!account) {
    co_return aws::refuse(errors::validation_error(fmt::format("Access key {} is not valid.", input.access_key_id)));
  }
  co_return GetAccessKeyInfoResponse{.account = std::move(*account)};
}

}  // namespace boreal::sts
