#include <fmt/format.h>

#include "postgres/cluster.h"

namespace boreal::postgres {

// One line each: "primary NAME", "safe NAME", "diverged NAME".
std::string ClusterState::to_text() const {
  std::string text = fmt::format("primary {}\n", primary);
  for (const auto& name : safe) text += fmt::format("safe {}\n", name);
  for (const auto& name : diverged) text += fmt::format("diverged {}\n", name);
  return text;
}

Result<ClusterState> ClusterState::parse(std::string_view text) {
  ClusterState state;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const size_t space = line.find(' ');
    if (end == std::string_view::npos || space == std::string_view::npos) {
      return fail(Errc::corrupt, fmt::format("a cluster's state has the unreadable line '{}'", line));
    }
    const std::string_view kind = line.substr(0, space);
    const std::string name(line.substr(space + 1));
    if (kind == "primary") {
      state.primary = name;
    } else if (kind == "safe") {
      state.safe.insert(name);
    } else if (kind == "diverged") {
      state.diverged.insert(name);
    } else {
      return fail(Errc::corrupt, fmt::format("a cluster's state has a line of the unknown kind '{}'", kind));
    }
    text.remove_prefix(end + 1);
  }
  return state;
}

}  // namespace boreal::postgres
