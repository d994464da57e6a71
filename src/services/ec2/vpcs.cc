#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/errors.h"
#include "ec2/cidr.h"
#include "ec2/convert.h"
#include "ec2/default_network.h"
#include "ec2/filters.h"
#include "ec2/service.h"
#include "ec2/tags.h"

namespace boreal::ec2 {

namespace errors = api::errors;
using aws::Call;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr size_t max_vpcs = 100;  // of an account in a region; AWS begins with 5 and raises it on demand

Attributes attributes(const Place& place, const VpcRecord& vpc) {
  Attributes all{{"cidr", {}},
                 {"cidr-block-association.association-id", {}},
                 {"cidr-block-association.cidr-block", {}},
                 {"cidr-block-association.state", {"associated"}},
                 {"dhcp-options-id", {vpc.options_id}},
                 {"ipv6-cidr-block-association.association-id", {}},
                 {"ipv6-cidr-block-association.ipv6-cidr-block", {}},
                 {"ipv6-cidr-block-association.ipv6-pool", {}},
                 {"ipv6-cidr-block-association.state", {}},
                 {"is-default", {to_text(vpc.is_default)}},
                 {"isDefault", {to_text(vpc.is_default)}},
                 {"instance-tenancy", {vpc.tenancy}},
                 {"owner-id", {place.account}},
                 {"state", {"available"}},
                 {"vpc-id", {vpc.id}}};
  for (const VpcRecord::Block& block : vpc.blocks) {
    all["cidr-block-association.association-id"].push_back(block.id);
    all["cidr-block-association.cidr-block"].push_back(block.cidr);
  }
  if (!vpc.blocks.empty()) all["cidr"] = {vpc.blocks.front().cidr};
  all["cidr-block"] = all["cidr"];
  add_tags(all, vpc.tags);
  return all;
}

void save_parts(store::Transaction& tx, const VpcParts& parts) {
  save(tx, parts.vpc);
  save(tx, parts.group);
  save(tx, parts.table);
  save(tx, parts.acl);
}

Outcome<void> check_create(const api::CreateVpcRequest& in) {
  const std::pair<bool, std::string_view> refused[] = {
      {in.amazon_provided_ipv6_cidr_block.value_or(false), "AmazonProvidedIpv6CidrBlock"},
      {in.ipv6_pool || in.ipv6_cidr_block || in.ipv6_ipam_pool_id || in.ipv6_netmask_length ||
           in.ipv6_cidr_block_network_border_group,
       "IPv6 blocks"},
      {in.ipv4_ipam_pool_id || in.ipv4_netmask_length, "IPAM pools"},
      {in.vpc_encryption_control.has_value(), "VpcEncryptionControl"}};
  for (const auto& [asked, what] : refused) {
    if (asked) return refuse(errors::unsupported_operation(fmt::format("{}: not served here", what)));
  }
  const std::string tenancy = in.instance_tenancy.value_or("default");
  if (tenancy != "default" && tenancy != "dedicated") {
    return refuse(errors::invalid_parameter_value(
        fmt::format("Value ({}) for parameter instanceTenancy is invalid. Must be default or dedicated.", tenancy)));
  }
  return {};
}

// What stands in the way of deleting the VPC; empty: nothing does.
Outcome<std::string> dependency(const View& view, const VpcRecord& vpc) {
  TRY(const auto subnets, view.of_vpc<SubnetRecord>(vpc.id));
  if (!subnets.empty()) return subnets.front().id;
  TRY(const auto gateways, view.of_vpc<GatewayRecord>(vpc.id));
  if (!gateways.empty()) return gateways.front().id;
  TRY(const auto groups, view.of_vpc<GroupRecord>(vpc.id));
  for (const GroupRecord& group : groups) {
    if (group.name != "default") return group.id;
  }
  TRY(const auto tables, view.of_vpc<RouteTableRecord>(vpc.id));
  for (const RouteTableRecord& table : tables) {
    if (!table.is_main()) return table.id;
  }
  TRY(const auto acls, view.of_vpc<AclRecord>(vpc.id));
  for (const AclRecord& acl : acls) {
    if (!acl.is_default) return acl.id;
  }
  return std::string();
}

template <class R>
Result<void> erase_all(store::Transaction& tx, const View& view, const std::string& vpc_id) {
  TRY(const auto records, view.of_vpc<R>(vpc_id));
  for (const R& record : records) erase(tx, record);
  return {};
}

}  // namespace

