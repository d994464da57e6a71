#include "http/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "base/sync.h"
#include "http/client.h"
#include "net/test_certificate.h"

namespace boreal::http {
namespace {

// Bytes that are made as they are read; counts how many were.
class Pattern final : public Source {
 public:
  Pattern(uint64_t size, uint64_t& made, bool tells_size) : left_(size), made_(made), tells_size_(tells_size) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const auto count = static_cast<size_t>(std::min<uint64_t>(left_, buffer.size()));
    std::ranges::fill(buffer.first(count), std::byte{'p'});
    left_ -= count;
    made_ += count;
    co_return count;
  }
  std::optional<uint64_t> size() const override { return tells_size_ ? std::optional(left_) : std::nullopt; }

 private:
  uint64_t left_;
  uint64_t& made_;
  bool tells_size_;
};

class Failing final : public Source {
 public:
  explicit Failing(int good_reads) : good_reads_(good_reads) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    if (good_reads_-- <= 0) co_return fail(Errc::io, "the disk is gone");
    buffer[0] = std::byte{'x'};
    co_return size_t{1};
  }
  std::optional<uint64_t> size() const override { return 100; }

 private:
  int good_reads_;
};

// Lends or gives a byte a few times, and then has a bug.
class Throwing final : public Source {
 public:
  Throwing(int good_reads, bool lends) : good_reads_(good_reads), lends_(lends) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    count_down();
    buffer[0] = std::byte{'x'};
    co_return size_t{1};
  }
  bool lends() const override { return lends_; }
  Task<Result<Bytes>> lend() override {
    count_down();
    co_return as_bytes("x");
  }
  std::optional<uint64_t> size() const override { return 100; }

 private:
  void count_down() {
    if (good_reads_-- <= 0) throw std::runtime_error("a bug");
  }
  int good_reads_;
  const bool lends_;
};

