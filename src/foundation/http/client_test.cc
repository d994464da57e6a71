// Requests whose bodies are streams.
#include "http/client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/sync.h"
#include "http/server.h"
#include "net/test_certificate.h"

namespace boreal::http {
namespace {

constexpr uint64_t many_bytes = 20 << 20;

// Bytes that are made as they are read. `fails_at`: where it ends with an error.
class Made final : public Source {
 public:
  explicit Made(uint64_t size, uint64_t fails_at = UINT64_MAX) : size_(size), fails_at_(fails_at) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    if (made >= fails_at_) co_return fail(Errc::corrupt, "the disk is gone");
    const auto count = static_cast<size_t>(std::min<uint64_t>(size_ - made, buffer.size()));
    std::ranges::fill(buffer.first(count), std::byte{'m'});
    made += count;
    largest = std::max(largest, buffer.size());
    co_return count;
  }
  std::optional<uint64_t> size() const override { return size_; }
  uint64_t made = 0;
  size_t largest = 0;

 private:
  const uint64_t size_;
  const uint64_t fails_at_;
};

class HttpClient : public testing::Test {
 public:
  void SetUp() override {
    Options options;
    options.limits = limits;
    options.listen.address = {.host = "127.0.0.1"};
    options.listen.tls = *net::TlsServerContext::make(pem.certificate, pem.key);
    auto opened = Server::open(loop, std::move(options), [this](Request& request) { return answer(request); });
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    server = std::move(*opened);
  }
  void run(Task<void> test) { run_until_done(loop, with_stop(std::move(test))); }
  Task<void> with_stop(Task<void> test) {
    co_await std::move(test);
    go_on.set();
    co_await server->stop(Duration(100));
  }
  Task<Response> answer(Request& request) {
    if (request.path == "/refuse") co_return Response{.status = 403, .body = "no"};
    if (request.path == "/wait") {
      waiting.set();
      co_await go_on.wait();
      co_return Response{.body = "waited"};
    }
    if (request.path == "/late") co_await loop.sleep(Duration(1200));
    uint64_t size = 0;
    std::array<std::byte, 32 << 10> buffer;
    for (;;) {
      const auto got = co_await request.body->read(buffer);
      if (!got) co_return Response{.status = 400, .body = got.error().message()};
      if (*got == 0) break;
      size += *got;
    }
    co_return Response{.body = std::to_string(size) + (request.tls ? " tls" : "")};
  }
  Task<Result<ClientAnswer>> send(std::string path, Source& source, ClientOptions options = {}, bool ask_first = true) {
    co_return co_await fetch(loop, server->address(),
                             {.method = "PUT", .target = path, .stream = &source, .ask_first = ask_first}, options);
  }

