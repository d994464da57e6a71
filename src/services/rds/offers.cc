// What can be had here: versions that run, and what goes with them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "codec/hex.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "io/file.h"
#include "rds/service.h"
#include "rds/validate.h"

namespace boreal::rds {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr const char* engine_name = "aurora-postgresql";
constexpr const char* license = "postgresql-license";
constexpr const char* authority_name = "rds-ca-rsa2048-g1";
// Classes that data tiers usually name. Any class is taken: it is a name here, the machine is what it is.
constexpr std::array offered_classes = {"db.t3.medium", "db.t3.large",  "db.t4g.medium", "db.t4g.large",
                                        "db.r5.large",  "db.r5.xlarge", "db.r6g.large",  "db.r6g.xlarge",
                                        "db.r6i.large", "db.r7g.large", "db.r5.2xlarge", "db.r6g.2xlarge"};

api::DBEngineVersion offer(const std::string& version, int major, const postgres::Installation& served_by) {
  api::DBEngineVersion out;
  out.engine = engine_name;
  out.major_engine_version = std::to_string(major);
  out.engine_version = version;
  out.db_parameter_group_family = fmt::format("{}{}", engine_name, major);
  out.db_engine_description = "Aurora PostgreSQL on PostgreSQL of this machine";
  out.db_engine_version_description = major == served_by.major
                                          ? fmt::format("PostgreSQL {}", served_by.version)
                                          : fmt::format("{} served by PostgreSQL {}", version, served_by.version);
  out.valid_upgrade_target.emplace();
  out.exportable_log_types = {"postgresql"};
  out.supports_log_exports_to_cloudwatch_logs = true;
  out.supports_read_replica = false;
  out.supported_engine_modes = {"provisioned"};
  out.supported_feature_names.emplace();
  out.status = "available";
  out.supports_parallel_query = false;
  out.supports_global_databases = false;
  out.supports_babelfish = false;
  out.supported_ca_certificate_identifiers = {authority_name};
  out.supports_certificate_rotation_without_restart = true;
  return out;
}

Outcome<void> apply_filters(std::vector<api::DBEngineVersion>& versions, const std::vector<api::Filter>& filters) {
  for (const auto& filter : filters) {
    const auto lacks = [&](const std::optional<std::string>& value) {
      return std::ranges::find(filter.values, value.value_or("")) == filter.values.end();
    };
    if (filter.name == "engine") {
      std::erase_if(versions, [&](const auto& v) { return lacks(v.engine); });
    } else if (filter.name == "engine-version") {
      std::erase_if(versions, [&](const auto& v) { return lacks(v.engine_version); });
    } else if (filter.name == "db-parameter-group-family") {
      std::erase_if(versions, [&](const auto& v) { return lacks(v.db_parameter_group_family); });
    } else if (filter.name == "status") {
      std::erase_if(versions, [&](const auto& v) { return lacks(v.status); });
    } else if (filter.name == "engine-mode") {
      if (lacks("provisioned")) versions.clear();
    } else {
      return refuse(unknown_filter(filter.name));
    }
  }
  return {};
}

}  // namespace

Task<Outcome<api::DBEngineVersionMessage>> Service::describe_db_engine_versions(
    aws::Call&, api::DescribeDBEngineVersionsMessage input) {
  CO_TRY(const auto served, co_await engines_.served());
  std::vector<api::DBEngineVersion> versions;
  if (input.engine.value_or(engine_name) == engine_name) {
    if (input.engine_version) {
      const auto found = co_await engines_.resolve(*input.engine_version);
      if (found) versions.push_back(offer(found->asked, found->asked_major, *found->installation));
    } else if (input.default_only.value_or(false)) {
      const auto newest = co_await engines_.resolve("");
      if (newest) versions.push_back(offer(newest->asked, newest->asked_major, *newest->installation));
    } else {
      for (const auto& [major, installation] : served) {
        const bool own = major == installation->major;
        versions.push_back(offer(own ? installation->version : std::to_string(major), major, *installation));
      }
    }
  }
  if (input.db_parameter_group_family) {
    std::erase_if(versions,
                  [&](const auto& v) { return v.db_parameter_group_family != *input.db_parameter_group_family; });
  }
  CO_CHECK(apply_filters(versions, input.filters.value_or(std::vector<api::Filter>())));
  api::DBEngineVersionMessage output;
  CO_TRY(output.db_engine_versions, page(std::move(versions), input.marker, input.max_records, output.marker,
                                         [](const api::DBEngineVersion& v) { return *v.engine_version; }));
  co_return output;
}

