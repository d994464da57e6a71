#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/errors.h"
#include "ec2/cidr.h"
#include "ec2/filters.h"
#include "ec2/service.h"
#include "ec2/tags.h"

namespace boreal::ec2 {

namespace errors = api::errors;
using aws::Call;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr size_t max_blocks = 5;  // of a VPC

api::VpcCidrBlockAssociation to_association(const VpcRecord::Block& block, std::string state) {
  return {.association_id = block.id,
          .cidr_block = block.cidr,
          .cidr_block_state = api::VpcCidrBlockState{.state = std::move(state)}};
}

// All tables of a VPC have a local route for each of its blocks.
Result<void> change_local_routes(store::Transaction& tx, const View& view, const std::string& vpc_id,
                                 const std::string& cidr, bool there) {
  TRY(auto tables, view.of_vpc<RouteTableRecord>(vpc_id));
  for (RouteTableRecord& table : tables) {
    if (there) {
      table.routes.push_back({.cidr_ipv4 = cidr, .gateway_id = "local"});
    } else {
      std::erase_if(table.routes, [&](const RouteRecord& r) { return r.gateway_id == "local" && r.cidr_ipv4 == cidr; });
    }
    save(tx, table);
  }
  return {};
}

Outcome<void> check_more(const VpcRecord& vpc, const Cidr& cidr) {
  if (cidr.is_ipv6() || cidr.length() < 16 || cidr.length() > 28) {
    return refuse(errors::invalid_vpc_range(fmt::format("The CIDR '{}' is invalid.", cidr.to_string())));
  }
  for (const VpcRecord::Block& block : vpc.blocks) {
    TRY(const auto other, Cidr::parse(block.cidr));
    if (other.overlaps(cidr)) {
      return refuse(errors::invalid_vpc_range(
          fmt::format("The CIDR '{}' overlaps with {}, which {} has", cidr.to_string(), block.cidr, vpc.id)));
    }
  }
  if (vpc.blocks.size() >= max_blocks) {
    return refuse(
        aws::ApiError("CidrLimitExceeded", 400, fmt::format("{} has {} CIDR blocks already", vpc.id, max_blocks)));
  }
  return {};
}

api::DhcpConfiguration configuration(std::string key, std::string value) {
  return {.key = std::move(key), .values = std::vector<api::AttributeValue>{{.value = std::move(value)}}};
}

api::DhcpOptions to_options(const Place& place, const OptionsRecord& options) {
  return {.owner_id = place.account,
          .tags = to_tags(options.tags),
          .dhcp_options_id = options.id,
          .dhcp_configurations = std::vector{configuration("domain-name", options.domain_name),
                                             configuration("domain-name-servers", "AmazonProvidedDNS")}};
}

Attributes attributes(const Place& place, const OptionsRecord& options) {
  Attributes all{{"dhcp-options-id", {options.id}},
                 {"key", {"domain-name", "domain-name-servers"}},
                 {"value", {options.domain_name, "AmazonProvidedDNS"}},
                 {"owner-id", {place.account}}};
  add_tags(all, options.tags);
  return all;
}

}  // namespace

Task<Outcome<api::DescribeVpcAttributeResult>> Service::describe_vpc_attribute(Call& call,
                                                                               api::DescribeVpcAttributeRequest input) {
  CO_TRY(const auto vpc, seen(call).need<VpcRecord>(input.vpc_id));
  api::DescribeVpcAttributeResult out{.vpc_id = vpc.id};
  if (input.attribute == "enableDnsHostnames") {
    out.enable_dns_hostnames = {.value = vpc.dns_hostnames};
  } else if (input.attribute == "enableDnsSupport") {
    out.enable_dns_support = {.value = vpc.dns_support};
  } else if (input.attribute == "enableNetworkAddressUsageMetrics") {
    out.enable_network_address_usage_metrics = {.value = vpc.usage_metrics};
  } else {
    co_return refuse(errors::invalid_parameter_value(
        fmt::format("Value ({}) for parameter attribute is invalid. Unknown attribute.", input.attribute)));
  }
  co_return out;
}

Task<Outcome<api::ModifyVpcAttributeOutput>> Service::modify_vpc_attribute(Call& call,
                                                                           api::ModifyVpcAttributeRequest input) {
  const int count = int{input.enable_dns_hostnames.has_value()} + int{input.enable_dns_support.has_value()} +
                    int{input.enable_network_address_usage_metrics.has_value()};
  if (count != 1) {
    co_return refuse(errors::invalid_parameter_combination(
        fmt::format("ModifyVpcAttribute changes one attribute at a time, and {} are given", count)));
  }
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto vpc, seen(call, tx).need<VpcRecord>(input.vpc_id));
  if (input.enable_dns_hostnames) vpc.dns_hostnames = input.enable_dns_hostnames->value.value_or(false);
  if (input.enable_dns_support) vpc.dns_support = input.enable_dns_support->value.value_or(false);
  if (input.enable_network_address_usage_metrics) {
    vpc.usage_metrics = input.enable_network_address_usage_metrics->value.value_or(false);
  }
  save(tx, vpc);
  CO_CHECK(co_await tx.commit());
  co_return api::ModifyVpcAttributeOutput{};
}

