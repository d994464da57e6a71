#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/errors.h"
#include "ec2/convert.h"
#include "ec2/filters.h"
#include "ec2/service.h"
#include "ec2/tags.h"

namespace boreal::ec2 {

namespace errors = api::errors;
using aws::Call;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr size_t max_tables = 200;  // of a VPC

Attributes attributes(const Place& place, const RouteTableRecord& table, const std::vector<GatewayRecord>& gateways) {
  Attributes all{{"association.gateway-id", {}},
                 {"association.main", {}},
                 {"association.route-table-association-id", {}},
                 {"association.route-table-id", {}},
                 {"association.subnet-id", {}},
                 {"owner-id", {place.account}},
                 {"route-table-id", {table.id}},
                 {"route.destination-cidr-block", {}},
                 {"route.destination-ipv6-cidr-block", {}},
                 {"route.destination-prefix-list-id", {}},
                 {"route.egress-only-internet-gateway-id", {}},
                 {"route.gateway-id", {}},
                 {"route.instance-id", {}},
                 {"route.nat-gateway-id", {}},
                 {"route.origin", {}},
                 {"route.state", {}},
                 {"route.transit-gateway-id", {}},
                 {"route.vpc-peering-connection-id", {}},
                 {"vpc-id", {table.vpc_id}}};
  for (const auto& association : table.associations) {
    all["association.main"].push_back(to_text(association.subnet_id.empty()));
    all["association.route-table-association-id"].push_back(association.id);
    all["association.route-table-id"].push_back(table.id);
    if (!association.subnet_id.empty()) all["association.subnet-id"].push_back(association.subnet_id);
  }
  for (const RouteRecord& route : table.routes) {
    if (!route.cidr_ipv4.empty()) all["route.destination-cidr-block"].push_back(route.cidr_ipv4);
    if (!route.cidr_ipv6.empty()) all["route.destination-ipv6-cidr-block"].push_back(route.cidr_ipv6);
    all["route.gateway-id"].push_back(route.gateway_id);
    all["route.origin"].push_back(route.gateway_id == "local" ? "CreateRouteTable" : "CreateRoute");
    all["route.state"].push_back(state_of(table, route, gateways));
  }
  add_tags(all, table.tags);
  return all;
}

// Which table has the association, and where in it.
struct Found {
  RouteTableRecord table;
  size_t index;
};
Outcome<Found> find_association(const View& view, const std::string& id) {
  TRY(auto tables, view.all<RouteTableRecord>());
  for (RouteTableRecord& table : tables) {
    const auto found = std::ranges::find(table.associations, id, &RouteTableRecord::Association::id);
    if (found == table.associations.end()) continue;
    const auto index = static_cast<size_t>(found - table.associations.begin());
    return Found{std::move(table), index};
  }
  return refuse(errors::invalid_association_id_not_found(fmt::format("The association ID '{}' does not exist", id)));
}

api::RouteTableAssociationState associated() { return {.state = "associated"}; }

}  // namespace

Task<Outcome<api::CreateRouteTableResult>> Service::create_route_table(Call& call, api::CreateRouteTableRequest input) {
  CO_TRY(auto tags, tags_of(input.tag_specifications, RouteTableRecord::type));
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(const auto vpc, view.need<VpcRecord>(input.vpc_id));
  const std::string token = input.client_token.value_or("");
  CO_TRY(const auto before, made_before<RouteTableRecord>(view, token, vpc.id));
  if (before) {
    CO_TRY(const auto gateways, view.all<GatewayRecord>());
    co_return api::CreateRouteTableResult{.route_table = to_route_table(view.place(), *before, gateways),
                                          .client_token = input.client_token};
  }
  CO_TRY(const auto there, view.of_vpc<RouteTableRecord>(vpc.id));
  if (there.size() >= max_tables) {
    co_return refuse(errors::route_table_limit_exceeded(
        fmt::format("The maximum number of route tables of a VPC is {}.", max_tables)));
  }
  RouteTableRecord table{.id = make_id("rtb-"), .vpc_id = vpc.id, .tags = std::move(tags), .client_token = token};
  for (const auto& block : vpc.blocks) table.routes.push_back({.cidr_ipv4 = block.cidr, .gateway_id = "local"});
  save(tx, table);
  CO_CHECK(co_await tx.commit());
  co_return api::CreateRouteTableResult{.route_table = to_route_table(view.place(), table, {}),
                                        .client_token = input.client_token};
}

