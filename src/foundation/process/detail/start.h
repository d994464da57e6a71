// Making the child. Apart from process.cc, as what may be called between vfork and exec is a world of its own.
#pragma once

#include "process/process.h"

namespace boreal::process::detail {

// The pid of the child, which runs its program by now.
Result<pid_t> start(const Command& command, Streams streams);

}  // namespace boreal::process::detail
