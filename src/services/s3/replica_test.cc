// What another boreal's replication brings, and which rules may name a bucket elsewhere.
#include "s3/replica.h"

#include <gmock/gmock.h>

#include "http/server.h"
#include "net/loop.h"
#include "s3/testing.h"

namespace boreal::s3 {
namespace {

using testing::HasSubstr;

class ReplicaTest : public S3Test {
 protected:
  ReplicaTest() { make_versioned("from"); }
  // A version that was made elsewhere, so many milliseconds after 2023-11-14.
  Replica made(int64_t ms) {
    const Time when{1'700'000'000'000 + ms};
    return {objects::Id{static_cast<uint64_t>(when.ms) << 20, 7}, when};
  }
  Outcome<api::PutObjectOutput> bring(const std::string& text, const std::string& body, std::string key = "k") {
    return fixture.run(fixture.with_call(*s3, "PutObject", [&](Call& call) {
      call.http.headers.set(replica_field, text);
      call.http.content_length = body.size();
      api::PutObjectRequest input;
      input.bucket = "from";
      input.key = std::move(key);
      input.body = std::make_unique<objects::TextSource>(body);
      return s3->put_object(call, std::move(input));
    }));
  }
  Outcome<api::DeleteObjectOutput> bring_marker(const Replica& replica) {
    return fixture.run(fixture.with_call(*s3, "DeleteObject", [&](Call& call) {
      call.http.headers.set(replica_field, replica_text(replica));
      return s3->delete_object(call, {.bucket = "from", .key = "k"});
    }));
  }
  std::vector<std::string> versions() {
    std::vector<std::string> ids;
    const auto page =
        call<api::ListObjectVersionsOutput>("ListObjectVersions", api::ListObjectVersionsRequest{.bucket = "from"});
    for (const auto& row : page->versions.value_or(std::vector<api::VersionEntry>()))
      ids.push_back(row.version ? *row.version->version_id : "marker " + *row.delete_marker->version_id);
    return ids;
  }
  size_t notes() {
    size_t count = 0;
    for (const auto& id : objects->buckets()) count += objects->notes(id, {}, 100)->size();
    return count;
  }
};

TEST_F(ReplicaTest, VersionsKeepTheirPlaceHoweverTheyCome) {
  const auto old = made(1), middle = made(2), recent = made(3);
  for (const auto& one : {middle, recent, old, middle}) ASSERT_TRUE(bring(replica_text(one), one.id.text()));
  EXPECT_THAT(versions(), testing::ElementsAre(recent.id.text(), middle.id.text(), old.id.text()));
  const auto head = call<api::HeadObjectOutput>("HeadObject", api::HeadObjectRequest{.bucket = "from", .key = "k"});
  EXPECT_EQ(head->replication_status, "REPLICA");
  EXPECT_EQ(head->last_modified, recent.modified);
  const auto marker = made(4);
  ASSERT_TRUE(bring_marker(marker));
  ASSERT_TRUE(bring_marker(marker));  // once
  EXPECT_EQ(versions().size(), 4u);
  EXPECT_EQ(versions().front(), "marker " + marker.id.text());
}

TEST_F(ReplicaTest, TheFieldMustMakeSense) {
  const auto good = made(1);
  for (const std::string& text :
       {std::string(), std::string("k"), good.id.text(), good.id.text() + ";modified=x",
        replica_text({objects::Id{UINT64_MAX, 1}, good.modified}), replica_text({good.id, Time{int64_t{1} << 42}})}) {
    EXPECT_EQ(code_of(bring(text, "")), "InvalidArgument") << text;
  }
  EXPECT_TRUE(versions().empty());
  const auto back = parse_replica(replica_text(good));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->id, good.id);
  EXPECT_EQ(back->modified, good.modified);
}

TEST_F(ReplicaTest, TheCallerMustBeAllowedToReplicate) {
  const auto known = std::exchange(fixture.principal, aws::Principal{});
  EXPECT_EQ(code_of(bring(replica_text(made(1)), "")), "AccessDenied");
  fixture.principal = known;
  fixture.principal = aws::user_principal(account, "bob");
  fixture.policies.identity = {aws::identity_policy(
      R"({"Statement":[{"Effect":"Allow","Action":["s3:PutObject","s3:DeleteObject"],"Resource":"*"}]})")};
  EXPECT_EQ(code_of(bring(replica_text(made(1)), "")), "AccessDenied");
  EXPECT_EQ(code_of(bring_marker(made(1))), "AccessDenied");
  fixture.policies.identity = {
      aws::identity_policy(R"({"Statement":[{"Effect":"Allow","Action":["s3:*Object"],"Resource":"*"}]})")};
  EXPECT_TRUE(bring(replica_text(made(1)), ""));
}

TEST_F(ReplicaTest, AnIdIsOfOneKey) {
  const std::string text = replica_text(made(1));
  ASSERT_TRUE(bring(text, "body"));
  const auto refused = bring(text, "another", "other");
  EXPECT_EQ(code_of(refused), "InvalidArgument");
  EXPECT_TRUE(bring(text, "another")) << "it is there already";
  EXPECT_EQ(versions().size(), 1u);
}

class ElsewhereTest : public ReplicaTest {
 protected:
  ElsewhereTest() {
    const auto root = *crypto::SecretKey::from(as_bytes("0123456789abcdef0123456789abcdef"));
    Options options{Duration(0), Duration(0), Duration(0), {}};
    for (const std::string name : {"away", "both"}) {
      options.remotes[name].endpoint = "http://127.0.0.1:1";
      options.remotes[name].account = account;
    }
    EXPECT_EQ(make_bucket("both"), "");
    s3 = std::make_unique<Service>(fixture.context(), options, *objects, Peers{kms, fixture.gate(), roles},
                                   *crypto::Sealer::derive(root, "s3", fixture.random));
    EXPECT_TRUE(fixture.run(s3->start()));
  }
};

TEST_F(ElsewhereTest, RulesNameWhatIsConfigured) {
  const auto replicate_to = [&](const std::string& to) { return replicate("from", replication_to(to)); };
  const auto unknown = replicate_to("nowhere");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, "InvalidRequest");
  EXPECT_THAT(unknown.error().message, HasSubstr("[remote_buckets.nowhere]"));
  EXPECT_EQ(code_of(replicate_to("both")), "InvalidRequest");
  auto to_another_owner = replication_to("away");
  to_another_owner.destination.account = account;
  to_another_owner.destination.access_control_translation = api::AccessControlTranslation{.owner = "Destination"};
  EXPECT_EQ(code_of(replicate("from", to_another_owner)), "InvalidRequest");
  EXPECT_EQ(make_bucket("away"), "BucketAlreadyExists");
  EXPECT_EQ(code_of(replicate_to("away")), "");
}

