// Shell completion, made from the command's own description so that it cannot fall behind it.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace boreal::cli {

// Prints the script for bash, zsh or fish to stdout; 0, or 2 for another shell.
int print_completion(const CLI::App& app, const std::string& shell);

}  // namespace boreal::cli
