// Managed policies: the account's own, and those that AWS brings, as far as they concern what is served here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "aws/error.h"
#include "iam/directory.h"
#include "iam/names.h"

namespace boreal::iam {

// Static. The documents are written anew from what AWS says the policies allow, cut down to the services that are
// served here; statements about others would allow nothing.
struct AwsPolicy {
  std::string_view path;  // "/", "/service-role/"
  std::string_view name;
  std::string_view description;
  std::string_view document;
};
std::span<const AwsPolicy> aws_policies();  // sorted by name, without regard to case
const AwsPolicy* find_aws_policy(std::string_view arn);
std::string arn_of(const AwsPolicy& policy);
std::string id_of(const AwsPolicy& policy);  // the same in every account and after every start

template <class From>
aws::Outcome<std::optional<ManagedPolicy>> find_policy(const From& from, std::string_view account,
                                                       std::string_view arn) {
  const auto name = parse_resource(arn);
  if (!name || name->type != "policy" || name->account != account) return std::nullopt;
  TRY(auto found, find<ManagedPolicy>(from, policy_key(name->name)));
  if (found && arn_of(account, *found) != arn) found.reset();
  return found;
}

inline aws::ApiError no_such_policy(std::string_view arn) {
  return errors::no_such_entity_exception(fmt::format("Policy {} was not found.", arn));
}

template <class From>
aws::Outcome<ManagedPolicy> need_policy(const From& from, std::string_view account, std::string_view arn) {
  TRY(auto found, find_policy(from, account, arn));
  if (!found) return aws::refuse(no_such_policy(arn));
  return std::move(*found);
}

const PolicyVersion* find_version(const ManagedPolicy& policy, std::string_view id);

// The document in force, of either kind; nullopt when there is no such policy.
inline aws::Outcome<std::optional<std::string>> managed_document(const Account& account, std::string_view arn) {
  if (const AwsPolicy* policy = find_aws_policy(arn)) return std::string(policy->document);
  TRY(const auto found, find_policy(account, account.id, arn));
  if (!found) return std::nullopt;
  const PolicyVersion* version = find_version(*found, found->default_version);
  if (version == nullptr) return aws::refuse(no_such_policy(arn));
  return version->document;
}

}  // namespace boreal::iam