Task<Outcome<api::OrderableDBInstanceOptionsMessage>> Service::describe_orderable_db_instance_options(
    aws::Call& call, api::DescribeOrderableDBInstanceOptionsMessage input) {
  std::vector<api::OrderableDBInstanceOption> options;
  std::vector<std::string> versions;
  // All are in a VPC, under one license.
  const bool meant = input.vpc.value_or(true) && input.license_model.value_or(license) == license;
  if (input.engine == engine_name && meant) {
    if (input.engine_version) {
      if (const auto found = co_await engines_.resolve(*input.engine_version)) versions.push_back(found->asked);
    } else {
      CO_TRY(const auto served, co_await engines_.served());
      for (const auto& [major, installation] : served) {
        versions.push_back(major == installation->major ? installation->version : std::to_string(major));
      }
    }
  }
  const bool encrypts = options_.allow_unencrypted_storage || (co_await engines_.storage()).has_value();
  std::vector<api::AvailabilityZone> zones;
  for (const auto& zone : network_.availability_zones(call.region)) zones.push_back({zone});
  for (const auto& version : versions) {
    for (const std::string name : offered_classes) {
      if (input.db_instance_class && *input.db_instance_class != name) continue;
      api::OrderableDBInstanceOption option;
      option.engine = engine_name;
      option.engine_version = version;
      option.db_instance_class = name;
      option.license_model = license;
      option.availability_zones = zones;
      option.multi_az_capable = false;
      option.read_replica_capable = false;
      option.vpc = true;
      option.supports_storage_encryption = encrypts;
      option.storage_type = "aurora";
      option.supports_iops = false;
      option.supports_enhanced_monitoring = true;
      option.supports_iam_database_authentication = false;
      option.supports_performance_insights = true;
      option.supported_engine_modes = {"provisioned"};
      option.supported_network_types = {"IPV4"};
      option.supports_global_databases = false;
      option.supports_clusters = true;
      options.push_back(std::move(option));
    }
  }
  const auto name = [](const api::OrderableDBInstanceOption& o) {
    return *o.engine_version + "/" + *o.db_instance_class;
  };
  std::ranges::sort(options, {}, name);
  // Of all lists this one alone has pages this long. Source: RDS API Reference, DescribeOrderableDBInstanceOptions.
  constexpr int32_t most = 1000;
  api::OrderableDBInstanceOptionsMessage output;
  CO_TRY(output.orderable_db_instance_options,
         page(std::move(options), input.marker, input.max_records, output.marker, name, most));
  co_return output;
}

// The one authority that signs the databases' certificates.
Task<Outcome<api::CertificateMessage>> Service::describe_certificates(aws::Call& call,
                                                                      api::DescribeCertificatesMessage input) {
  api::CertificateMessage output;
  output.default_certificate_for_new_launches = authority_name;
  output.certificates.emplace();
  if (input.certificate_identifier && *input.certificate_identifier != authority_name) {
    co_return refuse(errors::certificate_not_found_fault(
        fmt::format("Certificate not found: {}; there is {}.", *input.certificate_identifier, authority_name)));
  }
  CO_TRY(const auto pem, co_await context_.pool.run([&] { return io::read_file(options_.authority_certificate); }));
  CO_TRY(const auto info, crypto::read_certificate(pem));
  api::Certificate certificate;
  certificate.certificate_identifier = authority_name;
  certificate.certificate_type = "CA";
  certificate.thumbprint = codec::hex_encode(as_bytes(info.serial));
  certificate.valid_from = info.validity.not_before;
  certificate.valid_till = info.validity.not_after;
  certificate.certificate_arn = fmt::format("arn:aws:rds:{}::cert:{}", call.region, authority_name);
  certificate.customer_override = false;
  output.certificates->push_back(std::move(certificate));
  co_return output;
}

// None can be made here, so there are none.
Task<Outcome<api::GlobalClustersMessage>> Service::describe_global_clusters(aws::Call&,
                                                                            api::DescribeGlobalClustersMessage input) {
  if (input.global_cluster_identifier) {
    co_return refuse(errors::global_cluster_not_found_fault(
        fmt::format("Global cluster {} not found.", *input.global_cluster_identifier)));
  }
  api::GlobalClustersMessage output;
  output.global_clusters.emplace();
  co_return output;
}

}  // namespace boreal::rds
