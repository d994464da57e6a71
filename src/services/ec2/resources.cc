#include "ec2/resources.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/errors.h"
#include "ec2/default_network.h"

namespace boreal::ec2 {

namespace errors = boreal::api::ec2::errors;

std::string Place::arn(std::string_view type, std::string_view id) const {
  return fmt::format("arn:aws:ec2:{}:{}:{}/{}", region, account, type, id);
}

aws::ApiError VpcRecord::absent(std::string_view id) {
  return errors::invalid_vpc_id_not_found(fmt::format("The vpc ID '{}' does not exist", id));
}
aws::ApiError SubnetRecord::absent(std::string_view id) {
  return errors::invalid_subnet_id_not_found(fmt::format("The subnet ID '{}' does not exist", id));
}
aws::ApiError GroupRecord::absent(std::string_view id) {
  if (!id.starts_with("sg-")) {
    return errors::invalid_group_id_malformed(fmt::format("Invalid id: \"{}\" (expecting \"sg-...\")", id));
  }
  return errors::invalid_group_not_found(fmt::format("The security group '{}' does not exist", id));
}
aws::ApiError RouteTableRecord::absent(std::string_view id) {
  if (!id.starts_with("rtb-")) {
    return errors::invalid_route_table_id_malformed(fmt::format("Invalid id: \"{}\" (expecting \"rtb-...\")", id));
  }
  return errors::invalid_route_table_id_not_found(fmt::format("The routeTable ID '{}' does not exist", id));
}
aws::ApiError AclRecord::absent(std::string_view id) {
  return errors::invalid_network_acl_id_not_found(fmt::format("The networkAcl ID '{}' does not exist", id));
}
aws::ApiError GatewayRecord::absent(std::string_view id) {
  return errors::invalid_internet_gateway_id_not_found(fmt::format("The internetGateway ID '{}' does not exist", id));
}
aws::ApiError InterfaceRecord::absent(std::string_view id) {
  return errors::invalid_network_interface_id_not_found(fmt::format("The networkInterface ID '{}' does not exist", id));
}
aws::ApiError OptionsRecord::absent(std::string_view id) {
  return errors::invalid_dhcp_option_id_not_found(fmt::format("The dhcpOption ID '{}' does not exist", id));
}

aws::Outcome<void> check_client_token(std::string_view token) {
  constexpr size_t max_bytes = 64;
  if (token.size() <= max_bytes) return {};
  return aws::refuse(errors::invalid_parameter_value(
      fmt::format("Value for parameter clientToken is invalid. It has {} characters, and {} is the most.", token.size(),
                  max_bytes)));
}
aws::ApiError token_of_another_call(std::string_view token) {
  return errors::idempotent_parameter_mismatch(
      fmt::format("The client token '{}' was used for a call with other parameters", token));
}

bool RouteTableRecord::is_main() const {
  return std::ranges::any_of(associations, [](const Association& a) { return a.subnet_id.empty(); });
}

Result<bool> View::made() const {
  if (transaction_ != nullptr) return true;
  TRY(const auto mark, catalog_->get(place_.partition(), made_key));
  return mark.has_value();
}

Result<std::optional<std::string>> View::get(std::string_view key) const {
  if (transaction_ != nullptr) return transaction_->get(key);
  TRY(const bool is_made, made());
  if (is_made) return catalog_->get(place_.partition(), key);
  auto rows = default_network(place_);
  const auto found = rows.find(std::string(key));
  return found == rows.end() ? std::optional<std::string>() : std::move(found->second);
}

Result<View::Rows> View::scan(std::string_view prefix) const {
  if (transaction_ != nullptr) return transaction_->scan(prefix);
  TRY(const bool is_made, made());
  if (is_made) return catalog_->scan(place_.partition(), prefix);
  Rows rows;
  for (auto& row : default_network(place_)) {
    if (row.first.starts_with(prefix)) rows.emplace_back(row);
  }
  return rows;
}

}  // namespace boreal::ec2
