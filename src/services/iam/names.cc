#include "iam/names.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/iam/errors.h"
#include "aws/arn.h"
#include "base/bytes.h"

namespace boreal::iam {

namespace {

constexpr std::string_view base32_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr size_t access_key_digits = 16;
constexpr uint64_t account_limit = 1'000'000'000'000;
// The first 48 of an access key id's 80 bits: one that is set, 40 of the account, 7 of chance.
constexpr int account_shift = 7;
constexpr uint64_t marker_bit = uint64_t{1} << 47;

bool is_name_character(char c) {
  const char lower = to_lower(c);
  return is_digit(c) || (lower >= 'a' && lower <= 'z') || std::string_view("_+=,.@-").find(c) != std::string_view::npos;
}

}  // namespace

std::string make_unique_id(std::string_view prefix, Random& random) {
  return std::string(prefix) + random.pick(base32_digits, 17);
}

std::string_view id_prefix(Kind kind) { return kind == Kind::user ? "AIDA" : kind == Kind::group ? "AGPA" : "AROA"; }

std::string make_access_key_id(std::string_view prefix, std::string_view account, Random& random) {
  uint64_t number = 0;
  for (const char c : account) number = number * 10 + static_cast<uint64_t>(c - '0');
  const uint64_t head = marker_bit | number << account_shift | random.below(uint64_t{1} << account_shift);
  // 48 bits are nine digits and three bits of the tenth.
  std::string id(prefix);
  for (int shift = 43; shift >= 3; shift -= 5) id += base32_digits[head >> shift & 31];
  id += base32_digits[(head & 7) << 2 | random.below(4)];
  return id += random.pick(base32_digits, 6);
}

std::optional<std::string> account_of_access_key(std::string_view id) {
  if (id.size() != 4 + access_key_digits || (!id.starts_with("AKIA") && !id.starts_with("ASIA"))) return std::nullopt;
  uint64_t head = 0;
  for (size_t i = 0; i < access_key_digits; ++i) {
    const size_t digit = base32_digits.find(id[4 + i]);
    if (digit == std::string_view::npos) return std::nullopt;
    if (i < 9) head = head << 5 | digit;
    if (i == 9) head = head << 3 | digit >> 2;
  }
  const uint64_t account = (head & ~marker_bit) >> account_shift;
  if ((head & marker_bit) == 0 || account >= account_limit) return std::nullopt;
  return fmt::format("{:012}", account);
}

std::string arn_of(std::string_view account, Kind kind, const Entity& entity) {
  return fmt::format("arn:aws:iam::{}:{}{}{}", account, word(kind), entity.path, entity.name);
}
std::string arn_of(std::string_view account, const ManagedPolicy& policy) {
  return fmt::format("arn:aws:iam::{}:policy{}{}", account, policy.path, policy.name);
}
std::string arn_of(std::string_view account, const InstanceProfile& profile) {
  return fmt::format("arn:aws:iam::{}:instance-profile{}{}", account, profile.path, profile.name);
}
std::string root_arn(std::string_view account) { return fmt::format("arn:aws:iam::{}:root", account); }

std::optional<ResourceName> parse_resource(std::string_view text) {
  const auto arn = aws::Arn::parse(text);
  if (!arn || arn->partition != "aws" || arn->service != "iam" || !arn->region.empty()) return std::nullopt;
  if (arn->account != "aws" && !is_account_id(arn->account)) return std::nullopt;
  const size_t first = arn->resource.find('/');
  const size_t last = arn->resource.rfind('/');
  if (first == std::string::npos || last + 1 == arn->resource.size()) return std::nullopt;
  return ResourceName{.account = arn->account,
                      .type = arn->resource.substr(0, first),
                      .path = arn->resource.substr(first, last - first + 1),
                      .name = arn->resource.substr(last + 1)};
}

aws::Outcome<void> check_name(std::string_view member, std::string_view name, size_t max) {
  if (!name.empty() && name.size() <= max && std::ranges::all_of(name, is_name_character)) return {};
  return aws::refuse(api::iam::errors::validation_error(
      fmt::format("The specified value for {} is invalid. It must contain only alphanumeric characters and/or the "
                  "following: +=,.@_- and have 1 to {} of them.",
                  member, max)));
}

aws::Outcome<void> check_path(std::string_view path) {
  const bool printable = std::ranges::all_of(path, [](char c) { return c >= '!' && c <= '~'; });
  if (printable && path.size() <= 512 && path.starts_with('/') && path.ends_with('/')) return {};
  return aws::refuse(api::iam::errors::validation_error(
      "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters "
      "and/or / characters."));
}

bool is_account_id(std::string_view text) { return text.size() == 12 && std::ranges::all_of(text, is_digit); }

}  // namespace boreal::iam
