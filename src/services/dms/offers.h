// What can be had: instance classes, engine versions, quotas.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "aws/error.h"

namespace boreal::dms {

inline constexpr int32_t min_storage_gib = 5;
inline constexpr int32_t max_storage_gib = 6144;
inline constexpr int32_t default_storage_gib = 50;

// Oldest first; the last is the default.
std::span<const std::string_view> engine_versions();
std::span<const std::string_view> instance_classes();

aws::Outcome<void> check_engine_version(std::string_view version);
aws::Outcome<void> check_instance_class(std::string_view name);
aws::Outcome<void> check_storage(int32_t gib);

enum class Quota { instances, subnet_groups, endpoints, tasks };
// ResourceQuotaExceededFault when no more than `there` may be there.
aws::Outcome<void> check_quota(Quota quota, size_t there);

}  // namespace boreal::dms
