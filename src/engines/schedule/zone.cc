#include "schedule/zone.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "io/file.h"

namespace boreal::schedule {

namespace {

constexpr int max_offset_seconds = 26 * 3600;  // RFC 9636 allows a little under 26 hours
constexpr size_t header_bytes = 44;

int64_t floor_divide(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

bool is_zone_name(std::string_view name) {
  const auto allowed = [](char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '/' || c == '_' || c == '-' || c == '+';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '/' && std::ranges::all_of(name, allowed);
}

uint32_t get_be32(std::string_view in) {
  return static_cast<uint32_t>(get_be64(std::string(4, '\0').append(in.substr(0, 4))));
}

// The counts in a TZif header, and how long the block is that follows it.
struct Header {
  uint32_t utc_flags;
  uint32_t standard_flags;
  uint32_t leaps;
  uint32_t times;
  uint32_t types;
  uint32_t name_bytes;

  static std::optional<Header> read(std::string_view content) {
    if (content.size() < header_bytes || !content.starts_with("TZif")) return std::nullopt;
    const auto count = [&](size_t i) { return get_be32(content.substr(20 + 4 * i)); };
    return Header{count(0), count(1), count(2), count(3), count(4), count(5)};
  }
  uint64_t block_bytes(uint64_t time_bytes) const {
    return times * (time_bytes + 1) + uint64_t{types} * 6 + name_bytes + leaps * (time_bytes + 4) + standard_flags +
           utc_flags;
  }
};

}  // namespace

Result<Zone> Zone::load(std::string_view name, const std::string& database) {
  if (name == "UTC") return utc();
  const auto unknown = [&] {
    return fail(Errc::invalid, fmt::format("'{}' is not a time zone known here: an IANA name such as Europe/Berlin or "
                                           "UTC is expected",
                                           name.substr(0, 64)));
  };
  if (!is_zone_name(name)) return unknown();
  const auto content = io::read_file(database + "/" + std::string(name), 1 << 20);
  if (!content) {
    // A name may be a folder ("Europe") as well as nothing at all.
    const bool database_there = io::exists(database).value_or(false);
    if (database_there) return unknown();
    return fail(Errc::unavailable, "the time zone database is not at " + database + " (the package tzdata has it)");
  }
  if (!content->starts_with("TZif")) return unknown();  // the database's own lists lie beside the zones
  return parse(std::string(name), *content);
}

Result<Zone> Zone::parse(std::string name, std::string_view content) {
  const auto corrupt = [&](std::string_view what) {
    return fail(Errc::corrupt, fmt::format("time zone {}: {}", name, what));
  };
  // The first block is for readers of before 2005; the second has 64-bit times and a rule behind it.
  const auto old_header = Header::read(content);
  if (!old_header) return corrupt("not a TZif file");
  if (content[4] < '2') return corrupt("a TZif file of version 1, which ends in 2037");
  const uint64_t skip = header_bytes + old_header->block_bytes(4);
  if (skip > content.size()) return corrupt("cut short");
  content.remove_prefix(skip);
  const auto header = Header::read(content);
  if (!header || header_bytes + header->block_bytes(8) > content.size()) return corrupt("cut short");
  if (header->leaps != 0) return corrupt("counts leap seconds, which UTC times here do not");
  if (header->types == 0 || header->types > 256) return corrupt("has no types of local time");
  const std::string_view times = content.substr(header_bytes);
  const std::string_view type_of = times.substr(uint64_t{header->times} * 8);
  const std::string_view types = type_of.substr(header->times);
  const auto offset_of_type = [&](size_t type) { return static_cast<int32_t>(get_be32(types.substr(type * 6))); };

  Zone zone;
  zone.first_offset_seconds_ = offset_of_type(0);
  for (uint32_t i = 0; i < header->times; ++i) {
    const auto type = static_cast<unsigned char>(type_of[i]);
    if (type >= header->types) return corrupt("names a type of local time that it does not have");
    const auto at = static_cast<int64_t>(get_be64(times.substr(uint64_t{i} * 8)));
    if (!zone.transitions_.empty() && at <= zone.transitions_.back()) return corrupt("its times do not ascend");
    zone.transitions_.push_back(at);
    zone.offsets_.push_back(offset_of_type(type));
  }
  for (uint32_t type = 0; type < header->types; ++type) {
    if (std::abs(int64_t{offset_of_type(type)}) > max_offset_seconds) return corrupt("an offset of more than 26 hours");
  }
  std::string_view footer = content.substr(header_bytes + header->block_bytes(8));
  if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') return corrupt("has no rule at its end");
  footer = footer.substr(1, footer.size() - 2);
  if (!footer.empty()) {
    TRY(zone.rule_, YearlyRule::parse(footer));
  }
  zone.name_ = std::move(name);
  return zone;
}

int Zone::offset_at(int64_t utc_seconds) const {
  const auto next = std::ranges::upper_bound(transitions_, utc_seconds);
  if (next == transitions_.end() && rule_) return rule_->offset_at(utc_seconds);
  if (next == transitions_.begin()) return first_offset_seconds_;
  return offsets_[static_cast<size_t>(next - transitions_.begin()) - 1];
}

int Zone::offset_seconds_at(Time when) const { return offset_at(floor_divide(when.ms, 1000)); }

LocalSeconds Zone::to_local(Time when) const {
  const int64_t utc_seconds = floor_divide(when.ms, 1000);
  return utc_seconds + offset_at(utc_seconds);
}

std::optional<Time> Zone::from_local(LocalSeconds local) const {
  // An offset that makes it true is in force within 26 hours of `local` read as UTC. Half of that as the step misses
  // none: no zone has two changes within half a day.
  std::optional<Time> first;
  for (int step = -2; step <= 2; ++step) {
    const int offset = offset_at(local + step * (max_offset_seconds / 2));
    const int64_t utc_seconds = local - offset;
    const Time candidate{utc_seconds * 1000};
    if (offset_at(utc_seconds) == offset && (!first || candidate < *first)) first = candidate;
  }
  return first;
}

}  // namespace boreal::schedule
