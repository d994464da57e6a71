// application/x-www-form-urlencoded, the body of an HTML form.
#pragma once

#include <string_view>
#include <vector>

#include "codec/percent.h"

namespace boreal::codec {

inline Result<std::vector<NamedValue>> parse_form(std::string_view body, size_t max_pairs = 10'000) {
  return parse_query(body, max_pairs);
}

}  // namespace boreal::codec
