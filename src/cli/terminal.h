// What others say, a server or a remote endpoint behind it, on its way to a terminal or a shell.
#pragma once

#include <string>
#include <string_view>

namespace boreal::cli {

// For people to read: control characters, with which text could move the cursor or worse, are '?'.
std::string plain(std::string_view text);

// As one word of a shell, whatever it holds.
std::string shell_word(std::string_view text);

}  // namespace boreal::cli
