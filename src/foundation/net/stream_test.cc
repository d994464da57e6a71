#include "net/stream.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/sync.h"
#include "net/test_certificate.h"

namespace boreal::net {
namespace {

TEST(Address, ParsesLiteralsOnly) {
  EXPECT_EQ(Address::parse("127.0.0.1:5432")->to_string(), "127.0.0.1:5432");
  EXPECT_EQ(Address::parse("[::1]:4566")->to_string(), "[::1]:4566");
  EXPECT_EQ(Address::parse("::1", 80)->to_string(), "[::1]:80");
  EXPECT_EQ(Address::parse("10.0.0.1", 80)->port, 80);
  for (const char* bad : {"", ":1", "localhost:1", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:1x", "[::1",
                          "[::1]1", "[1.2.3.4]:1", "1.2.3:1", "[]:1"}) {
    EXPECT_FALSE(Address::parse(bad)) << bad;
  }
  EXPECT_FALSE(Address::parse(std::string_view("::1\0x", 5)));
  EXPECT_FALSE(Address::parse(std::string_view("1.2.3.4\0x:80", 12)));
}

TEST(Address, Loopback) {
  EXPECT_TRUE(Address::parse("127.3.2.1")->is_loopback());
  EXPECT_TRUE(Address::parse("::1")->is_loopback());
  EXPECT_TRUE(Address::parse("[::ffff:127.0.0.1]")->is_loopback());
  EXPECT_FALSE(Address::parse("0.0.0.0")->is_loopback());
  EXPECT_FALSE(Address::parse("::")->is_loopback());
  EXPECT_FALSE((Address{.host = "localhost"}).is_loopback());
}

Task<std::string> read_to_end(Stream& stream) {
  std::string all;
  std::array<std::byte, 100'000> buffer;
  for (;;) {
    const auto got = co_await stream.read_some(buffer);
    if (!got) co_return all + "[" + std::string(to_string(got.error().code())) + "]";
    if (*got == 0) co_return all;
    all += as_text(Bytes(buffer).first(*got));
  }
}

// Gives back what it gets until the client ends its side, then a word of its own.
Task<void> echo(std::unique_ptr<Stream> stream) {
  std::array<std::byte, 5000> buffer;
  for (;;) {
    const auto got = co_await stream->read_some(buffer);
    if (!got || *got == 0) break;
    const Bytes parts[] = {Bytes(buffer).first(*got / 2), Bytes(), Bytes(buffer).subspan(*got / 2, *got - *got / 2)};
    if (!co_await stream->write(parts)) break;
  }
  co_await stream->write(as_bytes(stream->tls() ? "bye tls" : "bye"));
  stream->shutdown_write();
}

class Streams : public ::testing::Test {
 public:
  std::unique_ptr<Listener> listen(Listener::Handler handler, Listener::Options options = {}) {
    options.address = {.host = "127.0.0.1"};
    auto opened = Listener::open(loop, std::move(options), std::move(handler));
    EXPECT_TRUE(opened.has_value()) << opened.error().message();
    return std::move(*opened);
  }
  Task<std::unique_ptr<Stream>> dial(const Listener& listener) {
    auto stream = co_await connect(loop, listener.address());
    EXPECT_TRUE(stream.has_value());
    co_return std::move(*stream);
  }
  // Writes while it reads, as both sides' buffers are smaller than the text.
  Task<std::string> converse(Stream& stream, std::string text) {
    TaskGroup writing;
    writing.spawn([](Stream& s, std::string& t) -> Task<void> {
      EXPECT_TRUE((co_await s.write(as_bytes(t))).has_value());
      s.shutdown_write();
    }(stream, text));
    auto got = co_await read_to_end(stream);
    co_await writing.wait();
    co_return got;
  }
  Loop loop;
};

std::string long_text() {
  std::string text;
  for (int i = 0; text.size() < 10'000'000; ++i) text += std::to_string(i);
  return text;
}

TEST_F(Streams, MoveBytesBothWaysWithHalfClose) {
  run_until_done(loop, [](Streams& t) -> Task<void> {
    auto listener = t.listen(echo);
    auto stream = co_await t.dial(*listener);
    EXPECT_EQ(stream->peer().to_string(), listener->address().to_string());
    const auto text = long_text();
    EXPECT_TRUE(co_await t.converse(*stream, text) == text + "bye");
    co_await listener->stop(Duration(1000));
  }(*this));
}

TEST_F(Streams, ConnectBindsTheSourceAndTellsFailures) {
  run_until_done(loop, [](Streams& t) -> Task<void> {
    std::string seen;
    auto listener = t.listen([&seen](std::unique_ptr<Stream> stream) -> Task<void> {
      seen = stream->peer().host;
      return echo(std::move(stream));
    });
    const auto to = listener->address();
    auto stream = co_await connect(t.loop, to, {.bind_host = "127.9.8.7"});
    EXPECT_EQ(co_await t.converse(**stream, "x"), "xbye");
    EXPECT_EQ(seen, "127.9.8.7");
    co_await listener->stop(Duration(1000));
    EXPECT_EQ((co_await connect(t.loop, to)).error().code(), Errc::unavailable);
    EXPECT_EQ((co_await connect(t.loop, {.host = "nowhere", .port = 1})).error().code(), Errc::invalid);
    EXPECT_FALSE(co_await connect(t.loop, to, {.bind_host = "192.0.2.1"}));
  }(*this));
}

TEST_F(Streams, DeadlinesEndWaits) {
  run_until_done(loop, [](Streams& t) -> Task<void> {
    auto listener = t.listen(echo);
    auto stream = co_await t.dial(*listener);
    std::array<std::byte, 10> buffer;
    stream->expire_after(Duration(10'000));
    stream->expire_after(Duration(10));
    EXPECT_EQ((co_await stream->read_some(buffer)).error().code(), Errc::timeout);
    EXPECT_EQ((co_await stream->read_some(buffer)).error().code(), Errc::timeout);  // it stays past
    stream->expire_after(Duration(5));
    stream->expire_after(Duration(60'000));  // moved away: the early timer must not count
    EXPECT_TRUE((co_await stream->write(as_bytes("hello"))).has_value());
    co_await t.loop.sleep(Duration(20));
    EXPECT_EQ(*co_await stream->read_some(buffer), 5u);
    // A peer that does not read: the write waits, and the deadline ends it.
    stream->expire_after(Duration(50));
    EXPECT_EQ((co_await stream->write(as_bytes(std::string(30 << 20, 'x')))).error().code(), Errc::timeout);
    stream->close();
    EXPECT_EQ((co_await stream->read_some(buffer)).error().code(), Errc::cancelled);
    co_await listener->stop(Duration(1000));
  }(*this));
}

// 5,000 bytes, and as many again later; then a word; then one and the end: each when it is asked.
Task<void> write_now_and_then(Loop& loop, std::unique_ptr<Stream> stream) {
  std::array<std::byte, 1> asked;
  const std::string half(5'000, 'h');
  (void)co_await stream->read_some(asked);
  (void)co_await stream->write(as_bytes(half));
  co_await loop.sleep(Duration(20));
  (void)co_await stream->write(as_bytes(half));
  (void)co_await stream->read_some(asked);
  (void)co_await stream->write(as_bytes("word"));
  (void)co_await stream->read_some(asked);
  (void)co_await stream->write(as_bytes("last"));
  stream->shutdown_write();
}

TEST_F(Streams, AReadThatWaitsMayWaitForAsMuchAsIsWorthIt) {
  run_until_done(loop, [](Streams& t) -> Task<void> {
    auto listener =
        t.listen([&t](std::unique_ptr<Stream> peer) { return write_now_and_then(t.loop, std::move(peer)); });
    auto stream = co_await t.dial(*listener);
    std::array<std::byte, 10'000> buffer;
    (void)co_await stream->write(as_bytes("?"));
    EXPECT_EQ(*co_await stream->read_some(buffer, buffer.size()), buffer.size());
    // At the deadline it takes what is there; with nothing there it is late.
    (void)co_await stream->write(as_bytes("?"));
    stream->expire_after(Duration(1'000));  // the word comes long before, also on a busy machine
    EXPECT_EQ(*co_await stream->read_some(buffer, buffer.size()), 4u);
    EXPECT_EQ((co_await stream->read_some(buffer, buffer.size())).error().code(), Errc::timeout);
    // The end comes through, and what is worth less is no longer held up by what was asked before.
    stream->expire_after(Duration(10'000));
    (void)co_await stream->write(as_bytes("?"));
    EXPECT_EQ(*co_await stream->read_some(buffer, buffer.size()), 4u);
    EXPECT_EQ(*co_await stream->read_some(buffer), 0u);
    co_await listener->stop(Duration(1000));
  }(*this));
}

TEST_F(Streams, CloseEndsAWaitingRead) {
  run_until_done(loop, [](Streams& t) -> Task<void> {
    auto listener = t.listen(echo);
    auto stream = co_await t.dial(*listener);
    TaskGroup closing;
    closing.spawn([](Loop& l, Stream& s) -> Task<void> {
      co_await l.sleep(Duration(5));
      s.close();
    }(t.loop, *stream));
    EXPECT_EQ(co_await read_to_end(*stream), "[cancelled]");
    co_await closing.wait();
    co_await listener->stop(Duration(1000));
  }(*this));
}

TEST_F(Streams, ConnectionLimitMakesTheNextOneWait) {
  run_until_done(loop, [](Streams& t) -> Task<void> {
    auto listener = t.listen(echo, {.max_connections = 1});
    auto first = co_await t.dial(*listener);
    auto second = co_await t.dial(*listener);  // the system takes it, we do not yet
    co_await second->write(as_bytes("2"));
    std::array<std::byte, 10> buffer;
    second->expire_after(Duration(30));
    EXPECT_EQ((co_await second->read_some(buffer)).error().code(), Errc::timeout);
    EXPECT_EQ(listener->connections(), 1u);
    first->close();
    second->expire_after(Duration(60'000));
    EXPECT_EQ(*co_await second->read_some(buffer), 1u);
    second->close();
    co_await listener->stop(Duration(1000));
    EXPECT_EQ(listener->connections(), 0u);
  }(*this));
}

TEST_F(Streams, AListenerThatWasNotStoppedDoesNotGoUnnoticed) {
  auto listener = listen(echo);
  EXPECT_DEATH(listener.reset(), "not stopped");
  run_until_done(loop, [](Listener& one) -> Task<void> { co_await one.stop(Duration(1000)); }(*listener));
}

TEST_F(Streams, StopClosesWhatStaysPastTheGrace) {
  run_until_done(loop, [](Streams& t) -> Task<void> {
    auto listener = t.listen(echo);
    auto stream = co_await t.dial(*listener);
    EXPECT_TRUE((co_await stream->write(as_bytes("x"))).has_value());
    EXPECT_TRUE((co_await stream->readable()).has_value());
    co_await listener->stop(Duration(20));
    EXPECT_EQ((co_await read_to_end(*stream)).substr(0, 1), "x");
  }(*this));
}

TEST_F(Streams, RelayPassesBothEndsOn) {
  run_until_done(loop, [](Streams& t) -> Task<void> {
    auto target = t.listen(echo);
    auto relaying = t.listen([&t, &target](std::unique_ptr<Stream> near) {
      return [](Streams& s, Listener& to, std::unique_ptr<Stream> a) -> Task<void> {
        auto b = co_await s.dial(to);
        co_await relay(*a, *b);
      }(t, *target, std::move(near));
    });
    auto stream = co_await t.dial(*relaying);
    const auto text = long_text();
    EXPECT_TRUE(co_await t.converse(*stream, text) == text + "bye");
    co_await relaying->stop(Duration(1000));
    co_await target->stop(Duration(1000));
  }(*this));
}

TEST_F(Streams, TlsAndPlainShareAPort) {
  const testing::Pem pem = testing::make_certificate();
  run_until_done(loop, [](Streams& t, testing::Pem own) -> Task<void> {
    auto server = TlsServerContext::make(own.certificate, own.key);
    auto trusted = TlsClientContext::make(own.certificate);
    auto strangers = TlsClientContext::make(testing::make_certificate().certificate);
    EXPECT_TRUE(server && trusted && strangers);
    auto listener = t.listen(echo, {.tls = *server, .handshake_timeout = Duration(2'000)});
    const auto text = long_text();

    auto plain = co_await t.dial(*listener);
    EXPECT_TRUE(co_await t.converse(*plain, text) == text + "bye");
    for (const char* name : {"127.0.0.1", "test.example"}) {
      auto tls = co_await connect_tls(co_await t.dial(*listener), *trusted, name, Duration(60'000));
      EXPECT_TRUE(tls.has_value()) << tls.error().message();
      EXPECT_TRUE(co_await t.converse(**tls, text) == text + "bye tls");
    }
    EXPECT_FALSE(co_await connect_tls(co_await t.dial(*listener), *trusted, "other.example", Duration(60'000)));
    EXPECT_FALSE(co_await connect_tls(co_await t.dial(*listener), *strangers, "127.0.0.1", Duration(60'000)));

    auto silent = co_await t.dial(*listener);  // neither: it is not waited for beyond the handshake's time
    EXPECT_EQ(co_await read_to_end(*silent), "");
    auto half = co_await t.dial(*listener);
    EXPECT_TRUE((co_await half->write(as_bytes("\x16\x03\x01"))).has_value());
    EXPECT_EQ((co_await read_to_end(*half)).find("bye"), std::string::npos);
    co_await listener->stop(Duration(1000));
  }(*this, pem));
}

TEST_F(Streams, SilenceIsNotWaitedForAsLongWhereMostPlacesAreTaken) {
  const testing::Pem pem = testing::make_certificate();
  run_until_done(loop, [](Streams& t, testing::Pem own) -> Task<void> {
    auto server = TlsServerContext::make(own.certificate, own.key);
    auto listener =
        t.listen(echo, {.tls = *server, .max_connections = 1, .handshake_timeout = std::chrono::minutes(10)});
    auto silent = co_await t.dial(*listener);
    auto plain = co_await t.dial(*listener);
    EXPECT_TRUE((co_await plain->write(as_bytes("x"))).has_value());
    std::array<std::byte, 1> buffer;
    plain->expire_after(Duration(60'000));
    EXPECT_TRUE((co_await plain->read_some(buffer)).has_value());
    plain->close();
    co_await listener->stop(Duration(1000));
  }(*this, pem));
}

TEST(Tls, RefusesWhatDoesNotBelongTogether) {
  const testing::Pem one = testing::make_certificate();
  const testing::Pem other = testing::make_certificate();
  EXPECT_FALSE(TlsServerContext::make(one.certificate, other.key));
  EXPECT_FALSE(TlsServerContext::make("", one.key));
  EXPECT_FALSE(TlsServerContext::make(one.certificate, "nonsense"));
  EXPECT_FALSE(TlsClientContext::make("nonsense"));
}

}  // namespace
}  // namespace boreal::net
