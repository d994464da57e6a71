#include "s3/ranges.h"

#include <algorithm>
#include <limits>

#include "api/s3/errors.h"
#include "base/text.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {

struct Ends {
  std::optional<uint64_t> first;  // none: the last `last` bytes
  std::optional<uint64_t> last;   // none: to the end
};

// A number that is too large to be read lies behind the end of every object.
std::optional<uint64_t> parse_end(std::string_view digits) {
  if (digits.empty() || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
  const auto end = parse_uint(digits);
  return end ? *end : std::numeric_limits<uint64_t>::max();
}

std::optional<Ends> parse_ends(std::string_view header) {
  constexpr std::string_view unit = "bytes=";
  // Units are read in any case. Source: RFC 9110, section 14.1.
  if (!equal_ignoring_case(header.substr(0, unit.size()), unit) || header.find(',') != std::string_view::npos)
    return std::nullopt;
  const std::string_view text = trim(header.substr(unit.size()));
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.size() == 1) return std::nullopt;
  Ends ends;
  if (dash > 0) {
    ends.first = parse_end(text.substr(0, dash));
    if (!ends.first) return std::nullopt;
  }
  if (dash + 1 < text.size()) {
    ends.last = parse_end(text.substr(dash + 1));
    if (!ends.last) return std::nullopt;
  }
  if (ends.first && ends.last && *ends.last < *ends.first) return std::nullopt;
  return ends;
}

aws::ApiError not_satisfiable(const std::string& header, uint64_t size) {
  return errors::invalid_range("The requested range is not satisfiable")
      .with("RangeRequested", header)
      .with("ActualObjectSize", std::to_string(size));
}

}  // namespace

Outcome<std::optional<objects::Range>> parse_range(const std::string& header, uint64_t size) {
  const auto ends = parse_ends(header);
  if (!ends) return std::nullopt;
  if (!ends->first) {
    if (*ends->last == 0) return refuse(not_satisfiable(header, size));
    if (size == 0) return std::nullopt;  // the last bytes of nothing are all there is: RFC 9110, 14.1.2
    const uint64_t count = std::min(*ends->last, size);
    return objects::Range{size - count, count};
  }
  if (*ends->first >= size) return refuse(not_satisfiable(header, size));
  const uint64_t last = std::min(ends->last.value_or(size - 1), size - 1);
  return objects::Range{*ends->first, last - *ends->first + 1};
}

Outcome<objects::Range> parse_copy_range(const std::string& header, uint64_t size) {
  const auto ends = parse_ends(header);
  if (!ends || !ends->first || !ends->last) {
    return refuse(errors::invalid_argument(
                      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are "
                      "the zero-based offsets of the first and last bytes to copy")
                      .with("ArgumentName", "x-amz-copy-source-range")
                      .with("ArgumentValue", header));
  }
  if (*ends->first >= size) {
    return refuse(errors::invalid_request("The specified copy range is invalid for the source object size"));
  }
  if (*ends->last >= size) {
    return refuse(
        errors::invalid_argument("Range specified is not valid for source object of size: " + std::to_string(size))
            .with("ArgumentName", "x-amz-copy-source-range")
            .with("ArgumentValue", header));
  }
  return objects::Range{*ends->first, *ends->last - *ends->first + 1};
}

}  // namespace boreal::s3
