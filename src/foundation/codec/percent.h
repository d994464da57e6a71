// Percent encoding (RFC 3986) and query strings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace boreal::codec {

enum class Slash { encode, keep };

// Leaves A-Z a-z 0-9 - _ . ~ as they are and writes every other byte as %XX in upper case. This is the
// canonical form that request signatures are computed over: a path keeps its slashes, all else does not.
std::string percent_encode(std::string_view text, Slash slash = Slash::encode);

// What '+' stands for: a space in a query and in the paths of some services, else itself.
enum class Plus { plus, space };

// Refuses a % that is not followed by two hexadecimal digits.
Result<std::string> percent_decode(std::string_view text, Plus plus = Plus::plus);

// The same, but leaves such a % standing.
std::string percent_decode_leniently(std::string_view text, Plus plus = Plus::plus);

struct NamedValue {
  std::string name;
  std::string value;
  bool operator==(const NamedValue&) const = default;
};

// What follows the '?' of a URL: pairs in the order given, names and values decoded; a name without '='
// has an empty value; empty pieces ("a=1&&b=2") are dropped. More than `max_pairs` are refused. '+' is a space.
Result<std::vector<NamedValue>> parse_query(std::string_view text, size_t max_pairs = 1000);

}  // namespace boreal::codec