Task<Outcome<api::AssociateVpcCidrBlockResult>> Service::associate_vpc_cidr_block(
    Call& call, api::AssociateVpcCidrBlockRequest input) {
  if (input.amazon_provided_ipv6_cidr_block.value_or(false) || input.ipv6_pool || input.ipv6_cidr_block ||
      input.ipv6_ipam_pool_id || input.ipv4_ipam_pool_id || input.ipv4_netmask_length || input.ipv6_netmask_length ||
      input.ipv6_cidr_block_network_border_group) {
    co_return refuse(errors::unsupported_operation("IPv6 blocks and IPAM pools of VPCs: not served here"));
  }
  if (!input.cidr_block)
    co_return refuse(errors::missing_parameter("The request must contain the parameter cidrBlock"));
  const auto cidr = Cidr::parse(*input.cidr_block);
  if (!cidr) {
    co_return refuse(errors::invalid_parameter_value(fmt::format(
        "Value ({}) for parameter cidrBlock is invalid. This is not a valid CIDR block.", *input.cidr_block)));
  }
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(auto vpc, view.need<VpcRecord>(input.vpc_id));
  CO_CHECK(check_more(vpc, *cidr));
  vpc.blocks.push_back({.id = make_id("vpc-cidr-assoc-"), .cidr = cidr->to_string()});
  save(tx, vpc);
  CO_CHECK(change_local_routes(tx, view, vpc.id, vpc.blocks.back().cidr, true));
  CO_CHECK(co_await tx.commit());
  co_return api::AssociateVpcCidrBlockResult{.cidr_block_association = to_association(vpc.blocks.back(), "associated"),
                                             .vpc_id = vpc.id};
}

Task<Outcome<api::DisassociateVpcCidrBlockResult>> Service::disassociate_vpc_cidr_block(
    Call& call, api::DisassociateVpcCidrBlockRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(auto vpcs, view.all<VpcRecord>());
  for (VpcRecord& vpc : vpcs) {
    const auto block = std::ranges::find(vpc.blocks, input.association_id, &VpcRecord::Block::id);
    if (block == vpc.blocks.end()) continue;
    if (block == vpc.blocks.begin()) {
      co_return refuse(errors::unsupported_operation(
          fmt::format("The vpc CIDR block with association ID {} may not be disassociated. It is the primary IPv4 CIDR "
                      "block of the VPC",
                      block->id)));
    }
    CO_TRY(const auto cidr, Cidr::parse(block->cidr));
    CO_TRY(const auto subnets, view.of_vpc<SubnetRecord>(vpc.id));
    for (const SubnetRecord& subnet : subnets) {
      CO_TRY(const auto inner, Cidr::parse(subnet.cidr));
      if (!cidr.contains(inner)) continue;
      co_return refuse(errors::invalid_cidr_in_use(fmt::format("{} is in use by {}", block->cidr, subnet.id)));
    }
    const VpcRecord::Block gone = *block;
    vpc.blocks.erase(block);
    save(tx, vpc);
    CO_CHECK(change_local_routes(tx, view, vpc.id, gone.cidr, false));
    CO_CHECK(co_await tx.commit());
    co_return api::DisassociateVpcCidrBlockResult{.cidr_block_association = to_association(gone, "disassociated"),
                                                  .vpc_id = vpc.id};
  }
  co_return refuse(
      aws::ApiError("InvalidVpcCidrBlockAssociationID.NotFound", 400,
                    fmt::format("The vpc CIDR block association ID '{}' does not exist", input.association_id)));
}

Task<Outcome<api::DescribeDhcpOptionsResult>> Service::describe_dhcp_options(Call& call,
                                                                             api::DescribeDhcpOptionsRequest input) {
  const View view = seen(call);
  CO_TRY(auto options,
         co_await select<OptionsRecord>(view, input.dhcp_options_ids, input.filters,
                                        [&](const OptionsRecord& o) { return attributes(view.place(), o); }));
  CO_TRY(auto next, cut_page(options, input.max_results, input.next_token, &OptionsRecord::id));
  co_return api::DescribeDhcpOptionsResult{
      .next_token = std::move(next),
      .dhcp_options = show_all(options, [&](const OptionsRecord& o) { return to_options(view.place(), o); })};
}

}  // namespace boreal::ec2
