// What a word that nobody knows was probably meant to be.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace boreal {

// How many letters have to be put in, taken out or changed to make one of the other (Levenshtein).
size_t edit_distance(std::string_view a, std::string_view b);

// The name that is nearest to `word`, if any is near enough to be meant: a third of its letters may differ, and two.
template <class Names>
std::optional<std::string> nearest(const Names& names, std::string_view word) {
  size_t least = std::max<size_t>(2, word.size() / 3) + 1;
  std::optional<std::string> best;
  for (const std::string_view name : names) {
    const size_t distance = edit_distance(word, name);
    if (distance >= least) continue;
    least = distance;
    best = name;
  }
  return best;
}

}  // namespace boreal
