#include "iam/service.h"

#include "iam/documents.h"
#include "iam/limits.h"

namespace boreal::iam {

using aws::Outcome;

Service::Service(aws::ServiceContext context, crypto::Sealer sealer, Options options)
    : context_(context), sealer_(std::move(sealer)), options_(options) {}

Outcome<void> Service::check_new_entity(const store::Transaction& tx, Kind kind, std::string_view name) const {
  TRY(const auto rows, tx.scan(entity_prefix(kind)));
  const std::string key = entity_key(kind, name);
  for (const auto& [there, text] : rows) {
    if (there != key) continue;
    std::string what(word(kind));
    what[0] = static_cast<char>(what[0] - 'a' + 'A');
    return aws::refuse(
        errors::entity_already_exists_exception(fmt::format("{} with name {} already exists.", what, name)));
  }
  if (rows.size() >= max_entities(kind)) {
    constexpr std::string_view quotas[] = {"UsersPerAccount", "GroupsPerAccount", "RolesPerAccount"};
    return aws::refuse(quota_exceeded(quotas[static_cast<size_t>(kind)], max_entities(kind)));
  }
  return {};
}

Outcome<void> Service::check_attachable(const std::string& account_id, const std::string& policy_arn) {
  TRY(const auto policy, managed_policy(account_id, policy_arn));
  if (policy) return {};
  return aws::refuse(
      errors::no_such_entity_exception(fmt::format("Policy {} does not exist or is not attachable.", policy_arn)));
}

}  // namespace boreal::iam
