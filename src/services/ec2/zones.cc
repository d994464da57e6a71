#include "ec2/zones.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace boreal::ec2 {

namespace {

constexpr std::array<RegionInfo, 34> all_regions{{
    {"af-south-1", true},      {"ap-east-1", true},       {"ap-east-2", true},      {"ap-northeast-1", false},
    {"ap-northeast-2", false}, {"ap-northeast-3", false}, {"ap-south-1", false},    {"ap-south-2", true},
    {"ap-southeast-1", false}, {"ap-southeast-2", false}, {"ap-southeast-3", true}, {"ap-southeast-4", true},
    {"ap-southeast-5", true},  {"ap-southeast-6", true},  {"ap-southeast-7", true}, {"ca-central-1", false},
    {"ca-west-1", true},       {"eu-central-1", false},   {"eu-central-2", true},   {"eu-north-1", false},
    {"eu-south-1", true},      {"eu-south-2", true},      {"eu-west-1", false},     {"eu-west-2", false},
    {"eu-west-3", false},      {"il-central-1", true},    {"me-central-1", true},   {"me-south-1", true},
    {"mx-central-1", true},    {"sa-east-1", false},      {"us-east-1", false},     {"us-east-2", false},
    {"us-west-1", false},      {"us-west-2", false},
}};

// "us-east-1" -> "use1", "ap-southeast-2" -> "apse2": how zone ids begin.
std::string short_name(std::string_view region) {
  std::string out;
  for (std::string_view part : split(region, '-')) {
    if (out.empty()) {
      out = part;
      continue;
    }
    for (const std::string_view side : {"north", "south", "east", "west"}) {
      if (!part.starts_with(side)) continue;
      out += side.front();
      part.remove_prefix(side.size());
    }
    out += part.substr(0, 1);
  }
  return out;
}

size_t zone_count(std::string_view region) {
  if (region == "us-east-1") return 6;
  if (region == "us-west-2") return 4;
  return 3;
}

}  // namespace

std::span<const RegionInfo> regions() { return all_regions; }

std::vector<Zone> zones(std::string_view region) {
  const std::string prefix = short_name(region);
  std::vector<Zone> all;
  for (size_t i = 0; i < zone_count(region); ++i) {
    all.push_back({fmt::format("{}{}", region, static_cast<char>('a' + i)), fmt::format("{}-az{}", prefix, i + 1)});
  }
  return all;
}

std::optional<Zone> find_zone(std::string_view region, std::string_view name_or_id) {
  for (Zone& zone : zones(region)) {
    if (zone.name == name_or_id || zone.id == name_or_id) return std::move(zone);
  }
  return std::nullopt;
}

}  // namespace boreal::ec2
