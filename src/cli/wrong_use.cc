#include "cli/wrong_use.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <vector>

#include "base/nearest.h"
#include "base/text.h"

namespace boreal::cli {

namespace {

std::vector<std::string> subcommands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string or_rather(const std::vector<std::string>& names, const std::string& word) {
  const auto meant = nearest(names, word);
  return meant ? fmt::format("; did you mean {}?", *meant) : "";
}

// `before`: what stood before the subcommand, and was none.
std::string explain(const CLI::App& at, const std::vector<std::string>& before, const std::string& command,
                    const CLI::Error& error) {
  const auto left = at.remaining().empty() ? before : at.remaining();
  const auto subcommands = subcommands_of(at);
  const std::string word = left.empty() ? "" : left.front().substr(0, left.front().find('='));
  if (word.starts_with('-')) return fmt::format("{} has no {}{}", command, word, or_rather(flags_of(at), word));
  if (!subcommands.empty()) {
    if (word.empty()) return fmt::format("{} what? One of: {}", command, join(subcommands, ", "));
    return fmt::format("{} has no subcommand '{}'{}", command, word, or_rather(subcommands, word));
  }
  if (!word.empty()) return fmt::format("{} has no use for '{}'", command, join(left, " "));
  return fmt::format("{}: {}", command, error.what());
}

}  // namespace

std::string wrong_use(const CLI::App* app, const CLI::Error& error) {
  const auto* at = app;
  std::string command = at->get_name();
  for (auto chosen = at->get_subcommands(); !chosen.empty(); chosen = at->get_subcommands()) {
    at = chosen.front();
    command += " " + at->get_name();
  }
  return fmt::format("{}\nSee: {} --help\n", explain(*at, app->remaining(), command, error), command);
}

}  // namespace boreal::cli
