#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "io/testing.h"

namespace boreal::server {
namespace {

class ConfigTest : public testing::Test {
 protected:
  // What reading this text says is wrong; nothing: it is in config_.
  std::string read(const std::string& text) {
    EXPECT_TRUE(io::write_file_atomically(path_, text));
    config_ = {};
    const auto merged = config_.merge_file(path_);
    return merged ? "" : merged.error().message();
  }
  const io::TempFolder folder_;
  const io::Path path_ = folder_ / "boreal.toml";
  Config config_;
};

TEST_F(ConfigTest, LettersOfAllAlphabetsStandInStringsAndComments) {
  EXPECT_EQ(read("\xef\xbb\xbf# für die Tür 中\ndata_folder = \"/srv/dätä \\\" 中\"  # ä\nregion = 'ü'\n"), "");
  EXPECT_EQ(config_.data_folder, "/srv/dätä \" 中");
  EXPECT_EQ(config_.region, "ü");
  EXPECT_EQ(read("region = \"\"\"\nä \"\" ü\"\"\"\"\nport = 1\naccount = '''ö'ö'''\n"), "");
  EXPECT_EQ(config_.region, "ä \"\" ü\"");
  EXPECT_EQ(config_.account, "ö'ö");
}

TEST_F(ConfigTest, ElsewhereTheyAreRefused) {
  for (const char* text :
       {"f\xef\xb8\xbfgg", "port = 1\nä = 1", "port = 1\nport\u3000= 1", "port = 1\n\u00a0", "region = 'a\nä"}) {
    EXPECT_NE(read(text), "") << text;
  }
  EXPECT_THAT(read("port = 1\nä = 1"), testing::HasSubstr(":2: a letter that is not ASCII stands outside of a string"));
}

TEST_F(ConfigTest, AFileThatIsNoneIsRefused) {
  EXPECT_THAT(read(std::string(2 << 20, '#')), testing::HasSubstr(path_));
  EXPECT_NE(read("port = \"1\""), "");
  EXPECT_NE(config_.merge_file(folder_ / "absent") ? "" : "refused", "");
}

TEST_F(ConfigTest, WhatWasProbablyMeantIsNamed) {
  EXPECT_THAT(read("[remote_bucket.away]\n"), testing::HasSubstr("did you mean 'remote_buckets'?"));
  EXPECT_THAT(read("prot = 1\n"), testing::HasSubstr("did you mean 'port'?"));
}

TEST_F(ConfigTest, WhatWouldBeRightIsTold) {
  for (const auto& [text, told] : std::map<std::string, std::string>{
           {"port = 65536", ":1: 'port' is to be a whole number from 0 to 65535"},
           {"pool_threads = 4.5", "'pool_threads' is to be a whole number"},
           {"strict = \"yes\"", "'strict' is to be true or false"},
           {"account = 123456789012", "'account' is to be a string, in quotes"},
           {"tls_names = \"x\"", "'tls_names' is to be a list of strings, as in [\"a\", \"b\"]"},
           {"tls_names = [1]", "'tls_names' is to be a list of strings, as in [\"a\", \"b\"]"},
           {"engine_map = \"13\"", "'engine_map' is to be a string of the form \"13=15,14=15\""}}) {
    EXPECT_THAT(read(text), testing::EndsWith(told)) << text;
  }
}

TEST_F(ConfigTest, SecretsInItAreForItsOwnerAlone) {
  const std::string text = "[remote_buckets.away]\nsecret_access_key = \"Hidden-Words\"\n";
  EXPECT_EQ(read(text), "");
  ASSERT_TRUE(io::write_file_atomically(path_, text, 0644));
  config_ = {};
  EXPECT_THAT(config_.merge_file(path_).error().message(),
              testing::AllOf(testing::HasSubstr("chmod 600 " + path_), testing::HasSubstr("secret_access_key_file"),
                             testing::Not(testing::HasSubstr("Hidden"))));
  config_ = {.dev = true};
  EXPECT_TRUE(config_.merge_file(path_)) << "a developer's own file";
  ASSERT_TRUE(io::write_file_atomically(path_, "port = 1\n", 0644));
  config_ = {};
  EXPECT_TRUE(config_.merge_file(path_));
}

TEST_F(ConfigTest, KeysNeverLieInTheDataFolder) {
  config_.data_folder = "some/data/";
  EXPECT_EQ(config_.keys(), "some/data.keys");
  EXPECT_TRUE(config_.validate());
  for (const char* inside : {"some/data", "some/data/", "./some/data/keys", "some/data//keys"}) {
    config_.key_folder = inside;
    EXPECT_FALSE(config_.validate()) << inside;
  }
  config_.key_folder = "some/data-keys";
  EXPECT_TRUE(config_.validate());
}

TEST_F(ConfigTest, WhatCouldNotBeServedIsRefusedBeforeAnythingIsMade) {
  const auto trouble = [&] {
    const auto valid = config_.validate();
    return valid ? "" : valid.error().message();
  };
  for (const char* good : {"127.0.0.1", "0.0.0.0", "::1", "2001:db8::1"}) {
    config_.listen_host = good;
    EXPECT_EQ(trouble(), "") << good;
  }
  for (const char* bad : {"", "localhost", "[::1]", "127.0.0.1:80", "db.example.com"}) {
    config_.listen_host = bad;
    EXPECT_THAT(trouble(), testing::HasSubstr("listen_host")) << bad;
  }
  config_.listen_host = "127.0.0.1";
  for (const char* bad : {"", "us east", "$(touch x)", "eu-west-1\n", "a/b"}) {
    config_.region = bad;
    EXPECT_THAT(trouble(), testing::HasSubstr("region")) << bad;
  }
  config_.region = "us-east-1";
  config_.warm_pool = 1'000'000;  // each some 40 MB
  EXPECT_THAT(trouble(), testing::HasSubstr("warm_pool"));
}

}  // namespace
}  // namespace boreal::server
