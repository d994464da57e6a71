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

constexpr size_t max_gateways = 100;

Attributes attributes(const Place& place, const GatewayRecord& gateway) {
  Attributes all{{"attachment.state", {}},
                 {"attachment.vpc-id", {}},
                 {"internet-gateway-id", {gateway.id}},
                 {"owner-id", {place.account}}};
  if (!gateway.vpc_id.empty()) {
    all["attachment.state"] = {"available"};
    all["attachment.vpc-id"] = {gateway.vpc_id};
  }
  add_tags(all, gateway.tags);
  return all;
}

}  // namespace

Task<Outcome<api::CreateInternetGatewayResult>> Service::create_internet_gateway(
    Call& call, api::CreateInternetGatewayRequest input) {
  CO_TRY(auto tags, tags_of(input.tag_specifications, GatewayRecord::type));
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(const auto there, view.all<GatewayRecord>());
  if (there.size() >= max_gateways) {
    co_return refuse(aws::ApiError("InternetGatewayLimitExceeded", 400,
                                   fmt::format("The maximum number of internet gateways is {}.", max_gateways)));
  }
  const GatewayRecord gateway{.id = make_id("igw-"), .tags = std::move(tags)};
  save(tx, gateway);
  CO_CHECK(co_await tx.commit());
  co_return api::CreateInternetGatewayResult{.internet_gateway = to_gateway(view.place(), gateway)};
}

Task<Outcome<api::DeleteInternetGatewayOutput>> Service::delete_internet_gateway(
    Call& call, api::DeleteInternetGatewayRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto gateway, seen(call, tx).need<GatewayRecord>(input.internet_gateway_id));
  if (!gateway.vpc_id.empty()) {
    co_return refuse(errors::dependency_violation(
        fmt::format("The internetGateway '{}' has dependencies and cannot be deleted: it is attached to {}.",
                    gateway.id, gateway.vpc_id)));
  }
  erase(tx, gateway);
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteInternetGatewayOutput{};
}

Task<Outcome<api::AttachInternetGatewayOutput>> Service::attach_internet_gateway(
    Call& call, api::AttachInternetGatewayRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(auto gateway, view.need<GatewayRecord>(input.internet_gateway_id));
  CO_TRY(const auto vpc, view.need<VpcRecord>(input.vpc_id));
  if (!gateway.vpc_id.empty()) {
    co_return refuse(errors::resource_already_associated(
        fmt::format("resource {} is already attached to network {}", gateway.id, gateway.vpc_id)));
  }
  CO_TRY(const auto others, view.of_vpc<GatewayRecord>(vpc.id));
  if (!others.empty()) {
    co_return refuse(errors::invalid_parameter_value(
        fmt::format("Network {} already has an internet gateway attached: {}", vpc.id, others.front().id)));
  }
  gateway.vpc_id = vpc.id;
  save(tx, gateway);
  CO_CHECK(co_await tx.commit());
  co_return api::AttachInternetGatewayOutput{};
}

Task<Outcome<api::DetachInternetGatewayOutput>> Service::detach_internet_gateway(
    Call& call, api::DetachInternetGatewayRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(auto gateway, view.need<GatewayRecord>(input.internet_gateway_id));
  CO_CHECK(view.need<VpcRecord>(input.vpc_id));
  if (gateway.vpc_id != input.vpc_id) {
    co_return refuse(errors::gateway_not_attached(
        fmt::format("resource {} is not attached to network {}", gateway.id, input.vpc_id)));
  }
  gateway.vpc_id.clear();
  save(tx, gateway);
  CO_CHECK(co_await tx.commit());
  co_return api::DetachInternetGatewayOutput{};
}

Task<Outcome<api::DescribeInternetGatewaysResult>> Service::describe_internet_gateways(
    Call& call, api::DescribeInternetGatewaysRequest input) {
  const View view = seen(call);
  CO_TRY(auto gateways,
         co_await select<GatewayRecord>(view, input.internet_gateway_ids, input.filters,
                                        [&](const GatewayRecord& g) { return attributes(view.place(), g); }));
  CO_TRY(auto next, cut_page(gateways, input.max_results, input.next_token, &GatewayRecord::id));
  co_return api::DescribeInternetGatewaysResult{
      .internet_gateways = show_all(gateways, [&](const GatewayRecord& g) { return to_gateway(view.place(), g); }),
      .next_token = std::move(next)};
}

}  // namespace boreal::ec2
