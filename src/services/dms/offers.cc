#include "dms/offers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "dms/service.h"
#include "dms/validate.h"

namespace boreal::dms {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr std::array<std::string_view, 4> versions = {"3.5.3", "3.5.4", "3.6.0", "3.6.1"};

constexpr std::array<std::string_view, 25> classes = {
    "dms.c5.12xlarge", "dms.c5.18xlarge", "dms.c5.24xlarge", "dms.c5.2xlarge",  "dms.c5.4xlarge",
    "dms.c5.9xlarge",  "dms.c5.large",    "dms.c5.xlarge",   "dms.c6i.2xlarge", "dms.c6i.4xlarge",
    "dms.c6i.large",   "dms.c6i.xlarge",  "dms.r5.12xlarge", "dms.r5.2xlarge",  "dms.r5.4xlarge",
    "dms.r5.large",    "dms.r5.xlarge",   "dms.r6i.2xlarge", "dms.r6i.4xlarge", "dms.r6i.large",
    "dms.r6i.xlarge",  "dms.t3.large",    "dms.t3.medium",   "dms.t3.micro",    "dms.t3.small"};
static_assert(std::ranges::is_sorted(classes));

struct Limit {
  std::string_view name;
  size_t max;
};
// In the order of Quota.
constexpr std::array<Limit, 4> limits = {
    {{"ReplicationInstances", 60}, {"SubnetGroups", 60}, {"Endpoints", 1000}, {"ReplicationTasks", 600}}};

struct EngineOffer {
  std::string_view name;
  std::string_view display;
};
constexpr std::array<EngineOffer, 2> engines = {
    {{"aurora-postgresql", "Amazon Aurora PostgreSQL"}, {"postgres", "PostgreSQL"}}};

}  // namespace

std::span<const std::string_view> engine_versions() { return versions; }
std::span<const std::string_view> instance_classes() { return classes; }

Outcome<void> check_engine_version(std::string_view version) {
  if (std::ranges::find(versions, version) != versions.end()) return {};
  return refuse(errors::invalid_parameter_value_exception(
      fmt::format("No replication engine found with version: {}. Versions: {}", version, join(versions, ", "))));
}

Outcome<void> check_instance_class(std::string_view name) {
  if (std::ranges::find(classes, name) != classes.end()) return {};
  return refuse(errors::invalid_parameter_value_exception(
      fmt::format("Invalid replication instance class '{}'. Classes: {}", name, join(classes, ", "))));
}

Outcome<void> check_storage(int32_t gib) {
  if (gib >= min_storage_gib && gib <= max_storage_gib) return {};
  return refuse(errors::invalid_parameter_value_exception(fmt::format(
      "Invalid AllocatedStorage {}: it must be between {} and {} GB", gib, min_storage_gib, max_storage_gib)));
}

Outcome<void> check_quota(Quota quota, size_t there) {
  const Limit& limit = limits.at(static_cast<size_t>(quota));
  if (there < limit.max) return {};
  return refuse(errors::resource_quota_exceeded_fault(
      fmt::format("The quota {} of {} is used up in this account and region.", limit.name, limit.max)));
}

Task<Outcome<api::DescribeAccountAttributesResponse>> Service::describe_account_attributes(
    aws::Call& call, api::DescribeAccountAttributesMessage) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto instances, load_all<InstanceRecord>(tx));
  CO_TRY(const auto groups, load_all<SubnetGroupRecord>(tx));
  CO_TRY(const auto endpoints, load_all<EndpointRecord>(tx));
  CO_TRY(const auto tasks, load_all<TaskRecord>(tx));
  const std::array used = {instances.size(), groups.size(), endpoints.size(), tasks.size()};
  api::DescribeAccountAttributesResponse output;
  output.account_quotas.emplace();
  for (size_t i = 0; i < limits.size(); ++i) {
    output.account_quotas->push_back({.account_quota_name = std::string(limits[i].name),
                                      .used = static_cast<int64_t>(used[i]),
                                      .max = static_cast<int64_t>(limits[i].max)});
  }
  output.unique_account_identifier = fmt::format("dms-{}-{}", call.region, call.account);
  co_return output;
}

Task<Outcome<api::DescribeEndpointTypesResponse>> Service::describe_endpoint_types(
    aws::Call&, api::DescribeEndpointTypesMessage input) {
  using Type = api::SupportedEndpointType;
  static const FilterTable<Type> table = {
      {"engine-name", [](const Type& t) { return t.engine_name.value_or(""); }},
      {"endpoint-type", [](const Type& t) { return t.endpoint_type.value_or(""); }}};
  std::vector<Type> all;
  for (const EngineOffer& engine : engines) {
    for (const char* type : {"source", "target"}) {
      all.push_back({.engine_name = std::string(engine.name),
                     .supports_cdc = true,
                     .endpoint_type = type,
                     .replication_instance_engine_minimum_version = std::string(versions.front()),
                     .engine_display_name = std::string(engine.display)});
    }
  }
  CO_TRY(all, filtered(std::move(all), input.filters, table, "endpoint types"));
  api::DescribeEndpointTypesResponse output;
  CO_TRY(output.supported_endpoint_types,
         page(std::move(all), input.marker, input.max_records, output.marker,
              [](const Type& t) { return t.engine_name.value_or("") + " " + t.endpoint_type.value_or(""); }));
  co_return output;
}

Task<Outcome<api::DescribeEngineVersionsResponse>> Service::describe_engine_versions(
    aws::Call&, api::DescribeEngineVersionsMessage input) {
  std::vector<api::EngineVersion> all;
  for (size_t i = 0; i < versions.size(); ++i) {
    api::EngineVersion version;
    version.version = std::string(versions[i]);
    version.release_status = "prod";
    version.available_upgrades.emplace(versions.begin() + static_cast<ptrdiff_t>(i) + 1, versions.end());
    all.push_back(std::move(version));
  }
  api::DescribeEngineVersionsResponse output;
  CO_TRY(output.engine_versions, page(std::move(all), input.marker, input.max_records, output.marker,
                                      [](const api::EngineVersion& v) { return v.version.value_or(""); }));
  co_return output;
}

Task<Outcome<api::DescribeOrderableReplicationInstancesResponse>> Service::describe_orderable_replication_instances(
    aws::Call& call, api::DescribeOrderableReplicationInstancesMessage input) {
  using Offer = api::OrderableReplicationInstance;
  std::vector<Offer> all;
  for (const auto& version : versions) {
    for (const auto& name : classes) {
      Offer offer;
      offer.engine_version = std::string(version);
      offer.replication_instance_class = std::string(name);
      offer.storage_type = "gp2";
      offer.min_allocated_storage = min_storage_gib;
      offer.max_allocated_storage = max_storage_gib;
      offer.default_allocated_storage = default_storage_gib;
      offer.included_allocated_storage = default_storage_gib;
      offer.availability_zones = tools_.network.availability_zones(call.region);
      offer.release_status = "prod";
      all.push_back(std::move(offer));
    }
  }
  api::DescribeOrderableReplicationInstancesResponse output;
  CO_TRY(output.orderable_replication_instances,
         page(std::move(all), input.marker, input.max_records, output.marker, [](const Offer& o) {
           return o.engine_version.value_or("") + " " + o.replication_instance_class.value_or("");
         }));
  co_return output;
}

}  // namespace boreal::dms
