// Amazon EC2, as far as a data tier lies in it: the network. README.md tells what it keeps and how.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/ec2/service.h"
#include "aws/context.h"
#include "aws/peers.h"
#include "ec2/group_rules.h"
#include "ec2/resources.h"

namespace boreal::ec2 {

namespace api = ::boreal::api::ec2;

// Thread rule: the loop.
class Service final : public api::Api, public aws::Network {
 public:
  explicit Service(aws::ServiceContext context) : context_(context) {}

  Task<aws::Outcome<std::vector<aws::Access>>> access(aws::Call& call, const aws::Operation& operation,
                                                      const aws::Value& input) override;

  // aws::Network (network.cc)
  aws::Outcome<Subnet> subnet(const std::string& account, const std::string& region, const std::string& id) override;
  aws::Outcome<std::vector<Subnet>> default_subnets(const std::string& account, const std::string& region) override;
  aws::Outcome<std::string> group_vpc(const std::string& account, const std::string& region,
                                      const std::string& group_id) override;
  aws::Outcome<std::string> default_group(const std::string& account, const std::string& region,
                                          const std::string& vpc_id) override;
  aws::Outcome<std::vector<IngressRule>> ingress(const std::string& account, const std::string& region,
                                                 const std::string& group_id) override;
  std::vector<std::string> availability_zones(const std::string& region) override;
  Task<aws::Outcome<void>> attach_interface(std::string account, std::string region, Interface interface) override;
  Task<aws::Outcome<void>> detach_interface(std::string account, std::string region, std::string owner) override;
  void on_group_change(
      std::function<void(const std::string&, const std::string&, const std::string&)> callback) override;

  // vpcs.cc
  Task<aws::Outcome<api::CreateVpcResult>> create_vpc(aws::Call& call, api::CreateVpcRequest input) override;
  Task<aws::Outcome<api::DeleteVpcOutput>> delete_vpc(aws::Call& call, api::DeleteVpcRequest input) override;
  Task<aws::Outcome<api::DescribeVpcsResult>> describe_vpcs(aws::Call& call, api::DescribeVpcsRequest input) override;
  Task<aws::Outcome<api::CreateDefaultVpcResult>> create_default_vpc(aws::Call& call,
                                                                     api::CreateDefaultVpcRequest input) override;

  // vpc_attributes.cc
  Task<aws::Outcome<api::DescribeVpcAttributeResult>> describe_vpc_attribute(
      aws::Call& call, api::DescribeVpcAttributeRequest input) override;
  Task<aws::Outcome<api::ModifyVpcAttributeOutput>> modify_vpc_attribute(aws::Call& call,
                                                                         api::ModifyVpcAttributeRequest input) override;
  Task<aws::Outcome<api::AssociateVpcCidrBlockResult>> associate_vpc_cidr_block(
      aws::Call& call, api::AssociateVpcCidrBlockRequest input) override;
  Task<aws::Outcome<api::DisassociateVpcCidrBlockResult>> disassociate_vpc_cidr_block(
      aws::Call& call, api::DisassociateVpcCidrBlockRequest input) override;
  Task<aws::Outcome<api::DescribeDhcpOptionsResult>> describe_dhcp_options(
      aws::Call& call, api::DescribeDhcpOptionsRequest input) override;

  // subnets.cc
  Task<aws::Outcome<api::CreateSubnetResult>> create_subnet(aws::Call& call, api::CreateSubnetRequest input) override;
  Task<aws::Outcome<api::CreateDefaultSubnetResult>> create_default_subnet(
      aws::Call& call, api::CreateDefaultSubnetRequest input) override;
  Task<aws::Outcome<api::DeleteSubnetOutput>> delete_subnet(aws::Call& call, api::DeleteSubnetRequest input) override;
  Task<aws::Outcome<api::DescribeSubnetsResult>> describe_subnets(aws::Call& call,
                                                                  api::DescribeSubnetsRequest input) override;
  Task<aws::Outcome<api::ModifySubnetAttributeOutput>> modify_subnet_attribute(
      aws::Call& call, api::ModifySubnetAttributeRequest input) override;

  // security_groups.cc
  Task<aws::Outcome<api::CreateSecurityGroupResult>> create_security_group(
      aws::Call& call, api::CreateSecurityGroupRequest input) override;
  Task<aws::Outcome<api::DeleteSecurityGroupResult>> delete_security_group(
      aws::Call& call, api::DeleteSecurityGroupRequest input) override;
  Task<aws::Outcome<api::DescribeSecurityGroupsResult>> describe_security_groups(
      aws::Call& call, api::DescribeSecurityGroupsRequest input) override;
  Task<aws::Outcome<api::GetSecurityGroupsForVpcResult>> get_security_groups_for_vpc(
      aws::Call& call, api::GetSecurityGroupsForVpcRequest input) override;
  Task<aws::Outcome<api::DescribeSecurityGroupReferencesResult>> describe_security_group_references(
      aws::Call& call, api::DescribeSecurityGroupReferencesRequest input) override;

