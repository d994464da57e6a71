#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/errors.h"
#include "ec2/cidr.h"
#include "ec2/service.h"

namespace boreal::ec2 {

namespace errors = api::errors;
using aws::Call;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr size_t max_routes = 500;  // of a table

// The destination that a call names, in its canonical form.
template <class In>
Outcome<RouteRecord> parse_destination(const In& in) {
  if (in.destination_prefix_list_id) {
    return refuse(errors::invalid_prefix_list_id_not_found(
        fmt::format("The prefix list ID '{}' does not exist", *in.destination_prefix_list_id)));
  }
  if (in.destination_cidr_block.has_value() == in.destination_ipv6_cidr_block.has_value()) {
    return refuse(
        errors::missing_parameter("The request must contain exactly one of destinationCidrBlock, "
                                  "destinationIpv6CidrBlock, destinationPrefixListId"));
  }
  const bool ipv6 = in.destination_ipv6_cidr_block.has_value();
  const std::string& text = ipv6 ? *in.destination_ipv6_cidr_block : *in.destination_cidr_block;
  const auto cidr = Cidr::parse(text);
  if (!cidr || cidr->is_ipv6() != ipv6) {
    return refuse(errors::invalid_parameter_value(
        fmt::format("Value ({}) for parameter destination{}CidrBlock is invalid. This is not a valid CIDR block.", text,
                    ipv6 ? "Ipv6" : "")));
  }
  RouteRecord route;
  (ipv6 ? route.cidr_ipv6 : route.cidr_ipv4) = cidr->to_string();
  return route;
}

template <class In>
bool leads_elsewhere(const In& in) {
  return in.vpc_endpoint_id || in.transit_gateway_id || in.local_gateway_id || in.carrier_gateway_id ||
         in.core_network_arn || in.odb_network_arn || in.egress_only_internet_gateway_id || in.instance_id ||
         in.network_interface_id || in.vpc_peering_connection_id || in.nat_gateway_id;
}

// An internet gateway of the table's VPC is the one target that there can be.
template <class In>
Outcome<std::string> parse_target(const View& view, const RouteTableRecord& table, const In& in) {
  if (!in.gateway_id || leads_elsewhere(in)) {
    return refuse(errors::unsupported_operation(
        "Routes to anything but an internet gateway (GatewayId): not served here, nothing else can be made"));
  }
  const auto gateway = view.need<GatewayRecord>(*in.gateway_id);
  if (!gateway) {
    return refuse(aws::ApiError("InvalidGatewayID.NotFound", 400,
                                fmt::format("The gateway ID '{}' does not exist", *in.gateway_id)));
  }
  if (gateway->vpc_id != table.vpc_id) {
    return refuse(errors::invalid_parameter_value(
        fmt::format("route table {} and network gateway {} belong to different networks", table.id, gateway->id)));
  }
  return gateway->id;
}

auto find_route(RouteTableRecord& table, const RouteRecord& destination) {
  return std::ranges::find(table.routes, destination.destination(), &RouteRecord::destination);
}

aws::ApiError no_route(const RouteTableRecord& table, const RouteRecord& destination) {
  return errors::invalid_route_not_found(
      fmt::format("no route with destination-cidr-block {} in route table {}", destination.destination(), table.id));
}

}  // namespace

Task<Outcome<api::CreateRouteResult>> Service::create_route(Call& call, api::CreateRouteRequest input) {
  CO_TRY(auto route, parse_destination(input));
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(auto table, view.need<RouteTableRecord>(input.route_table_id));
  CO_TRY(route.gateway_id, parse_target(view, table, input));
  const auto there = find_route(table, route);
  if (there != table.routes.end()) {
    if (there->gateway_id == route.gateway_id) co_return api::CreateRouteResult{.return_ = true};
    co_return refuse(
        errors::route_already_exists(fmt::format("The route identified by {} already exists.", route.destination())));
  }
  if (table.routes.size() >= max_routes) {
    co_return refuse(aws::ApiError("RouteLimitExceeded", 400,
                                   fmt::format("The maximum number of routes of a table is {}.", max_routes)));
  }
  table.routes.push_back(std::move(route));
  save(tx, table);
  CO_CHECK(co_await tx.commit());
  co_return api::CreateRouteResult{.return_ = true};
}

Task<Outcome<api::ReplaceRouteOutput>> Service::replace_route(Call& call, api::ReplaceRouteRequest input) {
  CO_TRY(const auto route, parse_destination(input));
  const bool leads_home = input.local_target.value_or(false);
  if (leads_home && (input.gateway_id || leads_elsewhere(input))) {
    co_return refuse(errors::invalid_parameter_combination("LocalTarget and another target exclude each other"));
  }
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(auto table, view.need<RouteTableRecord>(input.route_table_id));
  const auto there = find_route(table, route);
  if (there == table.routes.end()) co_return refuse(no_route(table, route));
  if (there->gateway_id == "local") {
    if (!leads_home) {
      co_return refuse(errors::invalid_parameter_value(
          fmt::format("cannot replace local route {} in route table {}", route.destination(), table.id)));
    }
    co_return api::ReplaceRouteOutput{};
  }
  CO_TRY(there->gateway_id, parse_target(view, table, input));
  save(tx, table);
  CO_CHECK(co_await tx.commit());
  co_return api::ReplaceRouteOutput{};
}

Task<Outcome<api::DeleteRouteOutput>> Service::delete_route(Call& call, api::DeleteRouteRequest input) {
  CO_TRY(const auto route, parse_destination(input));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto table, seen(call, tx).need<RouteTableRecord>(input.route_table_id));
  const auto there = find_route(table, route);
  if (there == table.routes.end()) co_return refuse(no_route(table, route));
  if (there->gateway_id == "local") {
    co_return refuse(errors::invalid_parameter_value(
        fmt::format("cannot remove local route {} in route table {}", route.destination(), table.id)));
  }
  table.routes.erase(there);
  save(tx, table);
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteRouteOutput{};
}

}  // namespace boreal::ec2
