// Kinds of resources that nothing here can make: their lists are empty because there are none, and an id of one is not
// found. Modules that only look (a destroy that waits for gateways to go, say) get their true answer.
#include <fmt/format.h>

#include "api/ec2/errors.h"
#include "ec2/service.h"

namespace boreal::ec2 {

namespace errors = api::errors;
using aws::Call;
using aws::Outcome;
using aws::refuse;

namespace {

using Ids = std::optional<std::vector<std::string>>;

Outcome<void> need_none(const Ids& ids, std::string_view code, std::string_view what) {
  if (!ids || ids->empty()) return {};
  return refuse(aws::ApiError(std::string(code), 400, fmt::format("The {} '{}' does not exist", what, ids->front())));
}

}  // namespace

Task<Outcome<api::DescribeAddressesResult>> Service::describe_addresses(Call&, api::DescribeAddressesRequest input) {
  CO_CHECK(need_none(input.public_ips, "InvalidAddress.NotFound", "address"));
  CO_CHECK(need_none(input.allocation_ids, "InvalidAllocationID.NotFound", "allocation ID"));
  co_return api::DescribeAddressesResult{.addresses = std::vector<api::Address>()};
}

Task<Outcome<api::DescribeNatGatewaysResult>> Service::describe_nat_gateways(Call&,
                                                                             api::DescribeNatGatewaysRequest input) {
  CO_CHECK(need_none(input.nat_gateway_ids, "NatGatewayNotFound", "NAT gateway"));
  co_return api::DescribeNatGatewaysResult{.nat_gateways = std::vector<api::NatGateway>()};
}

Task<Outcome<api::DescribeVpcEndpointsResult>> Service::describe_vpc_endpoints(Call&,
                                                                               api::DescribeVpcEndpointsRequest input) {
  CO_CHECK(need_none(input.vpc_endpoint_ids, "InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id"));
  co_return api::DescribeVpcEndpointsResult{.vpc_endpoints = std::vector<api::VpcEndpoint>()};
}

Task<Outcome<api::DescribeVpcPeeringConnectionsResult>> Service::describe_vpc_peering_connections(
    Call&, api::DescribeVpcPeeringConnectionsRequest input) {
  CO_CHECK(
      need_none(input.vpc_peering_connection_ids, "InvalidVpcPeeringConnectionID.NotFound", "vpcPeeringConnection ID"));
  co_return api::DescribeVpcPeeringConnectionsResult{.vpc_peering_connections =
                                                         std::vector<api::VpcPeeringConnection>()};
}

Task<Outcome<api::DescribePrefixListsResult>> Service::describe_prefix_lists(Call&,
                                                                             api::DescribePrefixListsRequest input) {
  CO_CHECK(need_none(input.prefix_list_ids, "InvalidPrefixListID.NotFound", "prefix list ID"));
  co_return api::DescribePrefixListsResult{.prefix_lists = std::vector<api::PrefixList>()};
}

Task<Outcome<api::DescribeManagedPrefixListsResult>> Service::describe_managed_prefix_lists(
    Call&, api::DescribeManagedPrefixListsRequest input) {
  CO_CHECK(need_none(input.prefix_list_ids, "InvalidPrefixListID.NotFound", "prefix list ID"));
  co_return api::DescribeManagedPrefixListsResult{.prefix_lists = std::vector<api::ManagedPrefixList>()};
}

}  // namespace boreal::ec2