  // security_group_rules.cc
  Task<aws::Outcome<api::AuthorizeSecurityGroupIngressResult>> authorize_security_group_ingress(
      aws::Call& call, api::AuthorizeSecurityGroupIngressRequest input) override;
  Task<aws::Outcome<api::AuthorizeSecurityGroupEgressResult>> authorize_security_group_egress(
      aws::Call& call, api::AuthorizeSecurityGroupEgressRequest input) override;
  Task<aws::Outcome<api::RevokeSecurityGroupIngressResult>> revoke_security_group_ingress(
      aws::Call& call, api::RevokeSecurityGroupIngressRequest input) override;
  Task<aws::Outcome<api::RevokeSecurityGroupEgressResult>> revoke_security_group_egress(
      aws::Call& call, api::RevokeSecurityGroupEgressRequest input) override;
  Task<aws::Outcome<api::ModifySecurityGroupRulesResult>> modify_security_group_rules(
      aws::Call& call, api::ModifySecurityGroupRulesRequest input) override;
  Task<aws::Outcome<api::UpdateSecurityGroupRuleDescriptionsIngressResult>>
  update_security_group_rule_descriptions_ingress(
      aws::Call& call, api::UpdateSecurityGroupRuleDescriptionsIngressRequest input) override;
  Task<aws::Outcome<api::UpdateSecurityGroupRuleDescriptionsEgressResult>>
  update_security_group_rule_descriptions_egress(aws::Call& call,
                                                 api::UpdateSecurityGroupRuleDescriptionsEgressRequest input) override;
  Task<aws::Outcome<api::DescribeSecurityGroupRulesResult>> describe_security_group_rules(
      aws::Call& call, api::DescribeSecurityGroupRulesRequest input) override;

  // route_tables.cc
  Task<aws::Outcome<api::CreateRouteTableResult>> create_route_table(aws::Call& call,
                                                                     api::CreateRouteTableRequest input) override;
  Task<aws::Outcome<api::DeleteRouteTableOutput>> delete_route_table(aws::Call& call,
                                                                     api::DeleteRouteTableRequest input) override;
  Task<aws::Outcome<api::DescribeRouteTablesResult>> describe_route_tables(
      aws::Call& call, api::DescribeRouteTablesRequest input) override;
  Task<aws::Outcome<api::AssociateRouteTableResult>> associate_route_table(
      aws::Call& call, api::AssociateRouteTableRequest input) override;
  Task<aws::Outcome<api::DisassociateRouteTableOutput>> disassociate_route_table(
      aws::Call& call, api::DisassociateRouteTableRequest input) override;
  Task<aws::Outcome<api::ReplaceRouteTableAssociationResult>> replace_route_table_association(
      aws::Call& call, api::ReplaceRouteTableAssociationRequest input) override;

  // routes.cc
  Task<aws::Outcome<api::CreateRouteResult>> create_route(aws::Call& call, api::CreateRouteRequest input) override;
  Task<aws::Outcome<api::ReplaceRouteOutput>> replace_route(aws::Call& call, api::ReplaceRouteRequest input) override;
  Task<aws::Outcome<api::DeleteRouteOutput>> delete_route(aws::Call& call, api::DeleteRouteRequest input) override;

  // network_acls.cc
  Task<aws::Outcome<api::CreateNetworkAclResult>> create_network_acl(aws::Call& call,
                                                                     api::CreateNetworkAclRequest input) override;
  Task<aws::Outcome<api::DeleteNetworkAclOutput>> delete_network_acl(aws::Call& call,
                                                                     api::DeleteNetworkAclRequest input) override;
  Task<aws::Outcome<api::DescribeNetworkAclsResult>> describe_network_acls(
      aws::Call& call, api::DescribeNetworkAclsRequest input) override;
  Task<aws::Outcome<api::CreateNetworkAclEntryOutput>> create_network_acl_entry(
      aws::Call& call, api::CreateNetworkAclEntryRequest input) override;
  Task<aws::Outcome<api::ReplaceNetworkAclEntryOutput>> replace_network_acl_entry(
      aws::Call& call, api::ReplaceNetworkAclEntryRequest input) override;
  Task<aws::Outcome<api::DeleteNetworkAclEntryOutput>> delete_network_acl_entry(
      aws::Call& call, api::DeleteNetworkAclEntryRequest input) override;
  Task<aws::Outcome<api::ReplaceNetworkAclAssociationResult>> replace_network_acl_association(
      aws::Call& call, api::ReplaceNetworkAclAssociationRequest input) override;

