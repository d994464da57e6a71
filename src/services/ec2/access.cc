// What a call touches, beyond what its access templates say: resources named in lists, by their names or by what they
// are associated with, the tags that policies may speak of. And DryRun, which answers once all of that is allowed.
// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2".
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <type_traits>

#include "api/ec2/errors.h"
#include "ec2/filters.h"
#include "ec2/service.h"
#include "ec2/tags.h"
#include "ec2/zones.h"

namespace boreal::ec2 {

namespace errors = api::errors;
using aws::Access;
using aws::Call;
using aws::Outcome;
using aws::refuse;

namespace {

template <class T>
const T* optional_member(const aws::Value& input, std::string_view name) {
  if (!input) return nullptr;
  const auto field = std::ranges::find(input.shape().fields, name, &codec::Field::member_name);
  if (field == input.shape().fields.end()) return nullptr;
  return static_cast<const T*>(codec::member(*field, input.data()));
}

bool is_dry_run(const aws::Value& input) {
  const bool* flag = optional_member<bool>(input, "DryRun");
  return flag != nullptr && *flag;
}

void add_request_tags(Access& access, const std::vector<api::Tag>& tags) {
  for (const api::Tag& tag : tags) {
    access.context.emplace("aws:RequestTag/" + tag.key.value_or(""), tag.value.value_or(""));
    access.context.emplace("aws:TagKeys", tag.key.value_or(""));
  }
}

// CreateTags and DeleteTags touch each of the resources that they name.
Outcome<std::vector<Access>> tagging(const Place& place, const std::string& action,
                                     const std::vector<std::string>& resources, const std::vector<api::Tag>& tags) {
  constexpr size_t max_resources = 1000;  // Source: EC2 API Reference, CreateTags, DeleteTags
  if (resources.size() > max_resources) {
    return refuse(errors::invalid_parameter_value(fmt::format(
        "The maximum number of resources in a call is {}, and {} are given", max_resources, resources.size())));
  }
  if (tags.size() > max_tags) {
    return refuse(errors::tag_limit_exceeded(
        fmt::format("The maximum number of tags for a resource is {}, and {} are given", max_tags, tags.size())));
  }
  std::vector<Access> all;
  for (const std::string& id : resources) {
    const std::string_view type = type_of_id(id);
    Access& access = all.emplace_back(Access{.action = action, .resource = type.empty() ? "*" : place.arn(type, id)});
    add_request_tags(access, tags);
  }
  return all;
}

bool names_group(const aws::Operation& operation) {
  return std::ranges::any_of(operation.access, [](std::string_view line) { return line.contains("{GroupId}"); });
}

// Both sides of an association that a call names by its id alone. One that is not there the handler tells of.
template <class R>
Outcome<void> add_associated(const View& view, const std::string& association_id, std::vector<Access>& all) {
  TRY(const auto records, view.all<R>());
  for (const R& record : records) {
    const auto found = std::ranges::find(record.associations, association_id, &R::Association::id);
    if (found == record.associations.end()) continue;
    const std::string action = all.front().action;
    if (all.front().resource.ends_with("/*")) all.clear();
    all.push_back({.action = action, .resource = view.place().arn(R::type, record.id)});
    if (!found->subnet_id.empty())
      all.push_back({.action = action, .resource = view.place().arn(SubnetRecord::type, found->subnet_id)});
  }
  return {};
}

Outcome<void> add_associated(const View& view, const aws::Operation& operation, const aws::Value& input,
                             std::vector<Access>& all) {
  const std::string id = aws::string_member(input, "AssociationId").value_or("");
  if (operation.name == "DisassociateRouteTable" || operation.name == "ReplaceRouteTableAssociation")
    return add_associated<RouteTableRecord>(view, id, all);
  if (operation.name == "ReplaceNetworkAclAssociation") return add_associated<AclRecord>(view, id, all);
  if (operation.name != "DisassociateVpcCidrBlock") return {};
  TRY(const auto vpcs, view.all<VpcRecord>());
  for (const VpcRecord& vpc : vpcs) {
    if (std::ranges::find(vpc.blocks, id, &VpcRecord::Block::id) != vpc.blocks.end())
      all.front().resource = view.place().arn(VpcRecord::type, vpc.id);
  }
  return {};
}

// Who gives tags at creation needs ec2:CreateTags too; a policy may allow it for that action alone.
void add_creation_tags(const Call& call, const aws::Value& input, std::vector<Access>& all) {
  const auto* specifications = optional_member<std::vector<api::TagSpecification>>(input, "TagSpecifications");
  if (specifications == nullptr) return;
  std::vector<api::Tag> tags;
  std::string type = "*";
  for (const api::TagSpecification& specification : *specifications) {
    if (specification.resource_type) type = *specification.resource_type;  // of other types the handler refuses them
    if (specification.tags) tags.insert(tags.end(), specification.tags->begin(), specification.tags->end());
  }
  if (tags.empty()) return;
  // Tags are asked for where something gets them: not for the VPC in which it is made.
  const std::string made = call.arn("ec2", type + "/*");
  for (Access& access : all) {
    if (access.resource == made) add_request_tags(access, tags);
  }
  Access access{.action = "ec2:CreateTags", .resource = made};
  access.context.emplace("ec2:CreateAction", std::string(call.operation.name));
  add_request_tags(access, tags);
  all.push_back(std::move(access));
}

// Rules of groups, where policies may speak of them: each that is changed, and those that get tags at once.
Outcome<void> add_rules(const Place& place, const aws::Operation& operation, const aws::Value& input,
                        std::vector<Access>& all) {
  const std::string action = all.front().action;
  if (operation.name == "ModifySecurityGroupRules") {
    const auto& updates = input.as<api::ModifySecurityGroupRulesRequest>().security_group_rules;
    if (updates.size() > 2 * max_rules) {  // of a group there are as many in each direction
      return refuse(errors::rules_per_security_group_limit_exceeded(
          fmt::format("A security group has at most {} rules, and {} are given", 2 * max_rules, updates.size())));
    }
    for (const auto& update : updates)
      all.push_back({.action = action, .resource = place.arn(RuleRecord::type, update.security_group_rule_id)});
  } else if (operation.name.starts_with("AuthorizeSecurityGroup")) {
    const auto* tags = optional_member<std::vector<api::TagSpecification>>(input, "TagSpecifications");
    if (tags != nullptr && !tags->empty())
      all.push_back({.action = action, .resource = place.arn(RuleRecord::type, "*")});
  }
  return {};
}

// The attributes that a call sets: their names, and what they are to be.
void add_attributes(const aws::Value& input, Access& access) {
  for (const codec::Field& field : input.shape().fields) {
    const codec::Shape* shape = field.shape;
    const void* value = codec::member(field, input.data());
    if (value != nullptr && shape->kind == codec::Kind::structure) {  // AttributeBooleanValue
      const codec::Field& inner = shape->fields.front();
      value = codec::member(inner, value);
      shape = inner.shape;
    }
    const bool is_attribute = !field.member_name.ends_with("Id") && field.member_name != "DryRun";
    if (value == nullptr || !is_attribute) continue;
    std::string text;
    if (shape->kind == codec::Kind::boolean) text = *static_cast<const bool*>(value) ? "true" : "false";
    if (shape->kind == codec::Kind::string) text = *static_cast<const std::string*>(value);
    if (shape->kind == codec::Kind::integer) text = std::to_string(codec::get_integer(*shape, value));
    access.context.emplace("ec2:Attribute", std::string(field.member_name));
    access.context.emplace(fmt::format("ec2:Attribute/{}", field.member_name), text);
  }
}

// What is made lies in its VPC and its zone already, for policies, and a VPC has its tenancy.
void add_keys_of_new(const Place& place, const aws::Operation& operation, const aws::Value& input,
                     std::vector<Access>& all) {
  if (!operation.name.starts_with("Create")) return;
  const auto member = [&](std::string_view name) { return aws::string_member(input, name); };
  const auto vpc = member("VpcId");
  for (Access& access : all) {
    const auto makes = [&](std::string_view type) { return access.resource == place.arn(type, "*"); };
    const bool makes_subnet = makes(SubnetRecord::type);
    if (vpc && (makes_subnet || makes(RouteTableRecord::type) || makes(AclRecord::type)))
      access.context.emplace("ec2:Vpc", place.arn(VpcRecord::type, *vpc));
    if (makes(VpcRecord::type)) access.context.emplace("ec2:Tenancy", member("InstanceTenancy").value_or("default"));
    if (!makes_subnet) continue;
    const auto named = member("AvailabilityZone") ? member("AvailabilityZone") : member("AvailabilityZoneId");
    const auto zone = named ? find_zone(place.region, *named) : zones(place.region).front();
    if (zone) access.context.emplace("ec2:AvailabilityZone", zone->name);
  }
}

void add_resource_tags(Access& access, const Tags& tags) {
  // Who names no tag to delete deletes all, and so names these.
  const bool takes_all = access.action == "ec2:DeleteTags" && !access.context.contains("aws:TagKeys");
  for (const auto& [key, value] : tags) {
    if (takes_all) access.context.emplace("aws:TagKeys", key);
    access.context.emplace("aws:ResourceTag/" + key, value);
    access.context.emplace("ec2:ResourceTag/" + key, value);
  }
}

// What policies may ask of a resource: its id and tags, and where it lies. One that is not there has none.
template <class R>
Outcome<void> add_keys_of(const View& view, const std::string& id, std::string_view id_key, Access& access) {
  TRY(const auto record, view.find<R>(id));
  if (!record) return {};
  access.context.emplace(std::string(id_key), id);
  if constexpr (requires { record->vpc_id; } && !std::is_same_v<R, GatewayRecord>)
    access.context.emplace("ec2:Vpc", view.place().arn(VpcRecord::type, record->vpc_id));
  if constexpr (requires { record->zone; }) access.context.emplace("ec2:AvailabilityZone", record->zone);
  if constexpr (requires { record->tenancy; }) access.context.emplace("ec2:Tenancy", record->tenancy);
  add_resource_tags(access, record->tags);
  return {};
}

struct Kind {
  std::string_view type;
  std::string_view id_key;  // under which policies may ask for the id
  Outcome<void> (*add_keys)(const View&, const std::string&, std::string_view, Access&);
};
constexpr Kind kinds[] = {{VpcRecord::type, "ec2:VpcID", add_keys_of<VpcRecord>},
                          {SubnetRecord::type, "ec2:SubnetID", add_keys_of<SubnetRecord>},
                          {GroupRecord::type, "ec2:SecurityGroupID", add_keys_of<GroupRecord>},
                          {RouteTableRecord::type, "ec2:RouteTableID", add_keys_of<RouteTableRecord>},
                          {AclRecord::type, "ec2:NetworkAclID", add_keys_of<AclRecord>},
                          {GatewayRecord::type, "ec2:InternetGatewayID", add_keys_of<GatewayRecord>},
                          {InterfaceRecord::type, "ec2:NetworkInterfaceID", add_keys_of<InterfaceRecord>},
                          {OptionsRecord::type, "ec2:DhcpOptionsID", add_keys_of<OptionsRecord>}};

// Rules lie in their groups: one look through those finds them all.
Task<Outcome<void>> add_rule_tags(const View& view, const std::multimap<std::string, Access*>& rules) {
  if (rules.empty()) co_return Outcome<void>();
  CO_TRY(const auto groups, co_await find_named<GroupRecord>(view, std::nullopt));
  for (const GroupRecord& group : groups) {
    for (const RuleRecord& rule : group.rules) {
      const auto [begin, end] = rules.equal_range(rule.id);
      for (auto touched = begin; touched != end; ++touched) add_resource_tags(*touched->second, rule.tags);
    }
  }
  co_return Outcome<void>();
}

Task<Outcome<void>> add_resource_keys(const View& view, std::vector<Access>& all) {
  Turn turn;
  std::multimap<std::string, Access*> rules;
  for (Access& access : all) {
    if (turn.is_over()) co_await turn.begin_next();
    const std::string id = access.resource.substr(access.resource.rfind('/') + 1);
    const std::string_view type = type_of_id(id);
    if (type == RuleRecord::type) rules.emplace(id, &access);
    const auto kind = std::ranges::find(kinds, type, &Kind::type);
    if (kind != std::end(kinds)) CO_CHECK(kind->add_keys(view, id, kind->id_key, access));
  }
  co_return co_await add_rule_tags(view, rules);
}

}  // namespace

Task<Outcome<std::vector<Access>>> Service::access(Call& call, const aws::Operation& operation,
                                                   const aws::Value& input) {
  const View view = seen(call);
  std::vector<Access> all;
  if (operation.name == "CreateTags") {
    const auto& in = input.as<api::CreateTagsRequest>();
    CO_TRY(all, tagging(view.place(), "ec2:CreateTags", in.resources, in.tags));
  } else if (operation.name == "DeleteTags") {
    const auto& in = input.as<api::DeleteTagsRequest>();
    CO_TRY(all, tagging(view.place(), "ec2:DeleteTags", in.resources, in.tags.value_or(std::vector<api::Tag>())));
  } else {
    CO_TRY(all, co_await Api::access(call, operation, input));
    if (names_group(operation) && aws::string_member(input, "GroupId").value_or("").empty()) {
      const auto group = find_group(view, std::nullopt, aws::string_member(input, "GroupName"));
      if (group) all.front().resource = view.place().arn(GroupRecord::type, group->id);
      // Another may have the name by the handler's turn: this one is asked for, and so it is used.
      call.asked_for.emplace(GroupRecord::type, group ? group->id : "");
    }
    if (operation.name == "CreateSecurityGroup" && aws::string_member(input, "VpcId").value_or("").empty()) {
      CO_TRY(const auto vpcs, view.all<VpcRecord>());
      const auto chosen = std::ranges::find_if(vpcs, &VpcRecord::is_default);
      if (chosen != vpcs.end()) all.back().resource = view.place().arn(VpcRecord::type, chosen->id);
      call.asked_for.emplace(VpcRecord::type, chosen != vpcs.end() ? chosen->id : "");
    }
    CO_CHECK(add_associated(view, operation, input, all));
    add_keys_of_new(view.place(), operation, input, all);
    CO_CHECK(add_rules(view.place(), operation, input, all));
    if (operation.name.starts_with("Modify") && operation.name.ends_with("Attribute"))
      add_attributes(input, all.front());
    add_creation_tags(call, input, all);
  }
  for (Access& access : all) access.context.emplace("ec2:Region", call.region);
  CO_CHECK(co_await add_resource_keys(view, all));
  if (!is_dry_run(input)) co_return all;
  for (Access& access : all) CO_CHECK(co_await call.authorize(std::move(access)));
  co_return refuse(errors::dry_run_operation("Request would have succeeded, but DryRun flag is set."));
}

}  // namespace boreal::ec2
