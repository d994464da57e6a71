#include "server/front.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "base/sync.h"
#include "io/fault.h"
#include "io/testing.h"
#include "net/loop.h"
#include "server/run.h"

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
  config.listen_host = "192.0.2.1";  // who comes from there is on this machine
  EXPECT_EQ(status("192.0.2.1", std::nullopt), 503);
  EXPECT_EQ(status("192.0.2.2", std::nullopt), 403);
  for (const char* near : {"127.0.0.1", "127.16.0.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(status(near, std::nullopt), 503) << near;
  }
}

// Of `boreal dev`, with a house.
class DevFront : public testing::Test {
 public:
  DevFront() {
    config_.dev = true;
    config_.data_folder = folder_ / "data";
    config_.warm_pool = 0;
    pool_.start();
  }
  ~DevFront() override { pool_.stop(); }

  void run(Task<void> test) { run_until_done(loop_, in_house(std::move(test))); }
  Task<void> in_house(Task<void> test) {
    const auto opened = co_await front_.open();
    EXPECT_TRUE(opened) << opened.error().message();
    if (opened) co_await std::move(test);
    co_await front_.tls().stop();
    co_await front_.stop();
  }
  Task<void> ask(std::string method, std::string path, int& status, std::string process = "") {
    http::Request request{.method = std::move(method), .path = std::move(path), .host = "127.0.0.1"};
    if (!process.empty()) request.headers.add(process_field, process);
    status = (co_await front_.handle(request)).status;
  }

  const io::TempFolder folder_;
  Config config_;
  net::Loop loop_;
  io::Pool pool_{2};
  SystemClock clock_;
  SystemRandom random_;
  Front front_{config_, loop_, pool_, clock_, random_};
};

// In order: its clients have its address, and connect again and again.
TEST_F(DevFront, WhoComesWhileItOpensWaitsUntilItHas) {
  run_until_done(loop_, [](DevFront& t) -> Task<void> {
    int live = 0, ready = 0, metrics = 0;
    TaskGroup early;
    const auto opened = co_await t.front_.open([&] {
      early.spawn(t.ask("GET", "/_boreal/health/live", live));
      early.spawn(t.ask("GET", "/_boreal/health/ready", ready));
      early.spawn(t.ask("GET", "/_boreal/metrics", metrics));
      EXPECT_EQ(live, 200);
      EXPECT_EQ(ready, 503);
      return Result<void>();
    });
    EXPECT_TRUE(opened) << opened.error().message();
    EXPECT_EQ(metrics, 0);
    co_await early.wait();
    EXPECT_EQ(metrics, 200);
    co_await t.ask("GET", "/_boreal/health/ready", ready);
    EXPECT_EQ(ready, 200);
    co_await t.front_.stop();
  }(*this));
}

TEST_F(DevFront, WhoCameIsRefusedWhereItCannotOpen) {
  io::Faults faults;
  faults.fail(io::Operation::make_folder, 1, EACCES, config_.data_folder + "/objects");
  run_until_done(loop_, [](DevFront& t) -> Task<void> {
    int reset = 0;
    TaskGroup early;
    const auto opened = co_await t.front_.open([&] {
      early.spawn(t.ask("POST", "/_boreal/reset", reset));  // which opens a house that is not there
      return Result<void>();
    });
    EXPECT_FALSE(opened);
    co_await early.wait();
    EXPECT_EQ(reset, 503);
    EXPECT_FALSE(t.front_.ready());
  }(*this));
}

TEST_F(DevFront, FiguresMayBeAskedForWhileAResetComes) {
  run([](DevFront& t) -> Task<void> {
    int metrics = 0;
    int reset = 0;
    TaskGroup both;
    both.spawn(t.ask("GET", "/_boreal/metrics", metrics));
    both.spawn(t.ask("POST", "/_boreal/reset", reset));
    co_await both.wait();
    EXPECT_EQ(metrics, 200);
    EXPECT_EQ(reset, 200);
  }(*this));
}

TEST_F(DevFront, AResetThatFailedCanBeAskedForAgain) {
  run([](DevFront& t) -> Task<void> {
    int status = 0;
    {
      io::Faults faults;
      faults.fail(io::Operation::remove, 1, EIO, t.config_.data_folder + "/store");
      co_await t.ask("POST", "/_boreal/reset", status);
      EXPECT_EQ(status, 500);
    }
    co_await t.ask("GET", "/_boreal/health/ready", status);
    EXPECT_EQ(status, 503);
    co_await t.ask("POST", "/_boreal/reset", status);
    EXPECT_EQ(status, 200);
    co_await t.ask("GET", "/_boreal/health/ready", status);
    EXPECT_EQ(status, 200);
  }(*this));
}

// What keeps databases from being served is found out behind the start.
TEST_F(DevFront, AServiceThatCannotDoItsWorkSaysSoAndWhy) {
  using testing::HasSubstr;
  io::Faults faults;
  faults.fail(io::Operation::make_folder, 1, EACCES, config_.data_folder + "/postgres");
  run([](DevFront& t) -> Task<void> {
    std::string told;
    for (int tries = 0; tries < 60'000 && told.find("degraded") == std::string::npos; ++tries) {
      co_await t.loop_.sleep(Duration(1));
      http::Request request{.method = "GET", .path = "/_boreal/health/ready", .host = "127.0.0.1"};
      told = (co_await t.front_.handle(request)).body;
    }
    EXPECT_THAT(told, HasSubstr(R"("ready":true)"));
    EXPECT_THAT(told, HasSubstr(R"("rds":{"status":"degraded","trouble":"no databases can be served: )"));
    EXPECT_THAT(told, HasSubstr(R"("kms":{"status":"running","calls":0})"));
    EXPECT_THAT(told, HasSubstr(R"("databases":{"clusters":0,"clusters_available":0,"instances":0,)"
                                R"("instances_available":0})"));
    EXPECT_THAT(t.front_.house().describe(false), HasSubstr(R"("rds":{"status":"degraded"})"));
    EXPECT_THAT(t.front_.house().describe(false), testing::Not(HasSubstr("databases")));
  }(*this));
}

TEST_F(DevFront, WhoMeansAnotherProcessIsRefused) {
  run([](DevFront& t) -> Task<void> {
    for (const char* what : {"/_boreal/health/ready", "/_boreal/reset", "/_boreal/clock", "/_boreal/metrics"}) {
      int status = 0;
      co_await t.ask("POST", what, status, "another");
      EXPECT_EQ(status, 421) << what;
    }
    int status = 0;
    co_await t.ask("GET", "/_boreal/health/ready", status, t.front_.id());
    EXPECT_EQ(status, 200);
  }(*this));
}

}  // namespace
}  // namespace boreal::server
