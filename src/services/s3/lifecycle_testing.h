// A bucket with lifecycle rules, a round at a time: nothing here waits for a worker. Only for tests.
#pragma once

#include <gmock/gmock.h>

#include "net/loop.h"
#include "s3/testing.h"

namespace boreal::s3 {

inline constexpr auto one_day = std::chrono::days(1);
inline constexpr size_t large = 128 << 10;

class LifecycleTest : public S3Test {
 protected:
  LifecycleTest() { EXPECT_EQ(make_bucket("shop"), ""); }

  // Of all objects, unless its filter says otherwise.
  static api::LifecycleRule rule() {
    api::LifecycleRule made;
    made.status = "Enabled";
    made.filter.emplace();
    return made;
  }
  static api::LifecycleRule expire(int days) {
    auto made = rule();
    made.expiration = api::LifecycleExpiration{.days = days};
    return made;
  }
  static api::LifecycleRule transition(int days, const std::string& to) {
    auto made = rule();
    made.transitions = {api::Transition{.days = days, .storage_class = to}};
    return made;
  }
  static api::LifecycleRule expire_noncurrent(int days, std::optional<int> kept = {}) {
    auto made = rule();
    made.noncurrent_version_expiration =
        api::NoncurrentVersionExpiration{.noncurrent_days = days, .newer_noncurrent_versions = kept};
    return made;
  }
  void configure(std::vector<api::LifecycleRule> rules) {
    api::PutBucketLifecycleConfigurationRequest input{.bucket = "shop"};
    input.lifecycle_configuration.emplace().rules = std::move(rules);
    ASSERT_EQ(
        code_of(call<api::PutBucketLifecycleConfigurationOutput>("PutBucketLifecycleConfiguration", std::move(input))),
        "");
  }
  void pass(Duration time) {
    fixture.clock.advance(time);
    const auto done = fixture.run(s3->lifecycle().run_round());
    EXPECT_TRUE(done) << done.error().message();
  }
  // Lets the worker work until it has been round since `since_ns` is known and past; it rests for long then.
  void work_until_round(const int64_t& since_ns, Duration tick = std::chrono::minutes(10)) {
    net::Loop& loop = fixture.context().loop;
    net::run_until_done(loop, [](Lifecycle& worker, net::Loop& l, const int64_t& since, Duration t) -> Task<void> {
      worker.start(t);
      while (since == 0 || !worker.has_been_round(since)) co_await l.sleep(Duration(5));
      co_await worker.stop();
    }(s3->lifecycle(), loop, since_ns, tick));
  }
  // Each version as "key", "key marker", the newest first.
  std::vector<std::string> versions() {
    const auto page =
        call<api::ListObjectVersionsOutput>("ListObjectVersions", api::ListObjectVersionsRequest{.bucket = "shop"});
    std::vector<std::string> told;
    for (const auto& row : page->versions.value_or(std::vector<api::VersionEntry>())) {
      if (row.version) told.push_back(*row.version->key + (row.version->is_latest.value_or(false) ? "" : " old"));
      if (row.delete_marker) told.push_back(*row.delete_marker->key + " marker");
    }
    return told;
  }
  std::vector<std::string> keys() { return keys_of(*list({.bucket = "shop"})); }
  std::string class_of(const std::string& key) {
    const auto told = call<api::HeadObjectOutput>("HeadObject", api::HeadObjectRequest{.bucket = "shop", .key = key});
    return told ? told->storage_class.value_or("STANDARD") : told.error().code;
  }
  void put_tagged(const std::string& key, const std::string& tag, const std::string& value) {
    ASSERT_TRUE(put("shop", key, "x"));
    api::PutObjectTaggingRequest input{.bucket = "shop", .key = key};
    input.tagging.tag_set = {api::Tag{.key = tag, .value = value}};
    ASSERT_TRUE(call<api::PutObjectTaggingOutput>("PutObjectTagging", std::move(input)));
  }
};

}  // namespace boreal::s3
