#include "ec2/tags.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/ec2/errors.h"
#include "codec/utf8.h"
#include "ec2/filters.h"
#include "ec2/service.h"

namespace boreal::ec2 {

namespace errors = boreal::api::ec2::errors;
using aws::Call;
using aws::Outcome;
using aws::refuse;

namespace {

struct IdType {
  std::string_view prefix, type;
};
constexpr IdType id_types[] = {
    {"vpc-", VpcRecord::type},     {"subnet-", SubnetRecord::type},  {"sg-", GroupRecord::type},
    {"sgr-", RuleRecord::type},    {"rtb-", RouteTableRecord::type}, {"acl-", AclRecord::type},
    {"igw-", GatewayRecord::type}, {"eni-", InterfaceRecord::type},  {"dopt-", OptionsRecord::type}};

template <class R>
Outcome<void> change_record(store::Transaction& tx, const View& view, std::string_view id, const ChangeTags& change) {
  TRY(auto record, view.need<R>(id));
  CHECK(change(record.tags));
  save(tx, record);
  return {};
}

// Rules lie in their groups: one look through those finds them all.
Outcome<void> change_rules(store::Transaction& tx, const View& view, std::set<std::string> ids,
                           const ChangeTags& change) {
  if (ids.empty()) return {};
  TRY(auto groups, view.all<GroupRecord>());
  for (GroupRecord& group : groups) {
    bool is_changed = false;
    for (RuleRecord& rule : group.rules) {
      if (ids.erase(rule.id) == 0) continue;
      CHECK(change(rule.tags));
      is_changed = true;
    }
    if (is_changed) save(tx, group);
  }
  if (ids.empty()) return {};
  return refuse(errors::invalid_security_group_rule_id_not_found(
      fmt::format("The security group rule ID '{}' does not exist", *ids.begin())));
}

Outcome<void> change_resource(store::Transaction& tx, const View& view, std::string_view id, const ChangeTags& change) {
  const std::string_view type = type_of_id(id);
  if (type == VpcRecord::type) return change_record<VpcRecord>(tx, view, id, change);
  if (type == SubnetRecord::type) return change_record<SubnetRecord>(tx, view, id, change);
  if (type == GroupRecord::type) return change_record<GroupRecord>(tx, view, id, change);
  if (type == RouteTableRecord::type) return change_record<RouteTableRecord>(tx, view, id, change);
  if (type == AclRecord::type) return change_record<AclRecord>(tx, view, id, change);
  if (type == GatewayRecord::type) return change_record<GatewayRecord>(tx, view, id, change);
  if (type == InterfaceRecord::type) return change_record<InterfaceRecord>(tx, view, id, change);
  if (type == OptionsRecord::type) return change_record<OptionsRecord>(tx, view, id, change);
  return refuse(errors::invalid_id(fmt::format("The ID '{}' is not valid", id)));
}

template <class R>
Task<Outcome<void>> add_tagged(std::vector<TaggedResource>& all, const View& view) {
  CO_TRY(auto records, co_await find_named<R>(view, std::nullopt));
  for (R& record : records) all.push_back({R::type, record.id, std::move(record.tags)});
  co_return Outcome<void>();
}

// What a DeleteTags names: a key, with a value only where the tag has that value.
void drop_tag(Tags& tags, const api::Tag& named) {
  const auto tag = tags.find(named.key.value_or(""));
  if (tag != tags.end() && (!named.value || tag->second == *named.value)) tags.erase(tag);
}

Attributes attributes(const TaggedResource& resource, const std::string& key, const std::string& value) {
  return {{"key", {key}},
          {"value", {value}},
          {"resource-id", {resource.id}},
          {"resource-type", {std::string(resource.type)}},
          {"tag:" + key, {value}}};
}

}  // namespace

Outcome<void> put_tags(Tags& tags, const std::vector<api::Tag>& more) {
  for (const api::Tag& tag : more) {
    const std::string key = tag.key.value_or("");
    const std::string value = tag.value.value_or("");
    if (key.empty()) return refuse(errors::missing_parameter("The request must contain the parameter Tag.Key"));
    if (codec::utf8_characters(key) > 128) {
      return refuse(errors::invalid_parameter_value(
          fmt::format("Tag key exceeds the maximum length of 128 characters: '{}'", key)));
    }
    if (codec::utf8_characters(value) > 256) {
      return refuse(errors::invalid_parameter_value(
          fmt::format("Tag value exceeds the maximum length of 256 characters; its key is '{}'", key)));
    }
    if (key.starts_with("aws:")) {
      return refuse(errors::invalid_parameter_value(
          fmt::format("Tag keys starting with 'aws:' are reserved for internal use: '{}'", key)));
    }
    tags.insert_or_assign(key, value);
  }
  if (tags.size() > max_tags) {
    return refuse(errors::tag_limit_exceeded(
        fmt::format("The maximum number of tags for a resource is {}, and it would have {}", max_tags, tags.size())));
  }
  return {};
}

Outcome<Tags> tags_of(const std::optional<std::vector<api::TagSpecification>>& specifications, std::string_view type) {
  Tags tags;
  for (const auto& specification : specifications.value_or(std::vector<api::TagSpecification>())) {
    if (specification.resource_type != type) {
      return refuse(errors::invalid_parameter_value(
          fmt::format("'{}' is not a valid taggable resource type for this operation; it is '{}'",
                      specification.resource_type.value_or(""), type)));
    }
    if (specification.tags) CHECK(put_tags(tags, *specification.tags));
  }
  return tags;
}

std::vector<api::Tag> to_tags(const Tags& tags) {
  std::vector<api::Tag> shown;
  for (const auto& [key, value] : tags) shown.push_back({.key = key, .value = value});
  return shown;
}

std::string_view type_of_id(std::string_view id) {
  const auto found = std::ranges::find_if(id_types, [&](const IdType& t) { return id.starts_with(t.prefix); });
  return found == std::end(id_types) ? std::string_view() : found->type;
}

Outcome<void> change_tags(store::Transaction& tx, const View& view, const std::vector<std::string>& ids,
                          const ChangeTags& change) {
  std::set<std::string> rules;
  for (const std::string& id : ids) {
    if (type_of_id(id) == RuleRecord::type) {
      rules.insert(id);
    } else {
      CHECK(change_resource(tx, view, id, change));
    }
  }
  return change_rules(tx, view, std::move(rules), change);
}

Task<Outcome<std::vector<TaggedResource>>> all_tagged(const View& view) {
  std::vector<TaggedResource> all;
  CO_CHECK(co_await add_tagged<VpcRecord>(all, view));
  CO_CHECK(co_await add_tagged<SubnetRecord>(all, view));
  CO_CHECK(co_await add_tagged<RouteTableRecord>(all, view));
  CO_CHECK(co_await add_tagged<AclRecord>(all, view));
  CO_CHECK(co_await add_tagged<GatewayRecord>(all, view));
  CO_CHECK(co_await add_tagged<InterfaceRecord>(all, view));
  CO_CHECK(co_await add_tagged<OptionsRecord>(all, view));
  CO_TRY(auto groups, co_await find_named<GroupRecord>(view, std::nullopt));
  for (GroupRecord& group : groups) {
    all.push_back({GroupRecord::type, group.id, std::move(group.tags)});
    for (RuleRecord& rule : group.rules) all.push_back({RuleRecord::type, rule.id, std::move(rule.tags)});
  }
  std::ranges::sort(all, {}, &TaggedResource::id);
  co_return all;
}

Task<Outcome<api::CreateTagsOutput>> Service::create_tags(Call& call, api::CreateTagsRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_CHECK(change_tags(tx, view, input.resources, [&](Tags& tags) { return put_tags(tags, input.tags); }));
  CO_CHECK(co_await tx.commit());
  co_return api::CreateTagsOutput{};
}

Task<Outcome<api::DeleteTagsOutput>> Service::delete_tags(Call& call, api::DeleteTagsRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  const ChangeTags drop = [&](Tags& tags) -> Outcome<void> {
    if (!input.tags || input.tags->empty()) tags.clear();
    for (const auto& tag : input.tags.value_or(std::vector<api::Tag>())) drop_tag(tags, tag);
    return {};
  };
  CO_CHECK(change_tags(tx, view, input.resources, drop));
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteTagsOutput{};
}

Task<Outcome<api::DescribeTagsResult>> Service::describe_tags(Call& call, api::DescribeTagsRequest input) {
  CO_TRY(const Selection selection, Selection::of(input.filters, attributes({}, "", "")));
  const View view = seen(call);
  CO_TRY(const auto resources, co_await all_tagged(view));
  Turn turn;
  std::vector<api::TagDescription> shown;
  for (const TaggedResource& resource : resources) {
    if (turn.is_over()) co_await turn.begin_next();
    for (const auto& [key, value] : resource.tags) {
      if (!selection.holds(attributes(resource, key, value))) continue;
      shown.push_back(
          {.key = key, .resource_id = resource.id, .resource_type = std::string(resource.type), .value = value});
    }
  }
  const auto id = [](const api::TagDescription& tag) { return *tag.resource_id + " " + *tag.key; };
  CO_TRY(auto next, cut_page(shown, input.max_results, input.next_token, id));
  co_return api::DescribeTagsResult{.next_token = std::move(next), .tags = std::move(shown)};
}

}  // namespace boreal::ec2
