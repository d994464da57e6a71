// Requests to a bucket elsewhere, as a server there sees them.
#include "s3/remote.h"

#include <gmock/gmock.h>

#include "aws/chunked.h"
#include "http/server.h"
#include "net/loop.h"
#include "net/test_certificate.h"
#include "s3/testing.h"
#include "s3/text_source.h"

namespace boreal::s3 {
namespace {

using testing::HasSubstr;

struct Seen {
  std::string method, target, host, body;
  http::Headers headers;
  bool secure = false;
};

class Broken final : public Source {
 public:
  Task<Result<size_t>> read(MutableBytes) override { co_return fail(Errc::corrupt, "a frame is damaged"); }
  std::optional<uint64_t> size() const override { return 10; }
};

class RemoteTest : public testing::Test {
 public:
  RemoteTest() {
    pool.start();
    http::Options options;
    options.listen.address = {.host = "127.0.0.1"};
    options.listen.tls = *net::TlsServerContext::make(pem.certificate, pem.key);
    server = std::move(
        *http::Server::open(loop, std::move(options), [this](http::Request& request) { return answer(request); }));
  }
  ~RemoteTest() override { pool.stop(); }

  Task<http::Response> answer(http::Request& request) {
    Seen one{request.method, request.target, request.host, {}, request.headers, request.tls.has_value()};
    if (status == 0) {
      asked.set();
      co_await never.wait();
    }
    std::string buffer(10'000, '\0');
    for (;;) {
      const auto got = co_await request.body->read(std::as_writable_bytes(std::span(buffer)));
      if (!got || *got == 0) break;
      one.body.append(buffer, 0, *got);
    }
    seen.push_back(std::move(one));
    http::Response response;
    response.status = status;
    response.headers.add("x-amz-version-id", "v1");
    response.body = body;
    co_return response;
  }

  RemoteBucket configured(std::string scheme = "http") {
    RemoteBucket bucket;
    bucket.endpoint = scheme + "://127.0.0.1:" + std::to_string(server->address().port);
    bucket.region = "eu-west-1";
    bucket.access_key_id = "AKIDEXAMPLE";
    bucket.secret_access_key = "wJalrXUtnFEMI";
    bucket.bucket = "there";
    if (scheme == "https") bucket.trust = *net::TlsClientContext::make(pem.certificate);
    return bucket;
  }
  Remote remote(RemoteBucket bucket) {
    return {aws::ServiceContext{fixture.catalog(), fixture.clock, fixture.random, loop, pool}, "away",
            std::move(bucket)};
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    net::run_until_done(loop, [](RemoteTest& t, Task<T> work, std::optional<T>& out) -> Task<void> {
      out.emplace(co_await std::move(work));
      t.never.set();
      co_await t.server->stop(Duration(100));
    }(*this, std::move(task), result));
    return std::move(*result);
  }

  aws::CallFixture fixture;
  const net::testing::Pem pem = net::testing::make_certificate();
  net::Loop loop;
  io::Pool pool{1};
  std::unique_ptr<http::Server> server;
  std::vector<Seen> seen;
  Event asked, never;
  int status = 200;
  std::string body;
};

// As a server checks it.
std::string checked(const Seen& request) {
  const size_t question = request.target.find('?');
  const std::string path = request.target.substr(0, question);
  const std::string query = question == std::string::npos ? "" : request.target.substr(question + 1);
  const aws::RequestView view{request.method, path, query, request.headers};
  aws::SigningKeyCache keys;
  const auto signature = aws::parse_signature(view, aws::Canon::s3);
  if (!signature) return "unsigned";
  auto check = aws::verify_signature(*signature, view,
                                     {.canon = aws::Canon::s3,
                                      .service = "s3",
                                      .region = "eu-west-1",
                                      .secret = "wJalrXUtnFEMI",
                                      .now = SystemClock().now()},
                                     keys);
  if (!check) return "wrong: " + check.error().message;
  auto source = aws::check_body(std::make_unique<TextSource>(request.body), std::move(*check));
  TestExecutor executor;
  return executor.run([](Source& from) -> Task<std::string> {
    std::string all, buffer(10'000, '\0');
    for (;;) {
      const auto got = co_await from.read(std::as_writable_bytes(std::span(buffer)));
      if (!got) co_return "wrong body";
      if (*got == 0) co_return all;
      all.append(buffer, 0, *got);
    }
  }(*source));
}

TEST_F(RemoteTest, StreamsAreSignedChunkByChunkWhereNobodyEncrypts) {
  auto away = remote(configured());
  TextSource text(std::string(600'000, 'x'));
  const auto answer = run(away.send({.method = "PUT",
                                     .key = "a b/ü+?",
                                     .query = {{"uploadId", "a/b"}},
                                     .headers = {{"x-amz-meta-a", "1"}, {"content-encoding", "gzip"}},
                                     .body = {},
                                     .stream = &text}));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_TRUE(answer->ok());
  EXPECT_EQ(answer->header("x-amz-version-id"), "v1");
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].target, "/there/a%20b/%C3%BC%2B%3F?uploadId=a%2Fb");
  EXPECT_EQ(seen[0].headers.get("content-encoding"), "aws-chunked,gzip");
  EXPECT_TRUE(checked(seen[0]) == std::string(600'000, 'x'));
}

TEST_F(RemoteTest, OverTlsTheyGoAsTheyAre) {
  auto away = remote(configured("https"));
  TextSource text("body");
  const auto answer =
      run(away.send({.method = "PUT", .key = "k", .query = {}, .headers = {}, .body = {}, .stream = &text}));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_TRUE(seen.at(0).secure);
  EXPECT_EQ(seen[0].headers.get("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
  EXPECT_EQ(seen[0].body, "body");
  EXPECT_EQ(checked(seen[0]), "body");
}

TEST_F(RemoteTest, NothingIsSentToAServerThatNobodyVouchesFor) {
  auto bucket = configured("https");
  bucket.trust = *net::TlsClientContext::make(net::testing::make_certificate().certificate);
  auto away = remote(bucket);
  TextSource text("body");
  const auto answer =
      run(away.send({.method = "PUT", .key = "k", .query = {}, .headers = {}, .body = {}, .stream = &text}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::unavailable);
  EXPECT_THAT(answer.error().message(), HasSubstr("certificate"));
  EXPECT_TRUE(seen.empty());
}

TEST_F(RemoteTest, RefusalsAreRead) {
  status = 404;
  body = "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>";
  auto away = remote(configured());
  const auto answer =
      run(away.send({.method = "POST", .key = "k", .query = {{"uploads", ""}}, .headers = {}, .body = "text"}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(refusal_text(*answer), "404 NoSuchBucket: none");
  EXPECT_EQ(checked(seen.at(0)), "text");
}

TEST_F(RemoteTest, TheErrorOfAStreamIsItsOwn) {
  auto away = remote(configured());
  Broken broken;
  const auto answer =
      run(away.send({.method = "PUT", .key = "k", .query = {}, .headers = {}, .body = {}, .stream = &broken}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::corrupt);
}

TEST_F(RemoteTest, AStopEndsWhatIsUnderWay) {
  status = 0;
  auto away = remote(configured());
  const auto answer = run([](RemoteTest& t, Remote& to) -> Task<Result<Remote::Answer>> {
    Result<Remote::Answer> got = Remote::Answer{};
    TaskGroup group;
    group.spawn([](Remote& r, Result<Remote::Answer>& out) -> Task<void> {
      out = co_await r.send({.method = "GET", .key = "k", .query = {}, .headers = {}, .body = {}});
    }(to, got));
    co_await t.asked.wait();
    to.stop();
    co_await group.wait();
    co_return got;
  }(*this, away));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::cancelled);
}

TEST(RemoteVerdict, WhatIsFinalAndWhatMayPass) {
  const auto verdict = [](int status, std::string code) -> std::string {
    Remote::Answer answer;
    answer.status = status;
    answer.code = std::move(code);
    const auto told = check_final(answer);
    return told ? "final" : told.error().code() == Errc::unavailable ? "away" : "passes";
  };
  EXPECT_EQ(verdict(403, "AccessDenied"), "final");
  EXPECT_EQ(verdict(404, "NoSuchBucket"), "final");
  EXPECT_EQ(verdict(301, "PermanentRedirect"), "final");
  EXPECT_EQ(verdict(501, "NotImplemented"), "final");
  EXPECT_EQ(verdict(403, "RequestTimeTooSkewed"), "passes");
  EXPECT_EQ(verdict(409, "OperationAborted"), "passes");
  EXPECT_EQ(verdict(400, "BadDigest"), "passes");
  EXPECT_EQ(verdict(500, "InternalError"), "passes");
  EXPECT_EQ(verdict(503, "SlowDown"), "away");
}

TEST(RemoteEndpoint, HostAndPort) {
  const auto text = [](std::string_view url) -> std::string {
    const auto endpoint = parse_endpoint(url);
    if (!endpoint) return "";
    return std::string(endpoint->tls ? "tls " : "") + endpoint->host + " " + std::to_string(endpoint->port) + " " +
           endpoint->authority;
  };
  EXPECT_EQ(text("https://S3.eu-west-1.amazonaws.com"),
            "tls s3.eu-west-1.amazonaws.com 443 s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(text("http://127.0.0.1:4567/"), "127.0.0.1 4567 127.0.0.1:4567");
  EXPECT_EQ(text("http://[::1]:80"), "::1 80 [::1]");
  EXPECT_EQ(text("https://[::1]"), "tls ::1 443 [::1]");
  for (const char* bad : {"", "s3.local", "ftp://s3.local", "http://", "http://a:0", "http://a:99999", "http://a:b",
                          "http://a/b", "http://u@a", "http://a?b", "http://a b", "http://[::1"}) {
    EXPECT_EQ(text(bad), "") << bad;
  }
}

}  // namespace
}  // namespace boreal::s3
