#include "endpoints/endpoint.h"

#include <gmock/gmock.h>

#include <set>

#include "endpoints/first_packet.h"
#include "endpoints/plan.h"
#include "net/test_certificate.h"
#include "postgres/cluster.h"
#include "postgres/test_bed.h"

namespace boreal::endpoints {
namespace {

using postgres::TestBed;
using ::testing::HasSubstr;
using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::string_view hello = "\0\0\0\x09\0\x03\0\0\0"sv;  // a start-up message without parameters
constexpr std::string_view tls_request = "\0\0\0\x08\x04\xd2\x16\x2f"sv;

// Stands for a database: says its name to whoever sends something, and takes note of what it got.
class NamedServer {
 public:
  NamedServer(TestBed& bed, std::string name, bool hangs_up = false)
      : bed_(bed), name_(std::move(name)), hangs_up_(hangs_up) {
    bed_.on_loop([this] {
      auto listener =
          net::Listener::open(bed_.loop(), {.address = {"127.0.0.1", 0}},
                              [this](std::unique_ptr<net::Stream> client) { return serve(std::move(client)); });
      if (listener) listener_ = std::move(*listener);
    });
  }
  ~NamedServer() {
    bed_.run(listener_->stop(Duration(0)));
    bed_.on_loop([this] { listener_.reset(); });
  }
  net::Address address() {
    return bed_.on_loop([this] { return listener_->address(); });
  }
  std::string received() {
    return bed_.on_loop([this] { return received_; });
  }
  std::set<std::string> clients() {
    return bed_.on_loop([this] { return clients_; });
  }

 private:
  Task<void> serve(std::unique_ptr<net::Stream> client) {
    clients_.insert(client->peer().host);
    std::array<std::byte, 256> buffer;
    for (;;) {
      const auto got = co_await client->read_some(buffer);
      if (!got || *got == 0) co_return;
      received_ += as_text(std::span(buffer).first(*got));
      const bool cancel = classify(std::span(buffer).first(*got)) == FirstPacket::cancel;
      if (cancel || !co_await client->write(as_bytes(name_)) || hangs_up_) co_return;
    }
  }

