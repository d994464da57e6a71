#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/ec2/errors.h"
#include "ec2/convert.h"
#include "ec2/filters.h"
#include "ec2/group_rules.h"
#include "ec2/service.h"
#include "ec2/tags.h"

namespace boreal::ec2 {

namespace errors = api::errors;
using aws::Call;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr size_t max_groups = 2500;  // of an account in a region

using Names = std::map<std::string, std::string>;  // of groups, by id

void add_rule(Attributes& all, const Place& place, const RuleRecord& rule, const Names& names) {
  const std::string prefix = rule.egress ? "egress.ip-permission." : "ip-permission.";
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) all[prefix + std::string(name)].push_back(value);
  };
  add("protocol", rule.protocol);
  if (rule.from) add("from-port", std::to_string(*rule.from));
  if (rule.to) add("to-port", std::to_string(*rule.to));
  add("cidr", rule.cidr_ipv4);
  add("ipv6-cidr", rule.cidr_ipv6);
  add("group-id", rule.group_id);
  if (rule.group_id.empty()) return;
  add("user-id", place.account);
  if (const auto name = names.find(rule.group_id); name != names.end()) add("group-name", name->second);
}

Attributes attributes(const Place& place, const GroupRecord& group, const Names& names) {
  Attributes all{{"description", {group.description}},
                 {"group-id", {group.id}},
                 {"group-name", {group.name}},
                 {"owner-id", {place.account}},
                 {"vpc-id", {group.vpc_id}}};
  for (const std::string prefix : {"ip-permission.", "egress.ip-permission."}) {
    for (const char* name : {"cidr", "from-port", "group-id", "group-name", "ipv6-cidr", "prefix-list-id", "protocol",
                             "to-port", "user-id"}) {
      all[prefix + name];
    }
  }
  for (const RuleRecord& rule : group.rules) add_rule(all, place, rule, names);
  add_tags(all, group.tags);
  return all;
}

// The VPC of a new group: the one named, or what was the default one when policies were asked.
Outcome<std::string> choose_vpc(const Call& call, const View& view, const std::optional<std::string>& vpc_id) {
  const bool is_named = vpc_id && !vpc_id->empty();
  const std::string id = is_named ? *vpc_id : call.asked_for.at(std::string(VpcRecord::type));
  if (id.empty()) {
    return refuse(aws::ApiError("VPCIdNotSpecified", 400, "No default VPC for this user. Say which by VpcId."));
  }
  TRY(const auto vpc, view.need<VpcRecord>(id));
  return vpc.id;
}

Outcome<void> check_name(const View& view, const std::string& name, const std::string& vpc_id) {
  if (name.empty()) return refuse(errors::missing_parameter("The request must contain the parameter groupName"));
  CHECK(check_text("security group name", name));
  if (name.starts_with("sg-")) {
    return refuse(errors::invalid_parameter_value(
        fmt::format("Invalid value '{}' for groupName. Group names may not be in the format sg-*", name)));
  }
  if (name == "default") {
    return refuse(errors::invalid_parameter_value("Cannot use reserved security group name: default"));
  }
  TRY(const auto groups, view.all<GroupRecord>());
  const bool taken = std::ranges::any_of(groups, [&](const auto& g) { return g.vpc_id == vpc_id && g.name == name; });
  if (taken) {
    return refuse(errors::invalid_group_duplicate(
        fmt::format("The security group '{}' already exists for VPC '{}'", name, vpc_id)));
  }
  if (groups.size() >= max_groups) {
    return refuse(
        errors::security_group_limit_exceeded(fmt::format("The maximum number of security groups is {}", max_groups)));
  }
  return {};
}

// Those of the default VPC: only of these the names mean one without saying where.
Outcome<std::vector<GroupRecord>> default_groups(const View& view) {
  TRY(const auto vpcs, view.all<VpcRecord>());
  const auto vpc = std::ranges::find_if(vpcs, &VpcRecord::is_default);
  if (vpc == vpcs.end()) return std::vector<GroupRecord>();
  return view.of_vpc<GroupRecord>(vpc->id);
}