  // internet_gateways.cc
  Task<aws::Outcome<api::CreateInternetGatewayResult>> create_internet_gateway(
      aws::Call& call, api::CreateInternetGatewayRequest input) override;
  Task<aws::Outcome<api::DeleteInternetGatewayOutput>> delete_internet_gateway(
      aws::Call& call, api::DeleteInternetGatewayRequest input) override;
  Task<aws::Outcome<api::DescribeInternetGatewaysResult>> describe_internet_gateways(
      aws::Call& call, api::DescribeInternetGatewaysRequest input) override;
  Task<aws::Outcome<api::AttachInternetGatewayOutput>> attach_internet_gateway(
      aws::Call& call, api::AttachInternetGatewayRequest input) override;
  Task<aws::Outcome<api::DetachInternetGatewayOutput>> detach_internet_gateway(
      aws::Call& call, api::DetachInternetGatewayRequest input) override;

  // network_interfaces.cc
  Task<aws::Outcome<api::DescribeNetworkInterfacesResult>> describe_network_interfaces(
      aws::Call& call, api::DescribeNetworkInterfacesRequest input) override;
  Task<aws::Outcome<api::DescribeNetworkInterfaceAttributeResult>> describe_network_interface_attribute(
      aws::Call& call, api::DescribeNetworkInterfaceAttributeRequest input) override;

  // regions.cc
  Task<aws::Outcome<api::DescribeAvailabilityZonesResult>> describe_availability_zones(
      aws::Call& call, api::DescribeAvailabilityZonesRequest input) override;
  Task<aws::Outcome<api::DescribeRegionsResult>> describe_regions(aws::Call& call,
                                                                  api::DescribeRegionsRequest input) override;
  Task<aws::Outcome<api::DescribeAccountAttributesResult>> describe_account_attributes(
      aws::Call& call, api::DescribeAccountAttributesRequest input) override;

  // tags.cc
  Task<aws::Outcome<api::CreateTagsOutput>> create_tags(aws::Call& call, api::CreateTagsRequest input) override;
  Task<aws::Outcome<api::DeleteTagsOutput>> delete_tags(aws::Call& call, api::DeleteTagsRequest input) override;
  Task<aws::Outcome<api::DescribeTagsResult>> describe_tags(aws::Call& call, api::DescribeTagsRequest input) override;

  // absent.cc: what nothing here can make, so that there is none
  Task<aws::Outcome<api::DescribeAddressesResult>> describe_addresses(aws::Call& call,
                                                                      api::DescribeAddressesRequest input) override;
  Task<aws::Outcome<api::DescribeNatGatewaysResult>> describe_nat_gateways(
      aws::Call& call, api::DescribeNatGatewaysRequest input) override;
  Task<aws::Outcome<api::DescribeVpcEndpointsResult>> describe_vpc_endpoints(
      aws::Call& call, api::DescribeVpcEndpointsRequest input) override;
  Task<aws::Outcome<api::DescribeVpcPeeringConnectionsResult>> describe_vpc_peering_connections(
      aws::Call& call, api::DescribeVpcPeeringConnectionsRequest input) override;
  Task<aws::Outcome<api::DescribePrefixListsResult>> describe_prefix_lists(
      aws::Call& call, api::DescribePrefixListsRequest input) override;
  Task<aws::Outcome<api::DescribeManagedPrefixListsResult>> describe_managed_prefix_lists(
      aws::Call& call, api::DescribeManagedPrefixListsRequest input) override;

 private:
  // "vpc-" -> "vpc-0123456789abcdef0"
  std::string make_id(std::string_view prefix);
  // What is committed, and what the transaction sees.
  View seen(const aws::Call& call) const { return {context_.catalog, Place{call.account, call.region}}; }
  static View seen(const aws::Call& call, const store::Transaction& tx) {
    return {tx, Place{call.account, call.region}};
  }
  // A transaction over the place's network, with the default network written.
  Task<aws::Outcome<store::Transaction>> begin(const aws::Call& call);
  Task<aws::Outcome<store::Transaction>> begin(Place place);
  // Tells those who asked to be told.
  void tell_group_change(const aws::Call& call, const std::string& group_id) const;

  // The group that a call names; by its name only one of the default VPC is meant. InvalidGroup.NotFound.
  static aws::Outcome<GroupRecord> find_group(const View& view, const std::optional<std::string>& id,
                                              const std::optional<std::string>& name);
  // The same; by its name the one that had it when policies were asked, if it is there still.
  static aws::Outcome<GroupRecord> asked_group(const aws::Call& call, const View& view,
                                               const std::optional<std::string>& id,
                                               const std::optional<std::string>& name);
  // What the calls for both directions have in common.
  template <class Out, class In>
  Task<aws::Outcome<Out>> authorize_rules(aws::Call& call, In input, std::optional<std::string> group_name, bool egress,
                                          ClassicRule classic);
  template <class Out, class In>
  Task<aws::Outcome<Out>> revoke_rules(aws::Call& call, In input, std::optional<std::string> group_name, bool egress,
                                       ClassicRule classic);
  template <class Out, class In>
  Task<aws::Outcome<Out>> describe_rules_anew(aws::Call& call, In input, bool egress);

  aws::ServiceContext context_;
  std::vector<std::function<void(const std::string&, const std::string&, const std::string&)>> group_callbacks_;
};

}  // namespace boreal::ec2
