// Recovery points, looked up as callers name them.
#pragma once

#include <fmt/format.h>

#include <string>

#include "api/backup/errors.h"
#include "aws/error.h"
#include "backup/resources.h"

namespace boreal::backup {

// Restore metadata that an engine keeps for itself: not shown to callers, and not taken from them.
inline bool is_internal(std::string_view metadata_key) { return metadata_key.starts_with("boreal:"); }

// By ARN; InvalidParameterValueException when it is none, ResourceNotFoundException when there is no such point.
template <class From>
aws::Outcome<PointRecord> need_point(const From& from, const std::string& arn) {
  const size_t colon = arn.rfind(':');
  if (!arn.starts_with("arn:") || colon == std::string::npos) {
    return aws::refuse(
        api::errors::invalid_parameter_value_exception(fmt::format("Invalid recovery point ARN: {}", arn)));
  }
  TRY(auto point, load<PointRecord>(from, point_key(arn.substr(colon + 1))));
  if (!point || point->arn != arn) {
    return aws::refuse(
        api::errors::resource_not_found_exception(fmt::format("Recovery point {} does not exist.", arn)));
  }
  return std::move(*point);
}

// The same, in that vault only.
template <class From>
aws::Outcome<PointRecord> need_point(const From& from, const std::string& vault, const std::string& arn) {
  TRY(const auto known, need_vault(from, vault));
  TRY(auto point, need_point(from, arn));
  if (point.vault == known.name) return point;
  return aws::refuse(
      api::errors::resource_not_found_exception(fmt::format("Recovery point {} is not in vault {}.", arn, vault)));
}

}  // namespace boreal::backup
