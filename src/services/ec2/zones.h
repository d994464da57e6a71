// Regions and their availability zones, by AWS's names.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace boreal::ec2 {

struct Zone {
  std::string name;  // "us-east-1a"
  std::string id;    // "use1-az1"
};

struct RegionInfo {
  std::string_view name;
  bool opt_in = false;  // on AWS an account must ask for it
};

std::span<const RegionInfo> regions();

// At least three, whatever the region is called.
std::vector<Zone> zones(std::string_view region);
std::optional<Zone> find_zone(std::string_view region, std::string_view name_or_id);

}  // namespace boreal::ec2
