#include "cli/completion.h"

#include <CLI/CLI.hpp>
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

void print_bash(const CLI::App& app) {
  std::cout << "_boreal() {\n  local words=\"" << words_of(app) << "\"\n  case \"${COMP_WORDS[1]}\" in\n";
  for (const auto* command : app.get_subcommands({})) {
    std::cout << "    " << command->get_name() << ") [ $COMP_CWORD -gt 1 ] && words=\"" << words_of(*command) << "\" ;;\n";
  }
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