Task<Outcome<api::CreateVpcResult>> Service::create_vpc(Call& call, api::CreateVpcRequest input) {
  CO_CHECK(check_create(input));
  if (!input.cidr_block)
    co_return refuse(errors::missing_parameter("The request must contain the parameter cidrBlock"));
  const auto cidr = Cidr::parse(*input.cidr_block);
  if (!cidr || cidr->is_ipv6()) {
    co_return refuse(errors::invalid_parameter_value(fmt::format(
        "Value ({}) for parameter cidrBlock is invalid. This is not a valid CIDR block.", *input.cidr_block)));
  }
  if (cidr->length() < 16 || cidr->length() > 28) {
    co_return refuse(errors::invalid_vpc_range(
        fmt::format("The CIDR '{}' is invalid. A VPC has between /16 and /28.", *input.cidr_block)));
  }
  CO_TRY(auto tags, tags_of(input.tag_specifications, VpcRecord::type));
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(const auto vpcs, view.all<VpcRecord>());
  if (vpcs.size() >= max_vpcs) {
    co_return refuse(errors::vpc_limit_exceeded(fmt::format("The maximum number of VPCs is {}.", max_vpcs)));
  }
  CO_TRY(const auto options, view.all<OptionsRecord>());
  VpcParts parts = make_vpc(cidr->to_string(), options.empty() ? "default" : options.front().id,
                            [&](std::string_view prefix) { return make_id(prefix); });
  parts.vpc.tenancy = input.instance_tenancy.value_or("default");
  parts.vpc.tags = std::move(tags);
  save_parts(tx, parts);
  CO_CHECK(co_await tx.commit());
  co_return api::CreateVpcResult{.vpc = to_vpc(view.place(), parts.vpc)};
}

Task<Outcome<api::CreateDefaultVpcResult>> Service::create_default_vpc(Call& call, api::CreateDefaultVpcRequest) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(const auto vpcs, view.all<VpcRecord>());
  if (std::ranges::any_of(vpcs, &VpcRecord::is_default)) {
    co_return refuse(
        errors::default_vpc_already_exists("A Default VPC already exists for this account in this region."));
  }
  CO_TRY(const auto options, view.all<OptionsRecord>());
  const DefaultVpc made = make_default_vpc(view.place(), options.empty() ? "default" : options.front().id,
                                           [&](std::string_view prefix) { return make_id(prefix); });
  save_parts(tx, made.parts);
  save(tx, made.gateway);
  for (const SubnetRecord& subnet : made.subnets) save(tx, subnet);
  CO_CHECK(co_await tx.commit());
  co_return api::CreateDefaultVpcResult{.vpc = to_vpc(view.place(), made.parts.vpc)};
}

Task<Outcome<api::DeleteVpcOutput>> Service::delete_vpc(Call& call, api::DeleteVpcRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(const auto vpc, view.need<VpcRecord>(input.vpc_id));
  CO_TRY(const std::string in_the_way, dependency(view, vpc));
  if (!in_the_way.empty()) {
    co_return refuse(errors::dependency_violation(
        fmt::format("The vpc '{}' has dependencies and cannot be deleted: {} is in it.", vpc.id, in_the_way)));
  }
  CO_CHECK(erase_all<GroupRecord>(tx, view, vpc.id));
  CO_CHECK(erase_all<RouteTableRecord>(tx, view, vpc.id));
  CO_CHECK(erase_all<AclRecord>(tx, view, vpc.id));
  erase(tx, vpc);
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteVpcOutput{};
}

Task<Outcome<api::DescribeVpcsResult>> Service::describe_vpcs(Call& call, api::DescribeVpcsRequest input) {
  const View view = seen(call);
  CO_TRY(auto vpcs, co_await select<VpcRecord>(view, input.vpc_ids, input.filters,
                                               [&](const VpcRecord& vpc) { return attributes(view.place(), vpc); }));
  CO_TRY(auto next, cut_page(vpcs, input.max_results, input.next_token, &VpcRecord::id));
  co_return api::DescribeVpcsResult{.next_token = std::move(next), .vpcs = show_all(vpcs, [&](const VpcRecord& vpc) {
                                                                     return to_vpc(view.place(), vpc);
                                                                   })};
}

}  // namespace boreal::ec2