Task<Outcome<api::DeleteRouteTableOutput>> Service::delete_route_table(Call& call, api::DeleteRouteTableRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto table, seen(call, tx).need<RouteTableRecord>(input.route_table_id));
  if (!table.associations.empty()) {
    const std::string& subnet = table.associations.front().subnet_id;
    co_return refuse(errors::dependency_violation(
        fmt::format("The routeTable '{}' has dependencies and cannot be deleted: {}.", table.id,
                    subnet.empty() ? "it is the main table of " + table.vpc_id : "it is associated with " + subnet)));
  }
  erase(tx, table);
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteRouteTableOutput{};
}

Task<Outcome<api::DescribeRouteTablesResult>> Service::describe_route_tables(Call& call,
                                                                             api::DescribeRouteTablesRequest input) {
  const View view = seen(call);
  CO_TRY(const auto gateways, view.all<GatewayRecord>());
  CO_TRY(auto tables,
         co_await select<RouteTableRecord>(view, input.route_table_ids, input.filters, [&](const RouteTableRecord& t) {
           return attributes(view.place(), t, gateways);
         }));
  CO_TRY(auto next, cut_page(tables, input.max_results, input.next_token, &RouteTableRecord::id));
  co_return api::DescribeRouteTablesResult{
      .route_tables =
          show_all(tables, [&](const RouteTableRecord& t) { return to_route_table(view.place(), t, gateways); }),
      .next_token = std::move(next)};
}

Task<Outcome<api::AssociateRouteTableResult>> Service::associate_route_table(Call& call,
                                                                             api::AssociateRouteTableRequest input) {
  if (input.gateway_id || input.public_ipv4_pool) {
    co_return refuse(errors::unsupported_operation("Route tables of gateways and address pools: not served here"));
  }
  if (!input.subnet_id) co_return refuse(errors::missing_parameter("The request must contain the parameter subnetId"));
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(const auto subnet, view.need<SubnetRecord>(*input.subnet_id));
  CO_TRY(auto tables, view.of_vpc<RouteTableRecord>(subnet.vpc_id));
  CO_TRY(auto table, view.need<RouteTableRecord>(input.route_table_id));
  if (table.vpc_id != subnet.vpc_id) {
    co_return refuse(errors::invalid_parameter_value(
        fmt::format("Route table {} and subnet {} belong to different networks", table.id, subnet.id)));
  }
  for (const RouteTableRecord& other : tables) {
    const auto found = std::ranges::find(other.associations, subnet.id, &RouteTableRecord::Association::subnet_id);
    if (found == other.associations.end()) continue;
    if (other.id == table.id) {  // asked for again
      co_return api::AssociateRouteTableResult{.association_id = found->id, .association_state = associated()};
    }
    co_return refuse(errors::resource_already_associated(
        fmt::format("the specified association for route table {} conflicts with an existing association: {} with {}",
                    table.id, subnet.id, other.id)));
  }
  const RouteTableRecord::Association association{.id = make_id("rtbassoc-"), .subnet_id = subnet.id};
  table.associations.push_back(association);
  save(tx, table);
  CO_CHECK(co_await tx.commit());
  co_return api::AssociateRouteTableResult{.association_id = association.id, .association_state = associated()};
}

Task<Outcome<api::DisassociateRouteTableOutput>> Service::disassociate_route_table(
    Call& call, api::DisassociateRouteTableRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto found, find_association(seen(call, tx), input.association_id));
  auto& associations = found.table.associations;
  if (associations[found.index].subnet_id.empty()) {
    co_return refuse(errors::invalid_parameter_value(
        fmt::format("cannot disassociate the main route table association {}", input.association_id)));
  }
  associations.erase(associations.begin() + static_cast<std::ptrdiff_t>(found.index));
  save(tx, found.table);
  CO_CHECK(co_await tx.commit());
  co_return api::DisassociateRouteTableOutput{};
}

Task<Outcome<api::ReplaceRouteTableAssociationResult>> Service::replace_route_table_association(
    Call& call, api::ReplaceRouteTableAssociationRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(auto found, find_association(view, input.association_id));
  CO_TRY(const auto asked, view.need<RouteTableRecord>(input.route_table_id));
  if (asked.vpc_id != found.table.vpc_id) {
    co_return refuse(errors::invalid_parameter_value(
        fmt::format("Route tables {} and {} belong to different networks", asked.id, found.table.id)));
  }
  auto moved = found.table.associations[found.index];
  found.table.associations.erase(found.table.associations.begin() + static_cast<std::ptrdiff_t>(found.index));
  save(tx, found.table);
  CO_TRY(auto target, view.need<RouteTableRecord>(input.route_table_id));  // which may be the same table
  moved.id = make_id("rtbassoc-");
  target.associations.push_back(moved);
  save(tx, target);
  CO_CHECK(co_await tx.commit());
  co_return api::ReplaceRouteTableAssociationResult{.new_association_id = moved.id, .association_state = associated()};
}

}  // namespace boreal::ec2
