#include "aws/region.h"

#include <algorithm>

#include "base/text.h"

namespace boreal::aws {

bool is_region_name(std::string_view text) {
  constexpr size_t max_bytes = 32;
  return !text.empty() && text.size() <= max_bytes &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; });
}

bool has_form_of_aws_region(std::string_view text) {
  return is_region_name(text) && text.contains('-') && is_digit(text.back());
}

}  // namespace boreal::aws
