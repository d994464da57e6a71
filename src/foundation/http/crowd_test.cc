// Clients that take up connections and keep others out, or try to.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/sync.h"
#include "http/server.h"

namespace boreal::http {
namespace {

constexpr Duration long_time{60'000};

// A server with two places, none of which is kept for handshakes.
class Crowded : public testing::Test {
 public:
  void SetUp() override {
    Options options = own_options();
    options.listen.address = {.host = "127.0.0.1"};
    options.listen.max_connections = 2;
    auto opened = Server::open(loop, std::move(options), [this](Request& request) { return answer(request); });
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    server = std::move(*opened);
  }
  virtual Options own_options() {
    Options options;
    options.limits.body_timeout = Duration(1000);
    options.limits.body_bytes_per_second = 1000;
    return options;
  }
  void run(Task<void> test) { run_until_done(loop, with_stop(std::move(test))); }
  Task<void> with_stop(Task<void> test) {
    co_await std::move(test);
    co_await server->stop(Duration(100));
  }
  Task<Response> answer(Request& request) {
    if (request.path == "/wait") {
      waiting.set();
      co_await go_on.wait();
    }
    if (request.path == "/large") co_return Response{.body = std::string(64 << 20, 'x')};
    size_t size = 0;
    std::array<std::byte, 64> buffer;
    for (;;) {
      const auto got = co_await request.body->read(buffer);
      if (!got) co_return Response{.status = 400, .body = got.error().message()};
      if (*got == 0) break;
      size += *got;
    }
    co_return Response{.body = "got " + std::to_string(size)};
  }

  Task<std::unique_ptr<net::Stream>> dial() { co_return *co_await net::connect(loop, server->address()); }
  // Until the mark, or the end.
  static Task<std::string> read_until(net::Stream& stream, std::string mark) {
    stream.expire_after(long_time);
    std::string all;
    std::array<std::byte, 4096> buffer;
    while (mark.empty() || all.find(mark) == std::string::npos) {
      const auto got = co_await stream.read_some(buffer);
      if (!got) co_return all + "[" + got.error().message() + "]";
      if (*got == 0) break;
      all += as_text(Bytes(buffer).first(*got));
    }
    co_return all;
  }
  static Task<std::string> ask(net::Stream& stream) {
    co_await stream.write(as_bytes("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    co_return co_await read_until(stream, "got 0");
  }

  net::Loop loop;
  std::unique_ptr<Server> server;
  Event waiting;
  Event go_on;
};

TEST_F(Crowded, WhoWaitsLongestGivesItsPlaceToWhoComes) {
  run([](Crowded& t) -> Task<void> {
    auto oldest = co_await t.dial();
    EXPECT_TRUE((co_await ask(*oldest)).ends_with("got 0"));
    auto silent = co_await t.dial();
    EXPECT_EQ(co_await read_until(*oldest, ""), "");
    auto third = co_await t.dial();
    EXPECT_TRUE((co_await ask(*third)).ends_with("got 0"));
    EXPECT_EQ(co_await read_until(*silent, ""), "");
    auto fourth = co_await t.dial();
    EXPECT_TRUE((co_await ask(*fourth)).ends_with("got 0"));
  }(*this));
}

TEST_F(Crowded, WhoIsAtARequestKeepsItsPlaceAndNobodyAnotherBesideIt) {
  run([](Crowded& t) -> Task<void> {
    auto busy = co_await t.dial();
    co_await busy->write(as_bytes("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
    co_await t.waiting.wait();
    for (int i = 0; i < 3; ++i) {
      auto next = co_await t.dial();
      const auto got = co_await ask(*next);
      EXPECT_TRUE(got.ends_with("got 0")) << got;
      EXPECT_NE(got.find("Connection: close"), std::string::npos) << got;
    }
    t.go_on.set();
    EXPECT_TRUE((co_await read_until(*busy, "got 0")).ends_with("got 0"));
  }(*this));
}

class CrowdedByTheStuck : public Crowded {
 public:
  Options own_options() override {
    Options options;
    options.limits.body_timeout = long_time;
    options.limits.crowded_timeout = Duration(20);
    return options;
  }
};

// What comes back on a connection that has sent this and does no more, until it has made place for another.
Task<std::string> what_comes_of(CrowdedByTheStuck& t, std::string request) {
  auto stuck = co_await t.dial();
  co_await stuck->write(as_bytes(request));
  // Until it has been stuck for long enough; who comes before is told that it may not stay.
  const int64_t deadline_ns = monotonic_ns() + 30'000'000'000;
  for (bool may_stay = false; !may_stay && monotonic_ns() < deadline_ns;) {
    auto next = co_await t.dial();
    const auto got = co_await Crowded::ask(*next);
    EXPECT_TRUE(got.ends_with("got 0")) << got;
    may_stay = got.find("Connection: close") == std::string::npos;
  }
  EXPECT_LT(monotonic_ns(), deadline_ns);
  co_return co_await Crowded::read_until(*stuck, "");
}

TEST_F(CrowdedByTheStuck, WhoTakesNoMoreOfItsAnswerGivesItsPlaceToWhoComes) {
  run([](CrowdedByTheStuck& t) -> Task<void> {
    const auto got = co_await what_comes_of(t, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_LT(got.size(), 64U << 20);
  }(*this));
}

TEST_F(CrowdedByTheStuck, WhereAllAreStuckAPlaceIsMadeBeforeAnybodyComesIn) {
  run([](CrowdedByTheStuck& t) -> Task<void> {
    auto one = co_await t.dial();
    co_await one->write(as_bytes("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nx"));
    auto other = co_await t.dial();
    co_await other->write(as_bytes("GET /large HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_TRUE(co_await other->readable());
    auto third = co_await t.dial();  // waits in the system's backlog
    const auto got = co_await ask(*third);
    EXPECT_TRUE(got.ends_with("got 0")) << got;
  }(*this));
}

TEST_F(CrowdedByTheStuck, WhoDoesNotSendItsSmallBodyGivesItsPlaceToWhoComes) {
  run([](CrowdedByTheStuck& t) -> Task<void> {
    const auto got = co_await what_comes_of(t, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nx");
    EXPECT_EQ(got, "");
  }(*this));
}

TEST_F(Crowded, ABodyThatTricklesInIsNotWaitedForWithoutEnd) {
  run([](Crowded& t) -> Task<void> {
    auto stream = co_await t.dial();
    co_await stream->write(as_bytes("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n"));
    // Each byte comes in time, all of them would take 20 s.
    for (int i = 0; i < 150; ++i) {
      if (!co_await stream->write(as_bytes("x"))) break;
      co_await t.loop.sleep(Duration(20));
    }
    const auto got = co_await read_until(*stream, "");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 400 ")) << got;
    EXPECT_NE(got.find("too slow"), std::string::npos) << got;
  }(*this));
}

TEST_F(Crowded, ABodyThatIsSlowButComesHasItsTime) {
  run([](Crowded& t) -> Task<void> {
    auto stream = co_await t.dial();
    co_await stream->write(as_bytes("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n"));
    for (int i = 0; i < 20; ++i) {  // 1.6 s, more than the first grant
      co_await stream->write(as_bytes(std::string(1000, 'x')));
      co_await t.loop.sleep(Duration(80));
    }
    const auto got = co_await read_until(*stream, "got 20000");
    EXPECT_TRUE(got.ends_with("got 20000")) << got;
  }(*this));
}

}  // namespace
}  // namespace boreal::http
