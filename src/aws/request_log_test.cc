#include "aws/request_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/testing.h"

namespace boreal::aws {
namespace {

using testing::HasSubstr;

// Nine bytes in runs of three, which may be read elsewhere.
class Runs final : public Source {
 public:
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t count = std::min(left_, buffer.size());
    std::ranges::fill(buffer.first(count), std::byte{'r'});
    left_ -= count;
    co_return count;
  }
  std::optional<uint64_t> size() const override { return 9; }
  bool lends() const override { return lends_; }
  Task<Result<Bytes>> lend() override {
    left_ = left_ > 3 ? left_ - 3 : 0;
    co_return left_ > 0 ? as_bytes("rrr") : Bytes();
  }
  bool detaches() const override { return true; }
  Task<Result<std::unique_ptr<Source>>> detach() override {
    if (std::exchange(left_, left_ - 3) == 0) co_return nullptr;
    auto run = std::make_unique<Runs>();
    run->left_ = 6;  // of which it lends three, and then nothing
    run->lends_ = true;
    co_return run;
  }

 private:
  size_t left_ = 9;
  bool lends_ = false;
};

class RequestLog : public testing::Test {
 protected:
  http::Response answer(std::string method) {
    http::Request request;
    request.method = std::move(method);
    http::Response response;
    response.stream = std::make_unique<Runs>();
    log_request(log::Level::info, {.from = "192.0.2.7:1", .operation = "s3:GetObject"}, request, response);
    return response;
  }
  TestExecutor executor;
};

TEST_F(RequestLog, AnswersThatStreamAreToldWhenTheyAreDoneWith) {
  testing::internal::CaptureStderr();
  auto response = answer("GET");
  std::array<std::byte, 4> buffer;
  EXPECT_EQ(executor.run(response.stream->read(buffer)).value(), 4U);
  EXPECT_EQ(executor.run(response.stream->read(buffer)).value(), 4U);
  EXPECT_EQ(response.stream->size(), 9U);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  response.stream.reset();  // before its end
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("bytes_out=8 "));
}

TEST_F(RequestLog, WhatIsReadElsewhereCountsToo) {
  testing::internal::CaptureStderr();
  auto response = answer("GET");
  ASSERT_TRUE(response.stream->detaches());
  for (int i = 0; i < 3; ++i) {
    const auto run = executor.run(response.stream->detach()).value();
    ASSERT_NE(run, nullptr);
    while (!executor.run(run->lend()).value().empty()) continue;
  }
  EXPECT_EQ(executor.run(response.stream->detach()).value(), nullptr);
  response.stream.reset();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("bytes_out=9 "));
}

TEST_F(RequestLog, AnAnswerWithoutABodyIsToldAtOnce) {
  testing::internal::CaptureStderr();
  const auto response = answer("HEAD");
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("operation=s3:GetObject resource=- status=0 code=- bytes_in=0 bytes_out=0 "));
}

}  // namespace
}  // namespace boreal::aws
