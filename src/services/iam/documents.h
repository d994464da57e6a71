// What users hand in: documents, tags, pages. Checked before anything is stored.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/iam/types.h"
#include "aws/error.h"
#include "aws/policy.h"
#include "codec/base64.h"
#include "iam/directory.h"

namespace boreal::iam {

// MalformedPolicyDocument says what is wrong.
aws::Outcome<void> check_document(std::string_view document, aws::PolicyKind kind);
// The unique id of the user or role; nullopt: it is not there. Empty for all that is neither.
aws::Outcome<std::optional<std::string>> principal_id(const store::Catalog& catalog, std::string_view arn);
// The ARN now of the user or role that had this one; nullopt: it is gone.
aws::Outcome<std::optional<std::string>> principal_arn(const store::Catalog& catalog, std::string_view id,
                                                       std::string_view arn);
// Gives the role a trust policy, kept with the ids of its users and roles (aws/policy_principals.h): they must be
// there. MalformedPolicyDocument, LimitExceeded.
aws::Outcome<void> set_trust_policy(const store::Catalog& catalog, Entity& role, const std::string& document);
// Replaces it by what is shown of it.
aws::Outcome<void> show_trust_policy(const store::Catalog& catalog, Entity& role);
// UnmodifiableEntity: it is a service-linked role.
aws::Outcome<void> check_ordinary(const Entity& entity);
// Characters that count against quotas: all but white space.
size_t counted_size(std::string_view document);
// Refuses what is over the quota; `what` is "role name".
aws::ApiError quota_exceeded(std::string_view quota, size_t limit);

// What policies may ask of the tags that a policy or instance profile has, and a user or role.
// Source: Service Authorization Reference, IAM.
void add_tags_of_resource(const std::map<std::string, std::string>& tags,
                          std::multimap<std::string, std::string>& context);
void add_tags_of_principal(const std::map<std::string, std::string>& tags,
                           std::multimap<std::string, std::string>& context);
// Tag keys that differ in nothing but case are one of a user or role, and two of a policy or instance profile.
// Source: IAM User Guide, "Tags for AWS Identity and Access Management resources", Case sensitivity.
enum class KeyCase { ignored, counts };
// Adds the tags to those that are there. Errors: InvalidInput, LimitExceeded.
aws::Outcome<void> add_tags(std::map<std::string, std::string>& tags, const std::vector<api::iam::Tag>& more,
                            KeyCase key_case);
void remove_tags(std::map<std::string, std::string>& tags, const std::vector<std::string>& keys, KeyCase key_case);

aws::Outcome<std::string> page_start(const std::optional<std::string>& marker);

// Leaves the page that was asked for, and answers the next one's marker. `items` are in the order of their keys, which
// differ.
template <class T, class KeyOf>
aws::Outcome<std::optional<std::string>> cut_page(std::vector<T>& items, const std::optional<std::string>& marker,
                                                  std::optional<int32_t> max_items, KeyOf key_of) {
  TRY(const auto start, page_start(marker));
  if (marker) {
    items.erase(items.begin(), std::ranges::find_if(items, [&](const T& item) { return key_of(item) > start; }));
  }
  const size_t size = static_cast<size_t>(max_items.value_or(100));
  if (items.size() <= size) return std::nullopt;
  items.resize(size);
  return codec::base64url_encode(key_of(items.back()));
}

// Into the members that every paged answer has.
template <class Out>
void set_page(Out& out, std::optional<std::string> next) {
  out.is_truncated = next.has_value();
  out.marker = std::move(next);
}

}  // namespace boreal::iam
