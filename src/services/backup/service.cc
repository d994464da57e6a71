#include "backup/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"

namespace boreal::backup {

namespace {
constexpr std::string_view principal = "backup.amazonaws.com";
}

Service::Service(aws::ServiceContext context, Options options, aws::Keys& keys, aws::Roles& roles, aws::Gate& gate,
                 objects::Objects& objects, std::vector<aws::Recoverable*> recoverables)
    : context_(context),
      options_(options),
      keys_(keys),
      roles_(roles),
      gate_(gate),
      objects_(objects),
      recoverables_(std::move(recoverables)),
      timekeeper_("backup", context.loop, context.clock, [this] { return do_what_is_due(); }) {}

Task<Result<void>> Service::start() {
  stopping_ = false;
  timekeeper_.start();
  co_return Result<void>();
}

void Service::begin_stop() {
  stopping_ = true;
  for (auto& [id, progress] : progress_) progress->stop = true;
}

Task<void> Service::stop() {
  begin_stop();
  co_await timekeeper_.stop();
  co_await tasks_.wait();
}

Task<void> Service::settle() { co_await tasks_.wait(); }

Result<std::vector<Place>> Service::places() const {
  TRY(const auto partitions, context_.catalog.store().partitions());
  std::vector<Place> all;
  for (const std::string& partition : partitions) {
    const auto parts = split(partition, '/');
    if (parts.size() == 3 && parts[0] == "backup") all.push_back({std::string(parts[1]), std::string(parts[2])});
  }
  return all;
}

Task<aws::Outcome<void>> Service::check_role(aws::Call& call, std::string role_arn, std::string vault) {
  auto checked = co_await roles_.check_pass(call, role_arn, std::string(principal), place_of(call).vault_arn(vault));
  if (checked) co_return aws::Outcome<void>();
  if (checked.error().code == "NoSuchEntity" || checked.error().code == "InvalidParameterValue") {
    co_return aws::refuse(api::errors::invalid_parameter_value_exception(
        fmt::format("IAM Role {} cannot be assumed by AWS Backup: {}", role_arn, checked.error().message)));
  }
  co_return aws::refuse(std::move(checked.error()));
}

// The vault is what AWS Backup names in aws:SourceArn. Source: AWS Backup Developer Guide, "Cross-service confused
// deputy prevention".
Task<aws::Outcome<aws::Caller>> Service::assume(Place place, std::string role_arn, std::string session_name,
                                                std::string vault) {
  return gate_.assume(std::move(role_arn), std::move(session_name), std::string(principal), place.account,
                      place.vault_arn(vault));
}

// Source of the action: AWS managed policies AWSBackupServiceRolePolicyForS3Restore,
// AWSBackupServiceRolePolicyForRestores.
aws::Asker Service::asker_of(const aws::Caller& role, const aws::Recoverable& engine) const {
  return {gate_, role, engine.service(), "kms:GenerateDataKey"};
}

Task<aws::Outcome<std::optional<Service::Found>>> Service::find_resource(Place place, std::string arn_or_name) {
  for (aws::Recoverable* engine : recoverables_) {
    CO_TRY(auto resource, co_await engine->find(place.account, place.region, arn_or_name));
    if (resource) co_return Found{engine, std::move(*resource)};
  }
  co_return std::nullopt;
}

size_t Service::under_way(const Place& place, bool restores) const {
  return static_cast<size_t>(std::ranges::count_if(progress_, [&](const auto& entry) {
    return entry.second->is_restore == restores && !entry.second->is_late && entry.second->place == place;
  }));
}

aws::Recoverable* Service::engine_for(std::string_view resource_type) const {
  for (aws::Recoverable* engine : recoverables_) {
    if (engine->resource_type() == resource_type) return engine;
  }
  return nullptr;
}

}  // namespace boreal::backup
