// The calling thread's name, as top -H, ps -L and debuggers show it: at most 15 bytes.
#pragma once

#include <pthread.h>

namespace boreal {

inline void name_this_thread(const char* name) { (void)::pthread_setname_np(::pthread_self(), name); }

}  // namespace boreal
