// Tags of vaults, plans and recovery points, by ARN.
#include <fmt/format.h>

#include "backup/convert.h"
#include "backup/pages.h"
#include "backup/service.h"
#include "base/text.h"

namespace boreal::backup {

namespace {

namespace errors = api::errors;

template <class Record>
aws::Outcome<Tags> change(const aws::Call& call, store::Transaction& tx, const std::string& key, const std::string& arn,
                          auto& edit) {
  TRY(auto record, load<Record>(tx, key));
  bool is_there = record && record->arn == arn;
  if constexpr (std::is_same_v<Record, VaultRecord>) is_there = is_there && is_asked_for(call, *record);
  if constexpr (requires { record->deleted; }) is_there = is_there && !record->deleted;  // shown for a while still
  if (!is_there) {
    return aws::refuse(errors::resource_not_found_exception(fmt::format("{} does not exist.", arn)));
  }
  const Tags before = record->tags;
  edit(record->tags);
  CHECK(check_tags(record->tags));
  if (record->tags != before) tx.put(key, store::encode(*record));
  return record->tags;
}

// Finds the resource and edits its tags in the transaction; answers what they are then.
aws::Outcome<Tags> edit_tags(const aws::Call& call, store::Transaction& tx, const std::string& arn, auto edit) {
  const auto parts = split(arn, ':');
  if (parts.size() != 7 || parts[0] != "arn" || parts[2] != "backup") {
    return aws::refuse(errors::invalid_parameter_value_exception(fmt::format("Invalid ARN: {}", arn)));
  }
  if (parts[5] == "backup-vault") return change<VaultRecord>(call, tx, vault_key(parts[6]), arn, edit);
  if (parts[5] == "backup-plan") return change<PlanRecord>(call, tx, plan_key(parts[6]), arn, edit);
  if (parts[5] == "recovery-point") return change<PointRecord>(call, tx, point_key(parts[6]), arn, edit);
  return aws::refuse(
      errors::invalid_parameter_value_exception(fmt::format("{} is no vault, plan or recovery point.", arn)));
}

}  // namespace

Task<aws::Outcome<api::ListTagsOutput>> Service::list_tags(aws::Call& call, api::ListTagsInput input) {
  auto tx = co_await context_.catalog.begin(place_of(call).partition());
  CO_TRY(const auto tags, edit_tags(call, tx, input.resource_arn, [](Tags&) {}));
  std::vector<std::pair<std::string, std::string>> items(tags.begin(), tags.end());
  api::ListTagsOutput out;
  CO_TRY(out.next_token,
         cut_page(items, input.next_token, input.max_results, [](const auto& tag) { return tag.first; }));
  out.tags.emplace(items.begin(), items.end());
  co_return out;
}

Task<aws::Outcome<api::TagResourceOutput>> Service::tag_resource(aws::Call& call, api::TagResourceInput input) {
  auto tx = co_await context_.catalog.begin(place_of(call).partition());
  CO_TRY(const auto tags, edit_tags(call, tx, input.resource_arn, [&](Tags& all) {
           for (const auto& [key, value] : input.tags) all[key] = value;
         }));
  CO_CHECK(co_await tx.commit());
  co_return api::TagResourceOutput();
}

Task<aws::Outcome<api::UntagResourceOutput>> Service::untag_resource(aws::Call& call, api::UntagResourceInput input) {
  auto tx = co_await context_.catalog.begin(place_of(call).partition());
  CO_TRY(const auto tags, edit_tags(call, tx, input.resource_arn, [&](Tags& all) {
           for (const std::string& key : input.tag_key_list) all.erase(key);
         }));
  CO_CHECK(co_await tx.commit());
  co_return api::UntagResourceOutput();
}

}  // namespace boreal::backup