Options test_options() {
  Options options;
  options.listen.address = {.host = "127.0.0.1"};
  options.limits.idle_timeout = Duration(60'000);
  options.limits.body_timeout = Duration(60'000);
  options.limits.request_line_bytes = 1000;
  options.limits.header_bytes = 2000;
  options.limits.header_count = 20;
  return options;
}

// A server on its own loop; each test's client is a coroutine beside it.
class HttpServer : public testing::Test {
 public:
  void SetUp() override { open(test_options()); }
  void open(Options options) {
    auto opened = Server::open(loop, std::move(options), [this](Request& request) { return answer(request); });
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    server = std::move(*opened);
  }
  void run(Task<void> test) { run_until_done(loop, with_stop(std::move(test))); }
  Task<void> with_stop(Task<void> test) {
    co_await std::move(test);
    co_await server->stop(Duration(100));
  }

  Task<Response> answer(Request& request) {
    ++requests;
    if (request.path == "/unread") co_return Response{.body = "unread"};
    if (request.path == "/wait") {
      waiting.set();
      co_await go_on.wait();
      co_return Response{.body = "waited"};
    }
    if (request.path == "/throw") throw std::runtime_error("a bug");
    if (request.path == "/big") co_return Response{.stream = std::make_unique<Pattern>(big_bytes, made, true)};
    if (request.path == "/chunks") co_return Response{.stream = std::make_unique<Pattern>(300'000, made, false)};
    if (request.path == "/broken") co_return Response{.stream = std::make_unique<Failing>(0)};
    if (request.path == "/breaks") co_return Response{.stream = std::make_unique<Failing>(3)};
    if (request.path == "/throws-at-once") co_return Response{.stream = std::make_unique<Throwing>(0, false)};
    if (request.path == "/throws") co_return Response{.stream = std::make_unique<Throwing>(3, false)};
    if (request.path == "/throws-lending") co_return Response{.stream = std::make_unique<Throwing>(3, true)};
    if (request.path == "/inject") {
      Response response;
      response.headers.add("Location", "/x\r\nSet-Cookie: evil");
      co_return response;
    }
    std::string body;
    std::array<std::byte, 1000> buffer;
    for (;;) {
      const auto got = co_await request.body->read(buffer);
      if (!got) co_return Response{.status = 400, .body = got.error().message()};
      if (*got == 0) break;
      body += as_text(Bytes(buffer).first(*got));
    }
    co_return Response{.body = request.method + " " + request.path + " " + body + (request.tls ? " tls" : "")};
  }

  // Sends the text, ends its side, and returns all that comes back.
  Task<std::string> talk(std::string text, bool half_close = true) {
    auto stream = co_await net::connect(loop, server->address());
    EXPECT_TRUE(stream.has_value());
    EXPECT_TRUE((co_await (*stream)->write(as_bytes(text))).has_value());
    if (half_close) (*stream)->shutdown_write();
    co_return co_await read_to_end(**stream);
  }
  static Task<std::string> read_to_end(net::Stream& stream) {
    stream.expire_after(Duration(60'000));
    std::string all;
    std::array<std::byte, 4096> buffer;
    for (;;) {
      const auto got = co_await stream.read_some(buffer);
      if (!got) co_return all + "[" + got.error().message() + "]";
      if (*got == 0) co_return all;
      all += as_text(Bytes(buffer).first(*got));
    }
  }
  static Task<std::string> read_until(net::Stream& stream, std::string mark) {
    std::string all;
    std::array<std::byte, 4096> buffer;
    while (all.find(mark) == std::string::npos) {
      stream.expire_after(Duration(60'000));
      const auto got = co_await stream.read_some(buffer);
      if (!got || *got == 0) break;
      all += as_text(Bytes(buffer).first(*got));
    }
    co_return all;
  }
  static size_t count(const std::string& text, std::string_view what) {
    size_t found = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
    return found;
  }

  static constexpr uint64_t big_bytes = 64 << 20;
  net::Loop loop;
  std::unique_ptr<Server> server;
  int requests = 0;
  uint64_t made = 0;
  Event waiting;
  Event go_on;
};

TEST_F(HttpServer, KeepsConnectionsAndAnswersPipelinedRequestsInOrder) {
  run([](HttpServer& t) -> Task<void> {
    const auto got = co_await t.talk(
        "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
        "POST /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\nHEAD /4 "
        "HTTP/1.1\r\nHost: "
        "h\r\n\r\nGET /5 HTTP/1.0\r\n\r\nGET /6 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(count(got, "HTTP/1.1 200 OK\r\n"), 5u);
    EXPECT_LT(got.find("GET /1 "), got.find("POST /2 abc"));
    EXPECT_LT(got.find("POST /2 abc"), got.find("POST /3 de"));
    EXPECT_EQ(got.find("HEAD /4"), std::string::npos);
    EXPECT_EQ(count(got, "Connection: close"), 1u);
    EXPECT_TRUE(got.ends_with("GET /5 ")) << got;
    EXPECT_EQ(t.requests, 5);
  }(*this));
}

TEST_F(HttpServer, CountsWhatComesAndGoes) {
  run([](HttpServer& t) -> Task<void> {
    const std::string put = "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x');
    const std::string chunks = "PUT /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" +
                               std::string(100'000, 'x') + "\r\n0\r\n\r\n";
    const std::string get = "GET /chunks HTTP/1.1\r\nHost: h\r\n\r\n";
    const std::string wait = "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n";
    const auto got = co_await t.talk(put + chunks + get);
    auto waiting = *co_await net::connect(t.loop, t.server->address());
    co_await waiting->write(as_bytes(wait));
    co_await t.waiting.wait();
    auto figures = t.server->figures();
    EXPECT_EQ(figures.requests_under_way, 1u);
    EXPECT_EQ(figures.answers, (std::array<uint64_t, 5>{0, 3, 0, 0, 0}));
    EXPECT_EQ(figures.bytes_received, put.size() + chunks.size() + get.size() + wait.size());
    EXPECT_EQ(figures.bytes_sent, got.size());
    t.go_on.set();
    EXPECT_NE((co_await read_until(*waiting, "waited")).find("waited"), std::string::npos);
    const auto refused = co_await t.talk("GET / HTTP/1.1\nHost: h\n\n", false);
    figures = t.server->figures();
    EXPECT_EQ(figures.requests_under_way, 0u);
    EXPECT_EQ(figures.answers, (std::array<uint64_t, 5>{0, 4, 0, 1, 0})) << refused;
  }(*this));
}

TEST_F(HttpServer, RefusalsAnswerAndClose) {
  run([](HttpServer& t) -> Task<void> {
    const std::pair<std::string, std::string> cases[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
        {"GET / HTTP/1.1\nHost: h\n\n", "400"},
        {"\x16\x03\x01", "400"},
        {"GET /" + std::string(5000, 'x') + " HTTP/1.1\r\n", "414"},
        {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(5000, 'x') + "\r\n\r\n", "431"},
        {"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: br\r\n\r\n", "501"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
    };
    for (const auto& [text, status] : cases) {
      const auto got = co_await t.talk(text + "GET /after HTTP/1.1\r\nHost: h\r\n\r\n", false);
      EXPECT_TRUE(got.starts_with("HTTP/1.1 " + status)) << text.substr(0, 60) << " => " << got;
      EXPECT_EQ(count(got, "\r\nDate: "), 1u) << got;
      EXPECT_EQ(count(got, "Connection: close"), 1u);
    }
    EXPECT_EQ(t.requests, 0);
  }(*this));
}

// The others have the usual ten seconds: a busy machine may keep them waiting.
class HttpServerInAHurry : public HttpServer {
 public:
  void SetUp() override {
    auto options = test_options();
    options.limits.header_timeout = Duration(300);
    open(std::move(options));
  }
};

TEST_F(HttpServerInAHurry, SlowHeadsTimeOut) {
  run([](HttpServer& t) -> Task<void> {
    auto stream = *co_await net::connect(t.loop, t.server->address());
    // A byte now and then does not buy more time.
    for (const char c : std::string_view("GET / HTTP/1.1\r\nHost: h")) {
      if (!(co_await stream->write(as_bytes({&c, 1}))).has_value()) break;
      co_await t.loop.sleep(Duration(20));
    }
    EXPECT_TRUE((co_await read_to_end(*stream)).starts_with("HTTP/1.1 408 "));
    auto silent = *co_await net::connect(t.loop, t.server->address());
    EXPECT_EQ(co_await read_to_end(*silent), "");
  }(*this));
}

TEST_F(HttpServer, ContinueIsSentAtTheFirstRead) {
  run([](HttpServer& t) -> Task<void> {
    auto stream = *co_await net::connect(t.loop, t.server->address());
    const std::string head = " HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    co_await stream->write(as_bytes("PUT /a" + head));
    EXPECT_EQ(co_await read_until(*stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    co_await stream->write(as_bytes("abc"));
    EXPECT_NE((co_await read_until(*stream, "abc")).find("PUT /a abc"), std::string::npos);
    // Nobody reads this one's body: the client is told to keep it, and the connection cannot go on.
    co_await stream->write(as_bytes("PUT /unread" + head));
    const auto got = co_await read_to_end(*stream);
    EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK")) << got;
    EXPECT_EQ(count(got, "Connection: close"), 1u);
  }(*this));
}

TEST_F(HttpServer, ContinueIsSentForEmptyBodiesToo) {
  run([](HttpServer& t) -> Task<void> {
    auto stream = *co_await net::connect(t.loop, t.server->address());
    co_await stream->write(
        as_bytes("PUT /empty HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n"));
    // Both may come in one read.
    const auto got = co_await read_until(*stream, "PUT /empty");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")) << got;
  }(*this));
}

TEST_F(HttpServer, UnreadBodiesAreDroppedWhenSmall) {
  run([](HttpServer& t) -> Task<void> {
    const auto put = [](size_t size) {
      return "PUT /unread HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
             std::string(size, 'x');
    };
    auto got = co_await t.talk(put(60'000) + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(count(got, "HTTP/1.1 200"), 2u);
    got = co_await t.talk(put(500'000) + "GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(count(got, "HTTP/1.1 200"), 1u);
    EXPECT_EQ(count(got, "Connection: close"), 1u);
    EXPECT_TRUE(got.ends_with("unread")) << got;
    // Who sends a large part of an upload to its end before reading gets the answer, and no reset.
    EXPECT_TRUE((co_await t.talk(put(16'000'000))).ends_with("unread"));
  }(*this));
}

TEST_F(HttpServer, BrokenBodiesAreErrorsForTheHandler) {
  run([](HttpServer& t) -> Task<void> {
    auto got = co_await t.talk("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 400 ")) << got;
    EXPECT_NE(got.find("7 bytes short of 10"), std::string::npos) << got;
    got = co_await t.talk("PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcdefg\r\n0\r\n\r\n",
                          false);
    EXPECT_TRUE(got.starts_with("HTTP/1.1 400 ")) << got;
    EXPECT_EQ(count(got, "Connection: close"), 1u);
  }(*this));
}

TEST_F(HttpServer, FaultsOfAnswersNeverLookWhole) {
  run([](HttpServer& t) -> Task<void> {
    const auto get = [](std::string path) { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n"; };
    EXPECT_TRUE((co_await t.talk(get("/throw"))).starts_with("HTTP/1.1 500 "));
    EXPECT_TRUE((co_await t.talk(get("/broken"))).starts_with("HTTP/1.1 500 "));
    const auto injected = co_await t.talk(get("/inject"));
    EXPECT_TRUE(injected.starts_with("HTTP/1.1 500 "));
    EXPECT_EQ(injected.find("evil"), std::string::npos);
    EXPECT_TRUE((co_await t.talk(get("/throws-at-once"))).starts_with("HTTP/1.1 500 "));
    for (const std::string path : {"/breaks", "/throws", "/throws-lending"}) {
      const auto cut = co_await t.talk(get(path) + get("/after"));
      EXPECT_NE(cut.find("Content-Length: 100\r\n"), std::string::npos) << path;
      EXPECT_TRUE(cut.ends_with("\r\n\r\nxxx")) << path << cut;
    }
    EXPECT_TRUE((co_await t.talk(get("/next"))).ends_with("GET /next "));
  }(*this));
}

// Else the system would reset the connection, and with it what the client has not read yet.
TEST_F(HttpServer, WhoSendsALongBodyInChunksThatNobodyReadsIsAnswered) {
  run([](HttpServer& t) -> Task<void> {
    const auto got =
        co_await t.talk("PUT /unread HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1000000\r\n" +
                        std::string(16 << 20, 'x') + "\r\n0\r\n\r\n");
    EXPECT_TRUE(got.ends_with("\r\n\r\nunread")) << got;
  }(*this));
}

TEST_F(HttpServer, AnswersOfUnknownLengthAreChunked) {
  run([](HttpServer& t) -> Task<void> {
    auto got = co_await fetch(t.loop, t.server->address(), {.target = "/chunks"});
    EXPECT_TRUE(got.has_value());
    EXPECT_EQ(got->headers.get("transfer-encoding"), "chunked");
    EXPECT_EQ(got->body, std::string(300'000, 'p'));
    const auto old = co_await t.talk("GET /chunks HTTP/1.0\r\n\r\n");
    EXPECT_EQ(old.find("Transfer-Encoding"), std::string::npos);
    EXPECT_TRUE(old.ends_with("\r\n\r\n" + std::string(300'000, 'p')));
  }(*this));
}

TEST_F(HttpServer, SlowReadersHoldTheSourceBack) {
  run([](HttpServer& t) -> Task<void> {
    auto stream = *co_await net::connect(t.loop, t.server->address());
    const int small = 64 << 10;
    setsockopt(stream->fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    co_await stream->write(as_bytes("GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    for (uint64_t before = 1; before != t.made;) {  // until nothing more is made
      before = t.made;
      co_await t.loop.sleep(Duration(50));
    }
    EXPECT_LT(t.made, big_bytes / 2);
    size_t total = 0;
    std::string buffer(1 << 20, '\0');
    for (;;) {
      stream->expire_after(Duration(60'000));
      const auto got = co_await stream->read_some(std::as_writable_bytes(std::span(buffer)));
      if (!got || *got == 0) break;
      total += *got;
    }
    EXPECT_GT(total, big_bytes);
    EXPECT_EQ(t.made, big_bytes);
  }(*this));
}

TEST_F(HttpServer, StopLetsRequestsUnderWayFinish) {
  run([](HttpServer& t) -> Task<void> {
    auto idle = *co_await net::connect(t.loop, t.server->address());
    co_await idle->write(as_bytes("GET /first HTTP/1.1\r\nHost: h\r\n\r\n"));
    co_await read_until(*idle, "GET /first");
    auto busy = *co_await net::connect(t.loop, t.server->address());
    co_await busy->write(as_bytes("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
    co_await t.waiting.wait();
    EXPECT_EQ(t.server->figures().connections, 2u);

    TaskGroup stopping;
    stopping.spawn(t.server->stop(Duration(60'000)));
    EXPECT_EQ(co_await read_to_end(*idle), "");
    auto late = co_await net::connect(t.loop, t.server->address());
    EXPECT_FALSE(late.has_value());
    t.go_on.set();
    const auto got = co_await read_to_end(*busy);
    EXPECT_TRUE(got.ends_with("waited")) << got;
    EXPECT_EQ(count(got, "Connection: close"), 1u);
    co_await stopping.wait();
    EXPECT_EQ(t.server->figures().connections, 0u);
  }(*this));
}

TEST_F(HttpServer, StopClosesWhatOutlastsTheGrace) {
  run([](HttpServer& t) -> Task<void> {
    auto stuck = *co_await net::connect(t.loop, t.server->address());
    co_await stuck->write(as_bytes("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"));
    while (t.requests == 0) co_await t.loop.sleep(Duration(1));
    co_await t.server->stop(Duration(20));
    EXPECT_EQ(t.server->figures().connections, 0u);
  }(*this));
}

TEST_F(HttpServer, CutEndsRequestsUnderWayButForOne) {
  run([](HttpServer& t) -> Task<void> {
    auto idle = *co_await net::connect(t.loop, t.server->address());
    co_await idle->write(as_bytes("GET /first HTTP/1.1\r\nHost: h\r\n\r\n"));
    co_await read_until(*idle, "GET /first");
    auto unread = *co_await net::connect(t.loop, t.server->address());
    co_await unread->write(as_bytes("GET /big HTTP/1.1\r\nHost: h\r\n\r\n"));
    auto sending = *co_await net::connect(t.loop, t.server->address());
    co_await sending->write(as_bytes("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"));
    auto spared = *co_await net::connect(t.loop, t.server->address());
    co_await spared->write(as_bytes("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"));
    co_await t.waiting.wait();
    while (t.made == 0 || t.requests < 4) co_await t.loop.sleep(Duration(1));

    co_await t.server->cut(spared->local());
    EXPECT_LT((co_await read_to_end(*unread)).size(), big_bytes);
    EXPECT_EQ(co_await read_to_end(*sending), "");
    t.go_on.set();
    EXPECT_TRUE((co_await read_until(*spared, "waited")).ends_with("waited"));
    co_await idle->write(as_bytes("GET /second HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_TRUE((co_await read_until(*idle, "GET /second")).ends_with("GET /second "));
  }(*this));
}

TEST_F(HttpServer, ClientFetches) {
  run([](HttpServer& t) -> Task<void> {
    auto got = co_await fetch(t.loop, t.server->address(), {.method = "POST", .target = "/p?q", .body = "data"});
    EXPECT_TRUE(got.has_value());
    EXPECT_EQ(got->status, 200);
    EXPECT_EQ(got->body, "POST /p data");
    got = co_await fetch(t.loop, t.server->address(), {.target = "/chunks"}, {.max_body_bytes = 1000});
    EXPECT_EQ(got.error().code(), Errc::too_large);
    got = co_await fetch(t.loop, t.server->address(), {.target = "/breaks"});
    EXPECT_FALSE(got.has_value());
    got = co_await fetch(t.loop, t.server->address(), {.target = "/a b"});
    EXPECT_EQ(got.error().code(), Errc::invalid);
    got = co_await fetch(t.loop, t.server->address(), {.method = "HEAD", .target = "/big"});
    EXPECT_EQ(got->headers.get("content-length"), std::to_string(big_bytes));
  }(*this));
}

class TlsServer : public HttpServer {
 public:
  void SetUp() override {
    auto options = test_options();
    options.listen.tls = *net::TlsServerContext::make(pem.certificate, pem.key);
    open(std::move(options));
  }
  net::testing::Pem pem = net::testing::make_certificate();
};

TEST_F(TlsServer, ServesTlsAndPlainOnOnePort) {
  run([](TlsServer& t) -> Task<void> {
    const auto to = t.server->address();
    auto trust = *net::TlsClientContext::make(t.pem.certificate);
    auto got = co_await fetch(t.loop, to, {.method = "PUT", .target = "/s", .body = "data"}, {.tls = trust});
    EXPECT_TRUE(got.has_value()) << got.error().message();
    EXPECT_EQ(got->body, "PUT /s data tls");
    got = co_await fetch(t.loop, to, {.target = "/chunks"}, {.tls = trust, .server_name = "test.example"});
    EXPECT_EQ(got->body.size(), 300'000u);
    got = co_await fetch(t.loop, to, {.target = "/p"});
    EXPECT_EQ(got->body, "GET /p ");
    got = co_await fetch(t.loop, to, {.target = "/p"}, {.tls = trust, .server_name = "other.example"});
    EXPECT_FALSE(got.has_value());
  }(*this));
}

}  // namespace
}  // namespace boreal::http