aws::ApiError no_default_group(std::string_view name) {
  return errors::invalid_group_not_found(fmt::format(
      "The security group '{}' does not exist in the default VPC; elsewhere a group is named by its id", name));
}

Outcome<std::set<std::string>> ids_of(const View& view, const std::vector<std::string>& names) {
  TRY(const auto groups, default_groups(view));
  std::map<std::string_view, std::string_view> ids;
  for (const GroupRecord& group : groups) ids.emplace(group.name, group.id);
  std::set<std::string> named;
  for (const std::string& name : names) {
    const auto found = ids.find(name);
    if (found == ids.end()) return refuse(no_default_group(name));
    named.emplace(found->second);
  }
  return named;
}

// What still needs the group; empty: nothing.
Outcome<std::string> user_of(const View& view, const GroupRecord& group) {
  TRY(const auto interfaces, view.all<InterfaceRecord>());
  for (const InterfaceRecord& interface : interfaces) {
    if (std::ranges::find(interface.group_ids, group.id) != interface.group_ids.end()) {
      return fmt::format("{} ({})", interface.id, interface.description);
    }
  }
  TRY(const auto groups, view.of_vpc<GroupRecord>(group.vpc_id));
  for (const GroupRecord& other : groups) {
    if (other.id == group.id) continue;
    if (std::ranges::find(other.rules, group.id, &RuleRecord::group_id) != other.rules.end()) {
      return fmt::format("a rule of {}", other.id);
    }
  }
  return std::string();
}

}  // namespace

Outcome<GroupRecord> Service::find_group(const View& view, const std::optional<std::string>& id,
                                         const std::optional<std::string>& name) {
  if (id && !id->empty()) return view.need<GroupRecord>(*id);
  if (!name || name->empty()) {
    return refuse(errors::missing_parameter("The request must contain the parameter groupName or groupId"));
  }
  TRY(auto groups, default_groups(view));
  const auto found = std::ranges::find(groups, *name, &GroupRecord::name);
  if (found == groups.end()) return refuse(no_default_group(*name));
  return std::move(*found);
}

Outcome<GroupRecord> Service::asked_group(const Call& call, const View& view, const std::optional<std::string>& id,
                                          const std::optional<std::string>& name) {
  const auto asked = call.asked_for.find(std::string(GroupRecord::type));
  if (asked == call.asked_for.end()) return find_group(view, id, name);
  if (!asked->second.empty()) return view.need<GroupRecord>(asked->second);
  TRY(const auto since, find_group(view, std::nullopt, name));
  return refuse(errors::invalid_group_not_found(
      fmt::format("The security group '{}' was created while the request waited", since.name)));
}

Task<Outcome<api::CreateSecurityGroupResult>> Service::create_security_group(Call& call,
                                                                             api::CreateSecurityGroupRequest input) {
  CO_CHECK(check_text("security group description", input.description));
  CO_TRY(auto tags, tags_of(input.tag_specifications, GroupRecord::type));
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  GroupRecord group{.name = input.group_name, .description = input.description, .tags = std::move(tags)};
  CO_TRY(group.vpc_id, choose_vpc(call, view, input.vpc_id));
  CO_CHECK(check_name(view, group.name, group.vpc_id));
  group.id = make_id("sg-");
  group.rules = {{.id = make_id("sgr-"), .egress = true, .protocol = "-1", .cidr_ipv4 = "0.0.0.0/0"}};
  save(tx, group);
  CO_CHECK(co_await tx.commit());
  co_return api::CreateSecurityGroupResult{.group_id = group.id,
                                           .tags = to_tags(group.tags),
                                           .security_group_arn = view.place().arn(GroupRecord::type, group.id)};
}

