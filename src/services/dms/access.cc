#include "base/text.h"
#include "dms/service.h"
#include "dms/tagged.h"

namespace boreal::dms {

using aws::Access;
using aws::Outcome;

namespace {

// DMS's own names for tags in conditions, beside those that all services have: "dms:rep-tag/KEY" of an instance.
// Source: AWS DMS User Guide, "Fine-grained access control using resource names and tags". Empty for any other ARN.
std::string tag_condition_key(const Place& place, const std::string& arn) {
  for (const std::string_view kind :
       {InstanceRecord::kind, EndpointRecord::kind, TaskRecord::kind, SubnetGroupRecord::kind}) {
    if (arn.starts_with(place.arn(kind, ""))) return "dms:" + std::string(kind) + "-tag/";
  }
  return {};
}

// To be compared. No tag has a NUL.
std::string text_of(const std::optional<Tags>& tags) {
  std::string text;
  for (const auto& [key, value] : tags.value_or(Tags())) text += key + '\0' + value + '\0';
  return text;
}

// "dms:req-tag/KEY" for the tags that the request brings.
void add_request_tags(Access& access) {
  constexpr std::string_view common = "aws:RequestTag/";
  std::vector<std::pair<std::string, std::string>> own;
  for (const auto& [key, value] : access.context) {
    if (key.starts_with(common)) own.emplace_back("dms:req-tag/" + key.substr(common.size()), value);
  }
  for (auto& pair : own) access.context.insert(std::move(pair));
}

}  // namespace

// ARNs mean whatever has them, and whoever makes a resource may choose the end of its ARN: what was deleted and made
// anew with other tags while a call waited for its turn, or was tagged meanwhile, is not what policies have let it
// have.
Task<Outcome<store::Transaction>> Service::begin(const aws::Call& call) {
  const Place place = place_of(call);
  auto tx = co_await tools_.context.catalog.begin(place.partition());
  for (const auto& [arn, told] : call.asked_for) {
    CO_TRY(const auto tags, tags_of(tx, place, arn));
    if (text_of(tags) == told) continue;
    co_return aws::refuse(api::errors::invalid_resource_state_fault(
        "What the request names was made anew, deleted or tagged while the request waited; try again."));
  }
  co_return tx;
}

// The model's templates, and beyond them: names of subnet groups mean the same in any case, several ARNs at once, the
// instance that a task is moved to, and the tags of what is touched.
Task<Outcome<std::vector<Access>>> Service::access(aws::Call& call, const aws::Operation& operation,
                                                   const aws::Value& input) {
  CO_TRY(auto all, co_await aws::Service::access(call, operation, input));
  const Place place = place_of(call);
  const std::string groups = place.arn("subgrp", "");
  if (operation.name == "ListTagsForResource") {
    const auto& message = input.as<api::ListTagsForResourceMessage>();
    if (!message.resource_arn && message.resource_arn_list) {
      all.clear();
      for (const auto& arn : *message.resource_arn_list)
        all.push_back({.action = "dms:ListTagsForResource", .resource = arn});
    }
  }
  if (operation.name == "MoveReplicationTask") {
    all.push_back({.action = "dms:MoveReplicationTask",
                   .resource = input.as<api::MoveReplicationTaskMessage>().target_replication_instance_arn});
  }
  CO_TRY(auto tx, co_await begin(call));
  for (Access& access : all) {
    if (access.resource.starts_with(groups)) access.resource = to_lower(access.resource);
    CO_TRY(const auto tags, tags_of(tx, place, access.resource));
    call.asked_for.emplace(access.resource, text_of(tags));
    const std::string own = tag_condition_key(place, access.resource);
    for (const auto& [key, value] : tags.value_or(Tags())) {
      access.context.emplace("aws:ResourceTag/" + key, value);
      if (!own.empty()) access.context.emplace(own + key, value);
    }
    add_request_tags(access);
  }
  co_return all;
}

}  // namespace boreal::dms
