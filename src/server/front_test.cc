#include "server/front.h"

#include <gtest/gtest.h>

namespace boreal::server {
namespace {

TEST(Front, PlainHttpMayBeForTheLoopbackOnly) {
  Config config;
  net::Loop loop;
  io::Pool pool(1);
  SystemClock clock;
  SystemRandom random;
  Front front(config, loop, pool, clock, random);
  const auto status = [&](std::string peer, std::optional<net::TlsSession> tls) {
    http::Request request{.method = "GET", .path = "/", .peer = {.host = std::move(peer), .port = 1}, .tls = tls};
    return run_blocking(front.handle(request)).status;
  };
  const net::TlsSession tls{.version = "1.3", .cipher = "TLS_AES_128_GCM_SHA256"};
  EXPECT_EQ(status("192.0.2.1", std::nullopt), 503);  // it has no house here
  config.require_tls = true;
  EXPECT_EQ(status("192.0.2.1", std::nullopt), 403);
  EXPECT_EQ(status("2001:db8::1", std::nullopt), 403);
  EXPECT_EQ(status("192.0.2.1", tls), 503);
  for (const char* near : {"127.0.0.1", "127.16.0.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(status(near, std::nullopt), 503) << near;
  }
}

}  // namespace
}  // namespace boreal::server
  config.listen_host = "192.0.2.1";  // who comes from there is on this machine
  EXPECT_EQ(status("192.0.2.1", std::nullopt), 503);
  EXPECT_EQ(status("192.0.2.2", std::nullopt), 403);
