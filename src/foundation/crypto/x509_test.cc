#include "crypto/x509.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace boreal::crypto {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t day_ms = 86'400'000;
constexpr Time now = {1'795'000'000'000};
constexpr Validity year = {{now.ms - day_ms}, {now.ms + 365 * day_ms}};

class X509Test : public testing::Test {
 protected:
  SeededRandom random_{10};
  CertifiedKey authority_ = make_authority("boreal test authority", year, random_).value();
};

TEST_F(X509Test, AuthorityIsWhatItSays) {
  auto info = read_certificate(authority_.certificate_pem).value();
  EXPECT_EQ(info.subject, "boreal test authority");
  EXPECT_EQ(info.issuer, info.subject);
  EXPECT_TRUE(info.is_authority);
  EXPECT_EQ(info.validity.not_before, year.not_before);
  EXPECT_EQ(info.validity.not_after, year.not_after);
  EXPECT_EQ(info.serial.size(), 32u);
}

TEST_F(X509Test, ServerCertificateHoldsForItsNamesOnly) {
  ServerNames names{{"db.example", "*.objects.example"}, {"127.0.0.1", "::1"}};
  auto server = issue_server_certificate(authority_, names, year, random_).value();
  auto info = read_certificate(server.certificate_pem).value();
  EXPECT_EQ(info.issuer, "boreal test authority");
  EXPECT_FALSE(info.is_authority);
  EXPECT_THAT(info.names.dns_names, ElementsAre("db.example", "*.objects.example"));
  EXPECT_THAT(info.names.ip_addresses, ElementsAre("127.0.0.1", "0:0:0:0:0:0:0:1"));
  EXPECT_NE(info.serial, read_certificate(authority_.certificate_pem)->serial);

  for (const char* name : {"db.example", "a.objects.example", "127.0.0.1", "::1"}) {
    auto checked = check_server_certificate(server, authority_.certificate_pem, name, now);
    EXPECT_TRUE(checked) << name << ": " << (checked ? "" : checked.error().message());
  }
  for (const char* name : {"other.example", "a.b.objects.example", "127.0.0.2", ""}) {
    EXPECT_FALSE(check_server_certificate(server, authority_.certificate_pem, name, now)) << name;
  }
}

TEST_F(X509Test, CheckSaysWhatIsWrong) {
  auto server = issue_server_certificate(authority_, {{"db.example"}, {}}, year, random_).value();
  auto stranger = make_authority("stranger", year, random_).value();
  auto reason = [](const Result<void>& result) { return result ? std::string("fine") : result.error().message(); };
  auto check = [&](Time time) {
    return reason(check_server_certificate(server, authority_.certificate_pem, "db.example", time));
  };
  EXPECT_EQ(check(now), "fine");
  EXPECT_THAT(check(year.not_after + Duration(1000)), HasSubstr("expired"));
  EXPECT_THAT(check(year.not_before - Duration(1000)), HasSubstr("not yet valid"));
  EXPECT_NE(reason(check_server_certificate(server, stranger.certificate_pem, "db.example", now)), "fine");
  CertifiedKey mixed{server.certificate_pem, stranger.private_key_pem.copy()};
  EXPECT_THAT(reason(check_server_certificate(mixed, authority_.certificate_pem, "db.example", now)),
              HasSubstr("does not belong"));
}

TEST_F(X509Test, RefusesWhatCannotBeACertificate) {
  EXPECT_FALSE(issue_server_certificate(authority_, {}, year, random_)) << "no name";
  EXPECT_FALSE(issue_server_certificate(authority_, {{"a.example,DNS:b.example"}, {}}, year, random_));
  EXPECT_FALSE(issue_server_certificate(authority_, {{}, {"1.2.3"}}, year, random_));
  EXPECT_FALSE(issue_server_certificate(authority_, {{"a"}, {}}, {year.not_after, year.not_before}, random_));
  EXPECT_FALSE(make_authority("", year, random_));
  EXPECT_FALSE(make_authority(std::string(65, 'x'), year, random_));
  EXPECT_FALSE(read_certificate("-----BEGIN CERTIFICATE-----\nabcd\n-----END CERTIFICATE-----\n"));
  EXPECT_FALSE(read_certificate(""));
}

// A name longer than a common name may be is a name all the same.
TEST_F(X509Test, LongNames) {
  std::string name = std::string(60, 'a') + "." + std::string(60, 'b') + ".example";
  auto server = issue_server_certificate(authority_, {{name}, {}}, year, random_).value();
  EXPECT_TRUE(check_server_certificate(server, authority_.certificate_pem, name, now));
}

}  // namespace
}  // namespace boreal::crypto
