#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

namespace boreal::cli {

namespace {

std::string words_of(const CLI::App& app) {
  std::string words;
  for (const auto* command : app.get_subcommands({})) words += command->get_name() + " ";
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) words += "--" + name + " ";
  }
  if (!words.empty()) words.pop_back();
  return words;
}

// What an option takes, if that is one of a few words: they are the only thing that CLI11 puts into braces, as in
// "TEXT:{text,json}".
std::string values_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t open = type.find('{');
  if (open == std::string::npos) return "";
  std::string values = type.substr(open + 1, type.find('}') - open - 1);
  std::ranges::replace(values, ',', ' ');
  return values;
}

// Cases for what stands before the word that is completed. `at`: the command, with a blank behind it.
void print_bash_cases(const CLI::App& app, const std::string& at) {
  for (const auto* command : app.get_subcommands({})) print_bash_cases(*command, at + command->get_name() + " ");
  std::string words = words_of(app);
  for (const auto* option : app.get_options()) {
    const std::string values = values_of(*option);
    if (values.empty()) continue;
    if (option->get_positional()) words += " " + values;
    for (const auto& name : option->get_lnames())
      std::cout << "    '" << at << "'*'--" << name << " ') words=\"" << values << "\" ;;\n";
    for (const auto& name : option->get_snames())
      std::cout << "    '" << at << "'*'-" << name << " ') words=\"" << values << "\" ;;\n";
  }
  std::cout << "    '" << at << "'*) words=\"" << words << "\" ;;\n";
}

void print_bash(const CLI::App& app) {
  std::cout << "_boreal() {\n  local words= before= i\n"
               "  for ((i = 1; i < COMP_CWORD; i++)); do before=\"$before${COMP_WORDS[i]} \"; done\n"
               "  case \"$before\" in\n    '') words=\""
            << words_of(app) << "\" ;;\n";
  for (const auto* command : app.get_subcommands({})) print_bash_cases(*command, command->get_name() + " ");
  std::cout << "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
               "complete -o default -F _boreal boreal\n";
}

void print_fish(const CLI::App& app) {
  for (const auto* command : app.get_subcommands({})) {
    std::cout << "complete -c boreal -n __fish_use_subcommand -f -a " << command->get_name() << " -d '"
              << command->get_description().substr(0, command->get_description().find('\'')) << "'\n";
    for (const auto* option : command->get_options()) {
      for (const auto& name : option->get_lnames()) {
        std::cout << "complete -c boreal -n '__fish_seen_subcommand_from " << command->get_name() << "' -l " << name << "\n";
      }
    }
  }
}

}  // namespace

int print_completion(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") {
    print_bash(app);
  } else if (shell == "zsh") {
    std::cout << "autoload -U +X bashcompinit && bashcompinit\n";  // zsh runs bash's completion functions
    print_bash(app);
  } else if (shell == "fish") {
    print_fish(app);
  } else {
    return 2;
  }
  return 0;
}

}  // namespace boreal::cli