Task<Outcome<api::DeleteSecurityGroupResult>> Service::delete_security_group(Call& call,
                                                                             api::DeleteSecurityGroupRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(const auto group, asked_group(call, view, input.group_id, input.group_name));
  if (group.name == "default") {
    co_return refuse(errors::cannot_delete(
        fmt::format("the specified group: \"{}\" name: \"default\" cannot be deleted by a user", group.id)));
  }
  CO_TRY(const std::string user, user_of(view, group));
  if (!user.empty()) {
    co_return refuse(
        errors::dependency_violation(fmt::format("resource {} has a dependent object: {}", group.id, user)));
  }
  erase(tx, group);
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteSecurityGroupResult{.return_ = true, .group_id = group.id};
}

Task<Outcome<api::DescribeSecurityGroupsResult>> Service::describe_security_groups(
    Call& call, api::DescribeSecurityGroupsRequest input) {
  const View view = seen(call);
  Names names;
  if (input.filters) {
    CO_TRY(const auto all, co_await find_named<GroupRecord>(view, std::nullopt));
    for (const GroupRecord& group : all) names.emplace(group.id, group.name);
  }
  CO_TRY(auto groups, co_await select<GroupRecord>(view, input.group_ids, input.filters, [&](const GroupRecord& group) {
           return attributes(view.place(), group, names);
         }));
  if (input.group_names && !input.group_names->empty()) {
    CO_TRY(const auto named, ids_of(view, *input.group_names));
    std::erase_if(groups, [&](const GroupRecord& group) { return !named.contains(group.id); });
  }
  CO_TRY(auto next, cut_page(groups, input.max_results, input.next_token, &GroupRecord::id));
  co_return api::DescribeSecurityGroupsResult{
      .next_token = std::move(next),
      .security_groups = show_all(groups, [&](const GroupRecord& group) { return to_group(view.place(), group); })};
}

Task<Outcome<api::GetSecurityGroupsForVpcResult>> Service::get_security_groups_for_vpc(
    Call& call, api::GetSecurityGroupsForVpcRequest input) {
  const View view = seen(call);
  CO_TRY(const auto vpc, view.need<VpcRecord>(input.vpc_id));
  const auto primary_attributes = [&](const GroupRecord& group) {
    Attributes all{{"group-id", {group.id}},
                   {"description", {group.description}},
                   {"group-name", {group.name}},
                   {"owner-id", {view.place().account}},
                   {"primary-vpc-id", {group.vpc_id}}};
    add_tags(all, group.tags);
    return all;
  };
  CO_TRY(auto groups, co_await select<GroupRecord>(view, std::nullopt, input.filters, primary_attributes));
  std::erase_if(groups, [&](const GroupRecord& group) { return group.vpc_id != vpc.id; });
  CO_TRY(auto next, cut_page(groups, input.max_results, input.next_token, &GroupRecord::id));
  api::GetSecurityGroupsForVpcResult out{.next_token = std::move(next)};
  out.security_group_for_vpcs = show_all(groups, [&](const GroupRecord& group) {
    return api::SecurityGroupForVpc{.description = group.description,
                                    .group_name = group.name,
                                    .owner_id = view.place().account,
                                    .group_id = group.id,
                                    .tags = to_tags(group.tags),
                                    .primary_vpc_id = group.vpc_id};
  });
  co_return out;
}

// References from the other side of a peering connection. There are no such connections, so there are none.
Task<Outcome<api::DescribeSecurityGroupReferencesResult>> Service::describe_security_group_references(
    Call& call, api::DescribeSecurityGroupReferencesRequest input) {
  const View view = seen(call);
  for (const std::string& id : input.group_id) CO_CHECK(view.need<GroupRecord>(id));
  co_return api::DescribeSecurityGroupReferencesResult{.security_group_reference_set =
                                                           std::vector<api::SecurityGroupReference>()};
}

}  // namespace boreal::ec2
