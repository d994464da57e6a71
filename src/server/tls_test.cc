#include "server/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/client.h"
#include "http/server.h"
#include "io/testing.h"

namespace boreal::server {
namespace {

using testing::HasSubstr;

constexpr Duration day = std::chrono::hours(24);

// Whether a client that trusts this authority believes who shows what is in the context.
Task<bool> ask(net::Loop& loop, std::shared_ptr<net::TlsServerContext> context, std::string ca_pem) {
  http::Options options;
  options.listen.address = {.host = "127.0.0.1"};
  options.listen.tls = std::move(context);
  auto server = *http::Server::open(loop, std::move(options),
                                    [](http::Request&) -> Task<http::Response> { co_return http::Response(); });
  const auto answer =
      co_await http::fetch(loop, server->address(), {.target = "/"}, {.tls = *net::TlsClientContext::make(ca_pem)});
  co_await server->stop(Duration(100));
  co_return answer.has_value();
}

class ServerTlsTest : public testing::Test {
 protected:
  ServerTlsTest() {
    config_.data_folder = folder_ / "data";
    config_.key_folder = folder_ / "keys";
  }
  bool is_believed(const std::string& ca_pem) {
    net::Loop loop;
    return run_until_done(loop, ask(loop, tls_.context(), ca_pem));
  }
  // Puts files there that the configuration names; their authority.
  crypto::CertifiedKey put_files() {
    config_.tls_certificate_file = folder_ / "server.pem";
    config_.tls_key_file = folder_ / "server.key";
    const crypto::Validity validity{clock_.now() - day, clock_.now() + day};
    auto authority = crypto::make_authority("somebody's", validity, random_).value();
    auto server = crypto::issue_server_certificate(authority, {{}, {"127.0.0.1"}}, validity, random_).value();
    EXPECT_TRUE(io::write_file_atomically(config_.tls_certificate_file, server.certificate_pem));
    EXPECT_TRUE(io::write_file_atomically(config_.tls_key_file, server.private_key_pem.text()));
    return authority;
  }
  std::string trouble_at_start() {
    const auto opened = tls_.open();
    return opened ? "" : opened.error().message();
  }

