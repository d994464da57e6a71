// Whether colours may be written.
#pragma once

namespace boreal {

// A terminal reads there, and its user has not set NO_COLOR (https://no-color.org), nor says TERM that it knows none.
bool shows_colour(int fd);

}  // namespace boreal
