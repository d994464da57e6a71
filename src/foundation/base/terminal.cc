#include "base/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace boreal {

bool shows_colour(int fd) {
  const char* refused = std::getenv("NO_COLOR");
  if (refused != nullptr && *refused != '\0') return false;
  const char* terminal = std::getenv("TERM");
  return isatty(fd) == 1 && (terminal == nullptr || std::string_view(terminal) != "dumb");
}

}  // namespace boreal
