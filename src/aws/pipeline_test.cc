#include "aws/pipeline.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <thread>

#include "api/kms/service.h"
#include "api/s3/service.h"
#include "api/s3control/service.h"
#include "base/sync.h"
#include "base/testing.h"
#include "codec/hex.h"

namespace boreal::aws {
namespace {

// Two keys: "root" with everything, "narrow" with kms:ListKeys only. Secret of both: "secret".
class TwoKeys final : public Identities {
 public:
  Task<Outcome<std::optional<Credential>>> credential(std::string access_key, std::string) override {
    Principal principal;
    principal.account = "000000000000";
    if (access_key == "root") {
      principal.kind = Principal::Kind::root;
      principal.arn = "arn:aws:iam::000000000000:root";
    } else if (access_key == "narrow") {
      principal.kind = Principal::Kind::user;
      principal.arn = "arn:aws:iam::000000000000:user/narrow";
    } else {
      co_return std::nullopt;
    }
    co_return Credential{.principal = std::make_shared<const Principal>(principal), .secret_key = "secret"};
  }
  Task<Outcome<Policies>> policies(const Principal& principal) override {
    Policies policies;
    if (principal.kind == Principal::Kind::user) {
      policies.identity.push_back(std::make_shared<const Policy>(*Policy::parse(
          R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:ListKeys","Resource":"*"}})",
          PolicyKind::identity)));
    }
    co_return policies;
  }
  Task<Outcome<std::optional<RoleSession>>> role_session(std::string, std::string) override { co_return std::nullopt; }
  Task<Outcome<std::optional<std::string>>> principal_id(std::string) override { co_return std::nullopt; }
  Task<Outcome<std::optional<std::string>>> principal_arn(std::string, std::string) override { co_return std::nullopt; }
};

// Knows the operations of an API, and answers 501 to all of them.
class Unfurnished : public Service {
 public:
  explicit Unfurnished(const ServiceModel& of) : model_(of), operations_(of.operations.begin(), of.operations.end()) {
    for (auto& operation : operations_)
      operation.invoke = [](Service&, Call& call, Value) -> Task<Outcome<Value>> {
        co_return refuse(not_implemented(call));
      };
    model_.operations = operations_;
  }
  const ServiceModel& model() const override { return model_; }

 protected:
  Operation& operation(std::string_view name) { return *std::ranges::find(operations_, name, &Operation::name); }

 private:
  ServiceModel model_;
  std::vector<Operation> operations_;
};

class Rooms final : public Unfurnished {
 public:
  Rooms() : Unfurnished(api::kms::service_model) {
    operation("ListKeys").invoke = [](Service& self, Call& call, Value) -> Task<Outcome<Value>> {
      auto& rooms = static_cast<Rooms&>(self);
      rooms.called_by = call.caller.arn();
      rooms.region = call.region;
      if (rooms.has_bug) throw std::logic_error("a bug");
      co_return Value::of(api::kms::ListKeysResponse{});
    };
  }
  std::string called_by, region;
  bool has_bug = false;
};

class EmptyBody final : public Source {
 public:
  explicit EmptyBody(std::string text) : text_(std::move(text)) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t count = std::min(buffer.size(), text_.size() - at_);
    std::copy_n(as_bytes(text_).begin() + static_cast<std::ptrdiff_t>(at_), count, buffer.begin());
    at_ += count;
    co_return count;
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

// Of a client that sends nothing any more.
class StalledBody final : public Source {
 public:
  Task<Result<size_t>> read(MutableBytes) override { co_return fail(Errc::timeout, "nothing came"); }
};

// Of a client that goes on when the test says so.
class AwaitedBody final : public Source {
 public:
  AwaitedBody(Event& more, size_t& largest) : more_(more), largest_(largest) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    largest_ = std::max(largest_, buffer.size());
    co_await more_.wait();
    co_return size_t{0};
  }
  Executor* home() const override { return Executor::current(); }

 private:
  Event& more_;
  size_t& largest_;
};

// Brings so many bytes, and goes on to its end when the test says so.
class SlowBody final : public Source {
 public:
  SlowBody(Event& more, size_t bytes, size_t& given) : more_(more), size_(bytes), left_(bytes), given_(given) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    if (left_ == 0) co_await more_.wait();
    const size_t count = std::min(left_, buffer.size());
    left_ -= count;
    given_ += count;
    co_return count;
  }
  Executor* home() const override { return Executor::current(); }
  std::optional<uint64_t> size() const override { return size_; }