  const net::testing::Pem pem = net::testing::make_certificate();
  net::Loop loop;
  Limits limits;
  std::unique_ptr<Server> server;
  Event waiting, go_on;
};

TEST_F(HttpClient, StreamsAreSentPieceByPiece) {
  run([](HttpClient& t) -> Task<void> {
    for (const bool ask_first : {true, false}) {
      for (const uint64_t size : {uint64_t{0}, uint64_t{1}, many_bytes}) {
        Made source(size);
        const auto got = co_await t.send("/", source, {.idle_timeout = Duration(60'000)}, ask_first);
        EXPECT_TRUE(got.has_value()) << got.error().message();
        EXPECT_EQ(got->body, std::to_string(size));
        EXPECT_LE(source.largest, 1u << 20);
      }
    }
    Made source(many_bytes);
    auto trust = *net::TlsClientContext::make(t.pem.certificate);
    const auto got = co_await t.send("/", source, {.tls = trust, .idle_timeout = Duration(60'000)});
    EXPECT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->body, std::to_string(many_bytes) + " tls");
  }(*this));
}

TEST_F(HttpClient, WhatIsRefusedIsNotSent) {
  run([](HttpClient& t) -> Task<void> {
    Made source(many_bytes);
    auto got = co_await t.send("/refuse", source);
    EXPECT_EQ(got->status, 403);
    EXPECT_EQ(source.made, 0u);
    // Whoever does not ask hears the answer too.
    got = co_await t.send("/refuse", source, {}, false);
    EXPECT_TRUE(!got || got->status == 403);
  }(*this));
}

TEST_F(HttpClient, TheErrorOfABodyIsTheAnswer) {
  run([](HttpClient& t) -> Task<void> {
    Made source(many_bytes, 1 << 20);
    const auto got = co_await t.send("/", source);
    EXPECT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code(), Errc::corrupt);
  }(*this));
}

TEST_F(HttpClient, AServerThatSaysNothingIsGivenUp) {
  run([](HttpClient& t) -> Task<void> {
    Made source(10);
    const auto got = co_await t.send("/wait", source, {.idle_timeout = Duration(50)}, false);
    EXPECT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code(), Errc::timeout);
  }(*this));
}

// The wait for "100 Continue" has a time of its own, after which the rest of the whole time is left.
TEST_F(HttpClient, WhoIsNotAskedToGoOnHasTimeLeft) {
  run([](HttpClient& t) -> Task<void> {
    Made source(10);
    const auto got = co_await t.send("/late", source, {.timeout = Duration(20'000)});
    EXPECT_TRUE(got.has_value()) << got.error().message();
    if (got) EXPECT_EQ(got->body, "10");
  }(*this));
}

TEST_F(HttpClient, ClosingTheGroupEndsWhatIsUnderWay) {
  run([](HttpClient& t) -> Task<void> {
    net::StreamGroup group;
    Result<ClientAnswer> got = ClientAnswer{};
    TaskGroup running;
    Made source(10);
    running.spawn([](HttpClient& o, net::StreamGroup& g, Made& body, Result<ClientAnswer>& result) -> Task<void> {
      result = co_await o.send("/wait", body, {.group = &g}, false);
    }(t, group, source, got));
    co_await t.waiting.wait();
    group.close();
    co_await running.wait();
    EXPECT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code(), Errc::cancelled);
    got = co_await t.send("/", source, {.group = &group});  // and what comes later
    EXPECT_FALSE(got.has_value());
  }(*this));
}

TEST_F(HttpClient, AKeptConnectionServesTheNextRequest) {
  run([](HttpClient& t) -> Task<void> {
    auto trust = *net::TlsClientContext::make(t.pem.certificate);
    for (const auto& tls : {std::shared_ptr<net::TlsClientContext>(), trust}) {
      KeptConnections kept;
      for (int i = 0; i < 3; ++i) {
        for (const bool ask_first : {true, false}) {
          Made source(many_bytes / 10);
          const auto got = co_await t.send("/", source, {.tls = tls, .kept = &kept}, ask_first);
          EXPECT_TRUE(got.has_value()) << got.error().message();
          EXPECT_EQ(kept.size(), 1u);
        }
        const auto read = co_await fetch(t.loop, t.server->address(), {.method = "HEAD"}, {.tls = tls, .kept = &kept});
        EXPECT_EQ(read->status, 200);
      }
      EXPECT_EQ(t.server->figures().connections, 1u);
      kept.clear();
      while (t.server->figures().connections > 0) co_await t.loop.sleep(Duration(1));
    }
  }(*this));
}

class HttpClientOfAHastyServer : public HttpClient {
 public:
  HttpClientOfAHastyServer() { limits.idle_timeout = Duration(20); }
};

TEST_F(HttpClientOfAHastyServer, DoesNotMissWhatItClosed) {
  run([](HttpClient& t) -> Task<void> {
    auto trust = *net::TlsClientContext::make(t.pem.certificate);
    for (const auto& tls : {std::shared_ptr<net::TlsClientContext>(), trust}) {
      KeptConnections kept;
      for (int i = 0; i < 3; ++i) {
        Made source(many_bytes / 10);
        const auto got = co_await t.send("/", source, {.tls = tls, .kept = &kept});
        EXPECT_TRUE(got.has_value()) << got.error().message();
        EXPECT_EQ(kept.size(), 1u);
        while (t.server->figures().connections > 0) co_await t.loop.sleep(Duration(1));
      }
    }
  }(*this));
}

TEST_F(HttpClient, WhatMustNotBeSentTwiceBeginsANewConnection) {
  run([](HttpClient& t) -> Task<void> {
    KeptConnections kept;
    for (size_t i = 1; i <= 3; ++i) {
      const auto got = co_await fetch(t.loop, t.server->address(), {.method = "POST", .body = "x"}, {.kept = &kept});
      EXPECT_EQ(got->body, "1");
      EXPECT_EQ(kept.size(), i);
    }
    for (int i = 0; i < 20; ++i) {  // no more than some are kept
      co_await fetch(t.loop, t.server->address(), {.method = "POST", .body = "x"}, {.kept = &kept});
    }
    EXPECT_LE(kept.size(), 8u);
  }(*this));
}

TEST_F(HttpClient, WhatEndedEarlyIsNotKept) {
  run([](HttpClient& t) -> Task<void> {
    KeptConnections kept;
    Made source(many_bytes);
    const auto got = co_await t.send("/refuse", source, {.kept = &kept});
    EXPECT_EQ(got->status, 403);
    Made broken(many_bytes, 1 << 20);
    EXPECT_FALSE((co_await t.send("/", broken, {.kept = &kept})).has_value());
    net::StreamGroup group;
    group.close();
    Made whole(10);
    EXPECT_FALSE((co_await t.send("/", whole, {.group = &group, .kept = &kept})).has_value());
    EXPECT_EQ(kept.size(), 0u);
  }(*this));
}

}  // namespace
}  // namespace boreal::http
