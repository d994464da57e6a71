// What a service manager (systemd) is told of the process that it started: sd_notify(3), as far as it is needed.
#pragma once

#include <string>
#include <string_view>

#include "base/task.h"
#include "io/pool.h"

namespace boreal::server {

class ServiceManager {
 public:
  // `socket`: what NOTIFY_SOCKET says; empty: nobody wants to know, and nothing is sent.
  ServiceManager(std::string socket, io::Pool& pool) : socket_(std::move(socket)), pool_(pool) {}
  static std::string socket_of_environment();

  // Lines of NAME=VALUE: "READY=1", "STOPPING=1", "STATUS=…". What cannot be sent is logged: nobody can act on it here.
  Task<void> tell(std::string lines);

 private:
  const std::string socket_;
  io::Pool& pool_;
};

}  // namespace boreal::server