  const io::TempFolder folder_;
  Config config_;
  net::Loop loop_;
  io::Pool pool_{1};
  ManualClock clock_{SystemClock().now()};  // clients judge certificates by the system's
  SystemRandom random_;
  ServerTls tls_{config_, loop_, pool_, clock_, random_};
};

TEST_F(ServerTlsTest, OneOfOurOwnIsMadeAnewBeforeItEnds) {
  const Time now = clock_.now();
  clock_.set(now - day * 400);
  ASSERT_TRUE(tls_.open());
  EXPECT_FALSE(is_believed(tls_.ca_pem()));  // it was good for a year
  clock_.set(now - day * 66);                // a month is left of it
  tls_.refresh();
  EXPECT_FALSE(is_believed(tls_.ca_pem()));
  clock_.set(now - day * 64);
  tls_.refresh();
  EXPECT_TRUE(is_believed(tls_.ca_pem()));
}

TEST_F(ServerTlsTest, TheAuthorityStaysTheSameWhenItsCertificateIsMadeAnew) {
  const Time now = clock_.now();
  clock_.set(now - day * 2930);
  ASSERT_TRUE(tls_.open());
  const std::string old = tls_.ca_pem();
  const auto start_again = [&](Time at) {
    clock_.set(at);
    ServerTls tls(config_, loop_, pool_, clock_, random_);
    EXPECT_TRUE(tls.open());
    net::Loop loop;
    EXPECT_EQ(run_until_done(loop, ask(loop, tls.context(), old)), at == now);
    return std::string(tls.ca_pem());
  };
  EXPECT_EQ(start_again(now - day * 800), old);
  const std::string renewed = start_again(now);  // both are believed, who trusts the old one above
  EXPECT_NE(renewed, old);
  EXPECT_EQ(*io::read_file(folder_ / "data/tls/ca.pem"), renewed);
  EXPECT_EQ(start_again(now), renewed);
  ServerTls tls(config_, loop_, pool_, clock_, random_);
  ASSERT_TRUE(tls.open());
  net::Loop loop;
  EXPECT_TRUE(run_until_done(loop, ask(loop, tls.context(), renewed)));
}

TEST_F(ServerTlsTest, AClockThatWasMovedDoesNotMatter) {
  class Moved final : public Clock {
   public:
    Time now() const override { return unmoved() + day * 1000; }
    Time unmoved() const override { return SystemClock().now(); }
  };
  const Moved moved;
  ServerTls tls(config_, loop_, pool_, moved, random_);
  ASSERT_TRUE(tls.open());
  net::Loop loop;
  EXPECT_TRUE(run_until_done(loop, ask(loop, tls.context(), tls.ca_pem())));
}

TEST_F(ServerTlsTest, AnAuthorityWhoseFilesAreOfNoUseIsNamed) {
  ASSERT_TRUE(tls_.open());
  const auto start_again = [&] {
    ServerTls tls(config_, loop_, pool_, clock_, random_);
    const auto opened = tls.open();
    return opened ? "" : opened.error().message();
  };
  const io::Path key = folder_ / "keys/ca.key";
  const io::Path certificate = folder_ / "data/tls/ca.pem";
  const std::string right = *io::read_file(key);
  ASSERT_TRUE(io::write_file_atomically(key, right, 0640));
  EXPECT_THAT(start_again(), HasSubstr("chmod 600 " + key));
  const auto other = crypto::make_authority("other", {clock_.now() - day, clock_.now() + day}, random_).value();
  ASSERT_TRUE(io::write_file_atomically(key, other.private_key_pem.text()));
  EXPECT_THAT(start_again(), testing::AllOf(HasSubstr(key), HasSubstr(certificate), HasSubstr("does not belong")));
  ASSERT_TRUE(io::write_file_atomically(key, right));
  EXPECT_EQ(start_again(), "");
  ASSERT_TRUE(io::write_file_atomically(certificate, "nothing"));
  EXPECT_THAT(start_again(), HasSubstr(certificate));
}

TEST_F(ServerTlsTest, FilesAreShownAndReadAgainWhenTheyChange) {
  const auto first = put_files();
  ASSERT_EQ(trouble_at_start(), "");
  EXPECT_TRUE(is_believed(first.certificate_pem));
  EXPECT_FALSE(is_believed(tls_.ca_pem()));
  const auto second = put_files();
  EXPECT_TRUE(is_believed(first.certificate_pem));
  tls_.refresh();
  EXPECT_TRUE(is_believed(second.certificate_pem));
  EXPECT_FALSE(is_believed(first.certificate_pem));
  // What is wrong changes nothing.
  EXPECT_TRUE(io::write_file_atomically(config_.tls_certificate_file, first.certificate_pem));
  tls_.refresh();
  EXPECT_TRUE(io::remove_file(config_.tls_key_file));
  tls_.refresh();
  EXPECT_TRUE(is_believed(second.certificate_pem));
}

TEST_F(ServerTlsTest, ThatTheCertificateOfFilesEndsIsToldBeforeAndThen) {
  put_files();  // which are good for two days, of which one is over
  ASSERT_EQ(trouble_at_start(), "");
  const Time now = clock_.now();
  const auto logged_at = [&](Time at) {
    clock_.set(at);
    testing::internal::CaptureStderr();
    tls_.refresh();
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(logged_at(now), "");
  EXPECT_THAT(logged_at(now + day * 3 / 4), HasSubstr("ends soon"));
  EXPECT_EQ(logged_at(now + day * 4 / 5), "");
  EXPECT_THAT(logged_at(now + day), HasSubstr("not of this time"));
  EXPECT_EQ(logged_at(now + day), "");
}

TEST_F(ServerTlsTest, FilesThatAreOfNoUseEndTheStart) {
  const auto authority = put_files();
  EXPECT_TRUE(io::write_file_atomically(config_.tls_certificate_file, authority.certificate_pem));
  EXPECT_THAT(trouble_at_start(), HasSubstr("the key does not belong to the certificate"));
  EXPECT_TRUE(io::write_file_atomically(config_.tls_certificate_file, "nothing"));
  EXPECT_THAT(trouble_at_start(), HasSubstr(config_.tls_certificate_file));
  EXPECT_TRUE(io::write_file_atomically(config_.tls_key_file, authority.private_key_pem.text(), 0644));
  EXPECT_THAT(trouble_at_start(), HasSubstr("chmod 600"));
  EXPECT_TRUE(io::remove_file(config_.tls_key_file));
  EXPECT_THAT(trouble_at_start(), HasSubstr("tls_key_file"));
  config_.tls_key_file.clear();
  EXPECT_THAT(config_.validate().error().message(), HasSubstr("wanted both, or neither"));
}

}  // namespace
}  // namespace boreal::server