 private:
  Event& more_;
  const size_t size_;
  size_t left_;
  size_t& given_;
};

class PipelineTest : public testing::Test {
 protected:
  PipelineTest() { pipeline.add(rooms); }

  http::Request request(std::string target, std::string body, std::string key = "root", std::string secret = "secret") {
    http::Request request;
    request.method = "POST";
    request.target = request.path = "/";
    request.host = "kms.localhost";
    request.headers.add("Host", "kms.localhost");
    request.headers.add("Content-Type", "application/x-amz-json-1.1");
    request.headers.add("X-Amz-Target", target);
    if (!key.empty()) {
      const SignOptions options{.service = "kms",
                                .region = "eu-west-1",
                                .now = clock.now(),
                                .payload_hash = codec::hex_encode(crypto::Sha256::of(as_bytes(body)))};
      for (const auto& [name, value] : sign(RequestView::of(request), {key, secret, ""}, options))
        request.headers.add(name, value);
    }
    request.content_length = body.size();
    request.body = std::make_unique<EmptyBody>(std::move(body));
    return request;
  }
  http::Response send(http::Request request) { return executor.run(pipeline.handle(request)); }

  TestExecutor executor;
  ManualClock clock;
  SeededRandom random{7};
  TwoKeys identities;
  Gate gate{identities, clock};
  Rooms rooms;
  Pipeline pipeline{gate, clock, random, {.default_region = "us-east-1", .max_requests = 2}};
};

TEST_F(PipelineTest, CarriesCallerRegionAndRequestId) {
  const auto answer = send(request("TrentService.ListKeys", "{}"));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(rooms.called_by, "arn:aws:iam::000000000000:root");
  EXPECT_EQ(rooms.region, "eu-west-1");
  EXPECT_TRUE(answer.headers.has("x-amzn-RequestId"));
  EXPECT_EQ(pipeline.figures().at("kms:ListKeys").calls, 1U);
}

TEST_F(PipelineTest, WhoIsNotKnownAndSendsSlowlyKeepsNobodyOut) {
  Event more;
  size_t largest = 0;
  std::vector<int> statuses;
  const auto keep = [&]() -> Task<void> {
    auto slow = request("TrentService.ListKeys", "{}", "");
    slow.content_length = 1'000'000;
    slow.body = std::make_unique<AwaitedBody>(more, largest);
    statuses.push_back((co_await pipeline.handle(slow)).status);
  };
  TaskGroup slow_ones;
  const auto begin = [&](int count) -> Task<void> {
    for (int i = 0; i < count; ++i) slow_ones.spawn(keep());
    co_return;
  };
  executor.run(begin(2));
  executor.run_until_idle();
  EXPECT_EQ(send(request("TrentService.ListKeys", "{}")).status, 200);
  executor.run(begin(1));
  executor.run_until_idle();
  EXPECT_EQ(statuses, std::vector<int>{503}) << "but there is an end of them too";
  EXPECT_LE(largest, 64U << 10) << "as much as was announced, before any of it came";
  const auto go_on = [&]() -> Task<void> {
    more.set();
    co_return;
  };
  executor.run(go_on());
  executor.run(slow_ones.wait());
  EXPECT_EQ(statuses, (std::vector<int>{503, 400, 400}));
  EXPECT_EQ(send(request("TrentService.ListKeys", "{}")).status, 200);
}

TEST_F(PipelineTest, WhoIsNotKnownDoesNotFillTheMemory) {
  Pipeline bounded{gate, clock, random, {.default_region = "us-east-1", .max_strangers_bytes = 64 << 10}};
  bounded.add(rooms);
  Event more;
  size_t given = 0;
  std::vector<int> statuses;
  const auto ask = [&](size_t bytes) -> Task<void> {
    auto asked = request("TrentService.ListKeys", "{}", "");
    asked.content_length = bytes;
    asked.body = std::make_unique<SlowBody>(more, bytes, given);
    statuses.push_back((co_await bounded.handle(asked)).status);
  };
  TaskGroup asking;
  const auto begin = [&](std::vector<size_t> sizes) -> Task<void> {
    for (const size_t size : sizes) asking.spawn(ask(size));
    co_return;
  };
  executor.run(begin({60'000, 15'000, 60'000}));
  executor.run_until_idle();
  EXPECT_EQ(statuses, std::vector<int>{503}) << "the second long one; a short one may come";
  EXPECT_LE(given, 2 * (64U << 10));
  const auto go_on = [&]() -> Task<void> {
    more.set();
    co_return;
  };
  executor.run(go_on());
  executor.run(asking.wait());
  EXPECT_EQ(statuses, (std::vector<int>{503, 400, 400}));
  executor.run(begin({60'000}));
  executor.run(asking.wait());
  EXPECT_EQ(statuses.back(), 400) << "what they held is given back";
}

class Documents final : public Unfurnished {
 public:
  Documents() : Unfurnished(api::s3::service_model) {}
  bool judges_by_body(const Operation& operation) const override { return operation.name == "PutObjectTagging"; }
  Outcome<void> check_body(const Operation&, const http::Request&, std::string_view) override {
    checked_by = std::this_thread::get_id();
    return {};
  }
  std::thread::id checked_by;
};

TEST_F(PipelineTest, WhoMayNotSendALongDocumentIsNotListenedTo) {
  Documents s3;
  io::Pool pool{1};
  pool.start();
  Pipeline with_s3{gate, clock, random, {.default_region = "us-east-1", .pool = &pool}};
  with_s3.add(s3);
  Event more;
  more.set();
  size_t given = 0;
  const auto put = [&](std::string path, std::string query, size_t bytes, bool is_signed) {
    http::Request request;
    request.method = "PUT";
    request.path = path;
    request.query = query;
    request.target = path + "?" + query;
    request.host = "localhost";
    request.headers.add("Host", "localhost");
    const SignOptions options{.canon = Canon::s3,
                              .service = "s3",
                              .region = "us-east-1",
                              .now = clock.now(),
                              .payload_hash = "UNSIGNED-PAYLOAD"};
    if (is_signed) {
      for (const auto& [name, value] : sign(RequestView::of(request), {"root", "secret", ""}, options))
        request.headers.add(name, value);
    }
    request.body = std::make_unique<SlowBody>(more, bytes, given);
    given = 0;
    return executor.run(with_s3.handle(request)).body;
  };
  EXPECT_THAT(put("/shop", "lifecycle", 1'000'000, false), testing::HasSubstr("<Code>AccessDenied</Code>"));
  EXPECT_EQ(given, 0U);
  EXPECT_THAT(put("/shop", "lifecycle", 1'000'000, true), testing::HasSubstr("<Code>MalformedXML</Code>"));
  EXPECT_EQ(given, 1'000'000U);
  EXPECT_NE(s3.checked_by, std::this_thread::get_id()) << "its digests keep nobody else waiting";
  EXPECT_THAT(put("/shop/k", "tagging", 1'000'000, true), testing::HasSubstr("MaxMessageLengthExceeded"))
      << "whether it may come is asked with it only";
  EXPECT_LE(given, (128U << 10) + 1);
}

// What was written to the log meanwhile.
class CapturedLog {
 public:
  CapturedLog() { testing::internal::CaptureStderr(); }
  ~CapturedLog() {
    if (!is_taken_) testing::internal::GetCapturedStderr();
  }
  std::string take() {
    is_taken_ = true;
    return testing::internal::GetCapturedStderr();
  }

 private:
  bool is_taken_ = false;
};

TEST_F(PipelineTest, TimesAreCountedByBucket) {
  for (int i = 0; i < 3; ++i) send(request("TrentService.ListKeys", "{}"));
  const auto figures = pipeline.figures().at("kms:ListKeys");
  EXPECT_EQ(std::accumulate(figures.times.begin(), figures.times.end(), 0U), 3U);
  EXPECT_EQ(figures.times.back(), 0U) << "none took ten seconds";
}

TEST_F(PipelineTest, EachRequestIsALineOfTheLogIfThatIsWanted) {
  Pipeline talkative{gate, clock, random, {.default_region = "us-east-1", .log_requests = true}};
  talkative.add(rooms);
  const auto line = [&](http::Request request) {
    request.peer = {.host = "192.0.2.7", .port = 4711};
    CapturedLog log;
    executor.run(talkative.handle(request));
    return log.take();
  };
  auto well = line(request("TrentService.ListKeys", "{}"));
  EXPECT_THAT(well, testing::ContainsRegex(
                        "Z info  api +request from=192.0.2.7:4711 caller=arn:aws:iam::000000000000:root "
                        "operation=kms:ListKeys resource=[^ ]+ status=200 code=- bytes_in=2 bytes_out=[0-9]+ "
                        "duration_us=[0-9]+ request=[0-9a-f-]{36}\n$"));
  EXPECT_THAT(line(request("TrentService.ListAliases", "{}", "narrow")),
              testing::HasSubstr("caller=arn:aws:iam::000000000000:user/narrow operation=kms:ListAliases"));
  const auto wrong = line(request("TrentService.ListKeys", "{}", "root", "other"));
  EXPECT_THAT(wrong,
              testing::HasSubstr("caller=- operation=POST resource=- status=400 code=InvalidSignatureException"));
  EXPECT_EQ(std::ranges::count(wrong, '\n'), 1);
  CapturedLog quiet;
  send(request("TrentService.ListKeys", "{}"));
  EXPECT_EQ(quiet.take(), "");
}

TEST_F(PipelineTest, NobodyGetsInWithoutARightSignature) {
  EXPECT_NE(send(request("TrentService.ListKeys", "{}", "root", "other")).body.find("InvalidSignatureException"),
            std::string::npos);
  EXPECT_NE(send(request("TrentService.ListKeys", "{}", "stranger")).body.find("UnrecognizedClientException"),
            std::string::npos);
  EXPECT_GE(send(request("TrentService.ListKeys", "{}", "")).status, 400);
  auto late = request("TrentService.ListKeys", "{}");
  clock.advance(std::chrono::minutes(16));
  EXPECT_GE(send(std::move(late)).status, 400);
  EXPECT_EQ(rooms.called_by, "");
}

TEST_F(PipelineTest, WhatNoPolicyAllowsIsDeniedByName) {
  EXPECT_EQ(send(request("TrentService.ListKeys", "{}", "narrow")).status, 200);
  const auto denied = send(request("TrentService.ListAliases", "{}", "narrow"));
  EXPECT_EQ(denied.status, 400);  // as all that is the client's in a protocol of JSON
  EXPECT_NE(denied.body.find("AccessDeniedException"), std::string::npos) << denied.body;
  EXPECT_NE(denied.body.find("kms:ListAliases"), std::string::npos) << denied.body;
  EXPECT_NE(denied.body.find("user/narrow"), std::string::npos) << denied.body;
}

TEST_F(PipelineTest, UnservedAndUnknownOperations) {
  const auto inherited = send(request("TrentService.ListAliases", "{}"));  // in the model, not overridden
  EXPECT_EQ(inherited.status, 501);
  EXPECT_NE(inherited.body.find("ListAliases"), std::string::npos);
  const auto unlisted = send(request("TrentService.ConnectCustomKeyStore", "{}"));
  EXPECT_EQ(unlisted.status, 501);
  EXPECT_NE(unlisted.body.find("ConnectCustomKeyStore"), std::string::npos);
  EXPECT_EQ(send(request("TrentService.MakeCoffee", "{}")).status, 400);
}

TEST_F(PipelineTest, BodiesAreBoundedBeforeTheyAreRead) {
  auto announced = request("TrentService.ListKeys", "{}");
  announced.content_length = 2 << 20;
  EXPECT_EQ(send(std::move(announced)).status, 413);
  auto unannounced = request("TrentService.ListKeys", std::string((1 << 20) + 1, ' '));
  unannounced.content_length.reset();
  EXPECT_EQ(send(std::move(unannounced)).status, 413);
  EXPECT_EQ(rooms.called_by, "");
}

TEST_F(PipelineTest, LongBodiesAreParsedElsewhere) {
  io::Pool pool{1};  // does not work yet
  Pipeline with_pool{gate, clock, random, {.default_region = "us-east-1", .pool = &pool}};
  with_pool.add(rooms);
  std::vector<int> statuses;
  const auto ask = [&](std::string body) -> Task<void> {
    auto asked = request("TrentService.ListKeys", std::move(body));
    statuses.push_back((co_await with_pool.handle(asked)).status);
  };
  TaskGroup asking;
  const auto begin = [&]() -> Task<void> {
    for (const char* value : {"100", "100000"}) {
      asking.spawn(ask(fmt::format(R"({{"Limit":{}{}}})", value, std::string(100'000, ' '))));
    }
    asking.spawn(ask("{}"));
    co_return;
  };
  executor.run(begin());
  executor.run_until_idle();
  EXPECT_EQ(statuses, std::vector<int>{200}) << "the loop parses the short one only";
  pool.start();
  executor.run(asking.wait());
  std::ranges::sort(statuses);
  EXPECT_EQ(statuses, (std::vector<int>{200, 200, 400}));
}

TEST_F(PipelineTest, BodiesThatStallAreTheClientsFault) {
  auto stalled = request("TrentService.ListKeys", "{}");
  stalled.body = std::make_unique<StalledBody>();
  const auto answer = send(std::move(stalled));
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("RequestTimeout"), std::string::npos) << answer.body;
}

// -1: by an exception, of which the connection makes a 500.
Task<int> status_of(Pipeline& pipeline, http::Request request) {
  try {
    co_return (co_await pipeline.handle(request)).status;
  } catch (const std::logic_error&) {
    co_return -1;
  }
}

TEST_F(PipelineTest, WhatFailsByABugGivesItsPlaceBack) {
  rooms.has_bug = true;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(executor.run(status_of(pipeline, request("TrentService.ListKeys", "{}"))), -1);
  rooms.has_bug = false;
  EXPECT_EQ(send(request("TrentService.ListKeys", "{}")).status, 200);
}

// Both sign as s3. Every operation answers 501 here, in the name of its service.
TEST_F(PipelineTest, S3AndItsControlAreToldApart) {
  Unfurnished s3(api::s3::service_model);
  Unfurnished control(api::s3control::service_model);
  Pipeline both{gate, clock, random, {.default_region = "us-east-1"}};
  both.add(s3);
  both.add(control);
  const auto asked = [&](std::string host, std::string target, std::string account) {
    http::Request request;
    request.method = "GET";
    request.path = request.target = std::move(target);
    request.host = std::move(host);
    request.headers.add("Host", request.host);
    if (!account.empty()) request.headers.add("x-amz-account-id", account);
    const SignOptions options{.canon = Canon::s3,
                              .service = "s3",
                              .region = "us-east-1",
                              .now = clock.now(),
                              .payload_hash = codec::hex_encode(crypto::Sha256::of(""))};
    for (const auto& [name, value] : sign(RequestView::of(request), {"root", "secret", ""}, options))
      request.headers.add(name, value);
    request.body = std::make_unique<EmptyBody>("");
    const auto answer = executor.run(both.handle(request));
    EXPECT_EQ(answer.status, 501) << answer.body;
    const size_t at = answer.body.find("serve ") + 6;
    return answer.body.substr(at, answer.body.find(" yet") - at);
  };
  const std::string block = "/v20180820/configuration/publicAccessBlock";
  for (const char* host : {"000000000000.localhost:4566", "000000000000.127.0.0.1:4566", "localhost:4566",
                           "000000000000.s3.localhost:4566", "000000000000.s3-control.us-east-1.amazonaws.com"}) {
    EXPECT_EQ(asked(host, block, "000000000000"), "s3control:GetPublicAccessBlock") << host;
    EXPECT_EQ(asked(host, "/v20180820/jobs", "000000000000"), "s3control:ListJobs") << host;
  }
  EXPECT_EQ(asked("localhost:4566", block, ""), "s3:GetObject") << "there may be a bucket of that name";
  EXPECT_EQ(asked("localhost:4566", "/v20180820", "000000000000"), "s3:ListObjects");
  EXPECT_EQ(asked("localhost:4566", "/shop/v20180820/jobs", "000000000000"), "s3:GetObject");
  EXPECT_EQ(asked("shop.s3.localhost:4566", block, ""), "s3:GetObject");
}

// Nobody serves CreateKey here: who comes as far as that is answered 501.
TEST_F(PipelineTest, MoreTagsThanAnythingMayHaveAreNotJudged) {
  const auto create = [&](size_t tags) {
    std::string list;
    for (size_t i = 0; i < tags; ++i)
      list += fmt::format(R"({}{{"TagKey":"k{}","TagValue":"v"}})", i > 0 ? "," : "", i);
    return send(request("TrentService.CreateKey", fmt::format(R"({{"Tags":[{}]}})", list)));
  };
  EXPECT_EQ(create(51).status, 501) << "services count for themselves";
  const auto answer = create(1001);
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("ValidationException"), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find("'tags'"), std::string::npos) << answer.body;
}

TEST_F(PipelineTest, InputOutOfItsModelIsRefused) {
  const auto answer = send(request("TrentService.ListKeys", R"({"Limit": 100000})"));
  EXPECT_EQ(answer.status, 400) << answer.body;
  EXPECT_EQ(rooms.called_by, "");
}

}  // namespace
}  // namespace boreal::aws
