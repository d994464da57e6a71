// Which resources have recovery points.
#include <algorithm>
#include <map>

#include "backup/pages.h"
#include "backup/service.h"
#include "backup/walk.h"

namespace boreal::backup {

namespace {

// ProtectedResource, DescribeProtectedResourceOutput.
template <class Out>
Out show(const Place& place, const PointRecord& point) {
  Out out;
  out.resource_arn = point.resource_arn;
  out.resource_type = point.resource_type;
  out.resource_name = point.resource_name;
  out.last_backup_time = point.completed;
  out.last_backup_vault_arn = place.vault_arn(point.vault);
  out.last_recovery_point_arn = point.arn;
  return out;
}

using Newest = std::map<std::string, PointRecord>;

template <class Out, class In>
aws::Outcome<Out> list(const Newest& newest, const Place& place, const In& input) {
  std::vector<api::ProtectedResource> items;
  for (const auto& [arn, point] : newest) items.push_back(show<api::ProtectedResource>(place, point));
  Out out;
  TRY(out.next_token, cut_page(items, input.next_token, input.max_results,
                               [](const api::ProtectedResource& item) { return *item.resource_arn; }));
  out.results = std::move(items);
  return out;
}

}  // namespace

Task<Result<std::map<std::string, PointRecord>>> Service::newest_points(Place place, std::string vault) {
  Newest newest;
  CO_CHECK(co_await walk<PointRecord>(context_, place, point_key(""), [&](PointRecord point) {
    if (!point.completed || (!vault.empty() && point.vault != vault)) return;
    PointRecord& best = newest[point.resource_arn];
    if (best.id.empty() || best.created < point.created) best = std::move(point);
  }));
  co_return newest;
}

Task<aws::Outcome<api::ListProtectedResourcesOutput>> Service::list_protected_resources(
    aws::Call& call, api::ListProtectedResourcesInput input) {
  const Place place = place_of(call);
  CO_TRY(const auto newest, co_await newest_points(place, ""));
  co_return list<api::ListProtectedResourcesOutput>(newest, place, input);
}

Task<aws::Outcome<api::ListProtectedResourcesByBackupVaultOutput>> Service::list_protected_resources_by_backup_vault(
    aws::Call& call, api::ListProtectedResourcesByBackupVaultInput input) {
  const Place place = place_of(call);
  const View view(context_.catalog, place);
  CO_CHECK(check_owner(place, input.backup_vault_account_id));
  CO_CHECK(need_vault(call, view, input.backup_vault_name));
  CO_TRY(const auto newest, co_await newest_points(place, input.backup_vault_name));
  co_return list<api::ListProtectedResourcesByBackupVaultOutput>(newest, place, input);
}

Task<aws::Outcome<api::DescribeProtectedResourceOutput>> Service::describe_protected_resource(
    aws::Call& call, api::DescribeProtectedResourceInput input) {
  const Place place = place_of(call);
  CO_TRY(const auto newest, co_await newest_points(place, ""));
  const auto found = newest.find(input.resource_arn);
  if (found == newest.end()) {
    co_return aws::refuse(
        api::errors::resource_not_found_exception("Resource " + input.resource_arn + " has no recovery point."));
  }
  co_return show<api::DescribeProtectedResourceOutput>(place, found->second);
}

}  // namespace boreal::backup
