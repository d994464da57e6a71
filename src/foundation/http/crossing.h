// The way of a request from its connection's thread to another and back. So connections can have threads of their own
// (for HTTP, TLS, the copying of bytes to and from the kernel) while all that a request means happens on one loop.
#pragma once

#include "base/task.h"
#include "http/server.h"

namespace boreal::http {

// Called on the connection's loop, and ends there; `handler` runs on `home`. What is small crosses with the request or
// the answer; the rest is pulled across a buffer at a time. All references outlive the task, and `home` outlives the
// answer.
Task<Response> cross(Request& request, Executor& home, const Handler& handler);

}  // namespace boreal::http
