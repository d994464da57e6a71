// What is told of a command line that cannot be understood.
#pragma once

#include <string>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace boreal::cli {

// What is wrong, what was probably meant, and where to read on; ends with a newline. `app` is the whole command.
std::string wrong_use(const CLI::App* app, const CLI::Error& error);

}  // namespace boreal::cli
