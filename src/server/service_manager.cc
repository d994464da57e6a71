#include "server/service_manager.h"

#include <cstdlib>

#include "base/log.h"
#include "net/datagram.h"

namespace boreal::server {

std::string ServiceManager::socket_of_environment() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  return socket != nullptr ? socket : "";
}

Task<void> ServiceManager::tell(std::string lines) {
  if (socket_.empty()) co_return;
  const auto sent = co_await pool_.run([&] { return net::send_datagram(socket_, lines); });
  if (!sent)
    log::warn("server", "the service manager cannot be told", {{"what", lines}, {"why", sent.error().message()}});
}

}  // namespace boreal::server