  TestBed& bed_;
  const std::string name_;
  const bool hangs_up_;  // once it has answered
  std::unique_ptr<net::Listener> listener_;
  std::string received_;
  std::set<std::string> clients_;
};

class EndpointTest : public ::testing::Test {
 protected:
  ~EndpointTest() override {
    if (!endpoint_) return;
    clients_.clear_on(bed_);
    bed_.run(endpoint_->stop());
    bed_.on_loop([this] { endpoint_.reset(); });
  }
  void open(Endpoint::Options options = {}) {
    options.name = "the writer";
    options.listen = {TestBed::address(1), 0};
    bed_.on_loop([&] {
      auto opened = Endpoint::open(bed_.loop(), options, [this](const net::Address&) { return let_in_.load(); });
      ASSERT_TRUE(opened) << opened.error().message();
      endpoint_ = std::move(*opened);
    });
  }
  void set_targets(Targets targets) {
    bed_.on_loop([&] { endpoint_->set_targets(std::move(targets)); });
  }
  net::Stream* connect() {
    auto stream = bed_.run(net::connect(bed_.loop(), bed_.on_loop([this] { return endpoint_->address(); })));
    return clients_.keep(std::move(stream.value()));
  }
  // Sends, and returns what comes back at once; "(end)" when the other side hung up.
  std::string ask(net::Stream* stream, std::string_view text) { return bed_.run(ask_task(stream, std::string(text))); }
  static Task<std::string> ask_task(net::Stream* stream, std::string text) {
    stream->expire_after(Duration(60'000));
    (void)co_await stream->write(as_bytes(text));
    std::array<std::byte, 1024> buffer;
    const auto got = co_await stream->read_some(buffer);
    if (!got || *got == 0) co_return "(end)";
    co_return std::string(as_text(std::span(buffer).first(*got)));
  }
  size_t connections() {
    return bed_.on_loop([this] { return endpoint_->connections(); });
  }
  // Waits until the endpoint has no more than so many.
  bool shrinks_to(size_t count) {
    for (int tries = 0; connections() > count; ++tries) {
      if (tries == 60'000) return false;
      ::usleep(1'000);
    }
    return true;
  }

  // Streams belong to the loop's thread.
  struct Clients {
    net::Stream* keep(std::unique_ptr<net::Stream> stream) { return streams.emplace_back(std::move(stream)).get(); }
    void clear_on(TestBed& bed) {
      bed.on_loop([this] { streams.clear(); });
    }
    std::vector<std::unique_ptr<net::Stream>> streams;
  };

  TestBed bed_;
  std::atomic<bool> let_in_ = true;
  std::unique_ptr<Endpoint> endpoint_;
  Clients clients_;
};

TEST_F(EndpointTest, RelaysFromItsOwnAddress) {
  NamedServer server(bed_, "one");
  open({.bind_host = TestBed::address(1)});
  set_targets({.preferred = {server.address()}});
  auto* client = connect();
  EXPECT_EQ(ask(client, hello), "one");
  EXPECT_EQ(ask(client, "and more"), "one");
  EXPECT_EQ(server.received(), std::string(hello) + "and more");
  EXPECT_EQ(server.clients(), std::set<std::string>{TestBed::address(1)});
}

TEST_F(EndpointTest, RefusesInTheServersOwnWords) {
  open();
  EXPECT_THAT(ask(connect(), hello), HasSubstr("C57P03"));
  let_in_ = false;
  const std::string refusal = ask(connect(), hello);
  EXPECT_THAT(refusal, HasSubstr("C28000"));
  EXPECT_EQ(refusal[0], 'E');
  auto* asks_for_tls = connect();
  EXPECT_EQ(ask(asks_for_tls, tls_request), "N");
  EXPECT_THAT(ask(asks_for_tls, hello), HasSubstr("C28000"));
  EXPECT_EQ(ask(connect(), "GET / HTTP/1.1\r\n\r\n"), "(end)");
}

TEST_F(EndpointTest, WhoInsistsOnTlsHearsTheRefusalUnderIt) {
  open();
  const auto own = net::testing::make_certificate();
  bed_.on_loop([&] { endpoint_->set_tls(*net::TlsServerContext::make(own.certificate, own.key)); });
  const auto refusal = [](TestBed& bed, net::Address to, std::string trusted) -> Task<std::string> {
    auto plain = co_await net::connect(bed.loop(), std::move(to));
    (*plain)->expire_after(Duration(60'000));
    (void)co_await (*plain)->write(as_bytes(tls_request));
    std::array<std::byte, 1> answer;
    (void)co_await (*plain)->read_some(answer);
    if (as_text(answer) != "S") co_return "no TLS";
    auto trust = net::TlsClientContext::make(trusted);
    auto tls = co_await net::connect_tls(std::move(*plain), *trust, "test.example", Duration(60'000));
    if (!tls) co_return tls.error().message();
    co_return co_await ask_task(tls->get(), std::string(hello));
  };
  const auto address = bed_.on_loop([this] { return endpoint_->address(); });
  EXPECT_THAT(bed_.run(refusal(bed_, address, own.certificate)), HasSubstr("C57P03"));
}

TEST_F(EndpointTest, SpreadsAndFallsBack) {
  NamedServer one(bed_, "one");
  NamedServer two(bed_, "two");
  NamedServer primary(bed_, "primary");
  open();
  set_targets({.preferred = {one.address(), two.address()}, .fallback = {primary.address()}});
  std::multiset<std::string> answers;
  for (int i = 0; i < 4; ++i) answers.insert(ask(connect(), hello));
  EXPECT_EQ(answers, (std::multiset<std::string>{"one", "one", "two", "two"}));
  set_targets({.preferred = {}, .fallback = {primary.address()}});
  EXPECT_EQ(ask(connect(), hello), "primary");
  // One that does not answer is passed over.
  set_targets({.preferred = {{TestBed::address(9), 1}}, .fallback = {primary.address()}});
  EXPECT_EQ(ask(connect(), hello), "primary");
}

TEST_F(EndpointTest, ShortConnectionsAreSpreadToo) {
  NamedServer one(bed_, "one");
  NamedServer two(bed_, "two");
  open();
  set_targets({.preferred = {one.address(), two.address()}});
  std::set<std::string> answers;
  for (int i = 0; i < 4; ++i) {
    answers.insert(ask(connect(), hello));
    clients_.clear_on(bed_);
    ASSERT_TRUE(shrinks_to(0));
  }
  EXPECT_EQ(answers, (std::set<std::string>{"one", "two"}));
}

TEST_F(EndpointTest, ConnectionsToFormerTargetsEnd) {
  NamedServer one(bed_, "one");
  NamedServer two(bed_, "two");
  open();
  set_targets({.preferred = {one.address()}});
  auto* client = connect();
  EXPECT_EQ(ask(client, hello), "one");
  set_targets({.preferred = {two.address()}, .fallback = {one.address()}});
  EXPECT_EQ(ask(client, "still a target"), "one");
  set_targets({.preferred = {two.address()}});
  EXPECT_EQ(ask(client, "gone"), "(end)");
  EXPECT_EQ(ask(connect(), hello), "two");
}

// A server sends away who does not log in in time: that must free the place here too.
TEST_F(EndpointTest, AClientThatStaysWhenItsServerHasHungUpLosesItsPlace) {
  NamedServer server(bed_, "one", true);
  open({.hang_up_timeout = Duration(50)});
  set_targets({.preferred = {server.address()}});
  EXPECT_EQ(ask(connect(), hello), "one");
  EXPECT_TRUE(shrinks_to(0));
}

TEST_F(EndpointTest, ClientsThatAreNoLongerLetInEnd) {
  NamedServer server(bed_, "one");
  open();
  set_targets({.preferred = {server.address()}});
  auto* client = connect();
  EXPECT_EQ(ask(client, hello), "one");
  let_in_ = false;
  bed_.on_loop([this] { endpoint_->recheck_clients(); });
  EXPECT_EQ(ask(client, "hello?"), "(end)");
}

TEST_F(EndpointTest, CancelRequestsReachEveryTarget) {
  NamedServer one(bed_, "one");
  NamedServer two(bed_, "two");
  NamedServer primary(bed_, "primary");
  open();
  set_targets({.preferred = {one.address(), two.address()}, .fallback = {primary.address()}});
  const std::string cancel =
      "\0\0\0\x10\x04\xd2\x16\x2e"
      "12345678"s;
  EXPECT_EQ(ask(connect(), cancel), "(end)");
  EXPECT_EQ(one.received(), cancel);
  EXPECT_EQ(two.received(), cancel);
  EXPECT_EQ(primary.received(), cancel);
}

TEST_F(EndpointTest, HasALimit) {
  NamedServer server(bed_, "one");
  open({.max_connections = 2});
  set_targets({.preferred = {server.address()}});
  EXPECT_EQ(ask(connect(), hello), "one");
  EXPECT_EQ(ask(connect(), hello), "one");
  EXPECT_THAT(ask(connect(), hello), HasSubstr("C53300"));
}

TEST_F(EndpointTest, WhoIsNotLetInTakesNobodysPlace) {
  NamedServer server(bed_, "one");
  open({.max_connections = 1, .first_packet_timeout = Duration(600'000), .hang_up_timeout = Duration(600'000)});
  set_targets({.preferred = {server.address()}});
  let_in_ = false;
  for (int i = 0; i < 64; ++i) connect();
  EXPECT_EQ(ask(connect(), ""), "(end)") << "there is no place left to hear why";
  EXPECT_EQ(connections(), 64u);
  let_in_ = true;
  EXPECT_EQ(ask(connect(), hello), "one");
}

TEST_F(EndpointTest, SilentClientsAreSentAway) {
  open({.first_packet_timeout = Duration(50)});
  EXPECT_EQ(ask(connect(), "\0\0"sv), "(end)");
}

// A primary and a standby behind a writer's and a reader's endpoint, all on one port.
TEST(EndpointsOfACluster, FollowTheRoles) {
  TestBed bed;
  if (!bed.missing().empty()) GTEST_SKIP() << bed.missing();
  constexpr uint16_t port = 5432;
  const auto options = [](unsigned last) {
    postgres::ServerOptions server{.listen = {TestBed::address(last), port}, .settings = {{"shared_buffers", "16MB"}}};
    server.access.networks = {TestBed::address(1) + "/32", TestBed::address(2) + "/32"};
    return server;
  };
  postgres::WarmPool pool(bed.context(), bed.installation(), {.folder = bed.path("pool"), .size = 0});
  ASSERT_TRUE(bed.run(pool.start()));
  postgres::ScopedCluster cluster(bed, bed.path("cluster"));
  ASSERT_TRUE(bed.run(cluster->create(pool, "a", options(10))));
  ASSERT_TRUE(bed.run(cluster->add_standby("b", options(11))));
  ASSERT_TRUE(bed.run(cluster->find("a")->query("create role jane login password 'secret'")));
  ASSERT_TRUE(bed.run(cluster->wait_until_safe("b", Duration(60'000))));

  std::vector<std::unique_ptr<Endpoint>> endpoints;
  const auto retarget = [&] {
    const net::Address a{TestBed::address(10), port};
    const net::Address b{TestBed::address(11), port};
    const bool a_writes = cluster->is_primary("a");
    endpoints[0]->set_targets({.preferred = {a_writes ? a : b}});
    endpoints[1]->set_targets({.preferred = {a_writes ? b : a}, .fallback = {a_writes ? a : b}});
  };
  bed.on_loop([&] {
    for (const unsigned last : {1, 2}) {
      auto opened = Endpoint::open(
          bed.loop(), {.name = "test", .listen = {TestBed::address(last), port}, .bind_host = TestBed::address(last)},
          [](const net::Address&) { return true; });
      ASSERT_TRUE(opened) << opened.error().message();
      endpoints.push_back(std::move(*opened));
    }
    retarget();
  });
  const auto log_in = [&](unsigned last) {
    return bed.run(postgres::Connection::open(bed.loop(), {{"hostaddr", TestBed::address(last)},
                                                           {"port", "5432"},
                                                           {"user", "jane"},
                                                           {"password", "secret"},
                                                           {"dbname", "postgres"}}));
  };
  const auto reads_only = [&](unsigned last) {
    auto connection = log_in(last);
    if (!connection) return connection.error().message();
    const auto rows = bed.run((*connection)->query("select pg_is_in_recovery()"));
    return rows ? rows->scalar() : rows.error().message();
  };
  EXPECT_EQ(reads_only(1), "f");
  EXPECT_EQ(reads_only(2), "t");
  // Past the endpoints nobody comes in: the servers let in the endpoints' addresses alone.
  EXPECT_THAT(reads_only(10), HasSubstr("rejects connection"));

  const auto switched = bed.run(cluster->switch_over("b"));
  EXPECT_TRUE(switched) << switched.error().message();
  bed.on_loop(retarget);
  EXPECT_EQ(reads_only(1), "f");
  EXPECT_EQ(reads_only(2), "t");
  bed.on_loop([&] { endpoints[0]->set_targets({}); });
  EXPECT_THAT(reads_only(1), HasSubstr("not accepting connections at the moment"));

  for (auto& endpoint : endpoints) bed.run(endpoint->stop());
  bed.on_loop([&] { endpoints.clear(); });
  bed.run(pool.stop());
}

}  // namespace
}  // namespace boreal::endpoints
