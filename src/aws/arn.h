// ARNs and the wildcards of IAM.
// Source: IAM User Guide, "Amazon Resource Names (ARNs)" and "IAM JSON policy elements: Resource".
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace boreal::aws {

// "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"; only the resource may hold further colons.
struct Arn {
  std::string partition;
  std::string service;
  std::string region;   // empty for IAM and S3
  std::string account;  // empty for S3 buckets
  std::string resource;

  bool operator==(const Arn&) const = default;
  std::string to_string() const;

  // nullopt unless it begins with "arn:", has all six parts, and partition, service and resource are not empty.
  static std::optional<Arn> parse(std::string_view text);
};

// The six parts of an ARN, "arn" first, as views into the text; nullopt when there are fewer. Nothing else is checked.
std::optional<std::array<std::string_view, 6>> split_arn(std::string_view text);

// A pattern in which '*' stands for any run of characters and '?' for any one (UTF-8; what is none counts byte by
// byte). Built once, matched often.
class Glob {
 public:
  Glob() = default;
  explicit Glob(std::string_view pattern) { add_pattern(pattern); }

  // Appends text whose '*' and '?' are wildcards; text that stands for itself; any run of characters.
  void add_pattern(std::string_view pattern);
  void add_literal(std::string_view text);
  void add_any_run();
  void add(const Glob& other) { symbols_ += other.symbols_; }

  // Takes at most |text| x |pattern| / 64 steps, whatever the pattern.
  bool matches(std::string_view text) const;
  // The same, ASCII letters compared without case.
  bool matches_ignoring_case(std::string_view text) const;

 private:
  std::u32string symbols_;  // characters and the two wildcards, so that none needs escaping
};

// Whether the ARN fits the pattern. Wildcards in the first five parts do not reach beyond a colon, those in the
// resource do.
// "*" fits everything. A pattern with fewer than six parts fits nothing, unless it ends in '*', which then takes the
// rest.
bool arn_matches(std::string_view pattern, std::string_view arn);

}  // namespace boreal::aws