TEST_F(ElsewhereTest, WhatIsBroughtIsNotSentOn) {
  ASSERT_TRUE(replicate("from", replication_to("away")));
  ASSERT_TRUE(bring(replica_text(made(1)), "body"));
  ASSERT_TRUE(bring_marker(made(2)));
  EXPECT_EQ(notes(), 0u);
  const auto tag = [&](bool is_brought) {
    return fixture.run(fixture.with_call(*s3, "PutObjectTagging", [&](Call& call) {
      if (is_brought) call.http.headers.set(replica_field, replica_text(made(1)));
      api::PutObjectTaggingRequest input{.bucket = "from", .key = "k", .version_id = made(1).id.text()};
      input.tagging.tag_set = {{.key = "a", .value = "b"}};
      return s3->put_object_tagging(call, std::move(input));
    }));
  };
  ASSERT_TRUE(tag(true));
  EXPECT_EQ(notes(), 0u);
  ASSERT_TRUE(put("from", "own", "body"));
  EXPECT_EQ(notes(), 1u);
  EXPECT_EQ(s3->replication().figures().at("away").pending, 1u);
}

// To a server of this test, that fails at what lies under some keys and takes all else.
class MoodyTest : public ReplicaTest {
 protected:
  MoodyTest() {
    http::Options listening;
    listening.listen.address = {.host = "127.0.0.1"};
    server = std::move(*http::Server::open(fixture.context().loop, std::move(listening),
                                           [this](http::Request& request) { return answer(request); }));
    const auto root = *crypto::SecretKey::from(as_bytes("0123456789abcdef0123456789abcdef"));
    Options options{Duration(0), Duration(0), Duration(0), {}};
    for (const std::string name : {"away", "silent"}) {
      options.remotes[name].endpoint = "http://127.0.0.1:" + std::to_string(server->address().port);
      options.remotes[name].account = account;
    }
    s3 = std::make_unique<Service>(fixture.context(), options, *objects, Peers{kms, fixture.gate(), roles},
                                   *crypto::Sealer::derive(root, "s3", fixture.random));
    EXPECT_TRUE(fixture.run(s3->start()));
  }
  Task<http::Response> answer(http::Request& request) {
    std::string buffer(10'000, '\0');
    for (;;) {
      const auto got = co_await request.body->read(std::as_writable_bytes(std::span(buffer)));
      if (!got || *got == 0) break;
    }
    if (request.target.starts_with("/silent/")) co_await ended.wait();
    http::Response response;
    response.status = request.target.contains("stuck") ? 500 : request.method == "HEAD" ? 404 : 200;
    response.headers.add("x-amz-version-id", "v1");
    co_return response;
  }
  void work(int times) {
    net::Loop& loop = fixture.context().loop;
    net::run_until_done(loop, [](Service& service, http::Server& there, int left) -> Task<void> {
      for (; left > 0; --left) (void)co_await service.replication().run("from");
      co_await service.stop();
      co_await there.stop(Duration(100));
    }(*s3, *server, times));
  }
  std::string status(const std::string& key) {
    const auto head = call<api::HeadObjectOutput>("HeadObject", api::HeadObjectRequest{.bucket = "from", .key = key});
    return head ? head->replication_status.value_or("none") : head.error().code;
  }
  std::unique_ptr<http::Server> server;
  Event ended;
};

// It ends a look at its notes after some that fail, in case that it is the server that does.
TEST_F(MoodyTest, WhatFailsAgainAndAgainKeepsNothingBehindItWaitingForEver) {
  ASSERT_TRUE(replicate("from", replication_to("away")));
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(put("from", "stuck" + std::to_string(i), "body"));
  ASSERT_TRUE(put("from", "good", "body"));
  work(3);
  EXPECT_EQ(status("good"), "COMPLETED");
  EXPECT_EQ(status("stuck0"), "PENDING");
  EXPECT_EQ(notes(), 12u);
}

// As many as have turns at once send to a server that says nothing, and are first.
TEST_F(MoodyTest, ARemoteBucketThatIsSlowKeepsNoOtherWaiting) {
  for (int i = 0; i < 8; ++i) {
    const std::string name = "b" + std::to_string(i) + "-to-silent";
    make_versioned(name);
    ASSERT_TRUE(replicate(name, replication_to("silent")));
    ASSERT_TRUE(put(name, "k", "body"));
  }
  ASSERT_TRUE(replicate("from", replication_to("away")));
  ASSERT_TRUE(put("from", "k", "body"));
  const std::string from = s3->directory().find("from")->id;
  const auto is_waited_for = [&] { return !objects->notes(from, {}, 1)->empty(); };
  net::Loop& loop = fixture.context().loop;
  net::run_until_done(loop,
                      [](Service& service, http::Server& there, Event& end, net::Loop& l, auto waits) -> Task<void> {
                        service.replication().start(Duration(1));
                        for (int i = 0; i < 2000 && waits(); ++i) co_await l.sleep(Duration(5));
                        co_await service.stop();
                        end.set();
                        co_await there.stop(Duration(100));
                      }(*s3, *server, ended, loop, is_waited_for));
  EXPECT_EQ(status("k"), "COMPLETED");
}

}  // namespace
}  // namespace boreal::s3
