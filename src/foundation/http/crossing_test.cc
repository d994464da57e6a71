#include "http/crossing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <stdexcept>
#include <thread>

#include "base/resume_on.h"
#include "base/sync.h"
#include "http/client.h"
#include "net/loop_threads.h"

namespace boreal::http {
namespace {

// Bytes made as they are read, by the thread they belong to; it is noted when they are let go of elsewhere.
class Owned final : public Source {
 public:
  Owned(uint64_t size, bool& strayed) : left_(size), strayed_(strayed) {}
  ~Owned() override { strayed_ = strayed_ || std::this_thread::get_id() != owner_; }
  Task<Result<size_t>> read(MutableBytes buffer) override {
    strayed_ = strayed_ || std::this_thread::get_id() != owner_;
    if (fails_at_end && left_ == 0) co_return fail(Errc::io, "the disk is gone");
    if (throws_at_end && left_ == 0) throw std::runtime_error("a bug");
    const auto count = static_cast<size_t>(std::min<uint64_t>(left_, buffer.size()));
    std::ranges::fill(buffer.first(count), std::byte{'p'});
    left_ -= count;
    co_return count;
  }
  std::optional<uint64_t> size() const override { return announced; }
  std::optional<uint64_t> announced;
  bool fails_at_end = false;
  bool throws_at_end = false;

 private:
  uint64_t left_;
  bool& strayed_;
  const std::thread::id owner_ = std::this_thread::get_id();
};

// Hands out runs that are read on whatever one other thread, each let go of before this is.
class InRuns final : public Source {
 public:
  InRuns(std::vector<std::string> runs, bool& strayed, bool throws_at_end = false)
      : runs_(std::move(runs)), strayed_(strayed), throws_at_end_(throws_at_end) {}
  ~InRuns() override { strayed_ = strayed_ || std::this_thread::get_id() != owner_ || handed_out_ > 0; }
  Task<Result<size_t>> read(MutableBytes) override { co_return fail(Errc::internal, "read at home"); }
  std::optional<uint64_t> size() const override { return std::nullopt; }
  bool detaches() const override { return true; }
  Task<Result<std::unique_ptr<Source>>> detach() override {
    strayed_ = strayed_ || std::this_thread::get_id() != owner_;
    if (runs_.empty() && throws_at_end_) throw std::runtime_error("a bug");
    if (runs_.empty()) co_return nullptr;
    auto run = std::make_unique<Run>(*this, std::move(runs_.front()));
    runs_.erase(runs_.begin());
    co_return run;
  }

 private:
  class Run final : public Source {
   public:
    Run(InRuns& from, std::string text) : from_(from), text_(std::move(text)) { ++from_.handed_out_; }
    ~Run() override { --from_.handed_out_; }
    Task<Result<size_t>> read(MutableBytes) override { co_return fail(Errc::internal, "copied"); }
    bool lends() const override { return true; }
    Task<Result<Bytes>> lend() override {
      from_.strayed_ = from_.strayed_ || std::this_thread::get_id() == from_.owner_;
      co_return std::exchange(is_lent_, true) ? Bytes() : as_bytes(text_);
    }

   private:
    InRuns& from_;
    const std::string text_;
    bool is_lent_ = false;
  };

  std::vector<std::string> runs_;
  bool& strayed_;
  const bool throws_at_end_;
  std::atomic<int> handed_out_ = 0;
  const std::thread::id owner_ = std::this_thread::get_id();
};

// Connections on two threads of their own; the handler, and each test's client, on the home loop.
class Crossing : public testing::Test {
 public:
  void SetUp() override {
    threads.start();
    Options options;
    options.listen.address = {.host = "127.0.0.1"};
    options.listen.loops = threads.loops();
    auto opened = Server::open(loop, std::move(options), [this](Request& request) {
      const std::lock_guard lock(mutex);
      connection_threads.insert(std::this_thread::get_id());
      return cross(request, loop, handler);
    });
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    server = std::move(*opened);
  }
  void run(Task<void> test) { run_until_done(loop, with_stop(std::move(test))); }
  Task<void> with_stop(Task<void> test) {
    co_await std::move(test);
    co_await server->stop(Duration(2000));
  }

  std::unique_ptr<Source> bytes(uint64_t size, std::optional<uint64_t> announced) {
    auto source = std::make_unique<Owned>(size, strayed);
    source->announced = announced;
    return source;
  }

  static Task<uint64_t> count_body(Request& request) {
    uint64_t count = 0;
    std::array<std::byte, 70'000> buffer;
    for (auto got = co_await request.body->read(buffer); got && *got > 0; got = co_await request.body->read(buffer)) {
      count += *got;
    }
    co_return count;
  }

  Task<Response> answer(Request& request) {
    strayed = strayed || Executor::current() != &loop;
    if (request.path == "/throw") throw std::runtime_error("a bug");
    if (request.path == "/unread") co_return Response{.body = "unread"};
    if (request.path == "/small") co_return Response{.stream = bytes(1000, 1000)};
    if (request.path == "/large") co_return Response{.stream = bytes(3'000'000, 3'000'000)};
    if (request.path == "/unknown") co_return Response{.stream = bytes(300'000, std::nullopt)};
    if (request.path == "/runs")
      co_return Response{.stream = std::make_unique<InRuns>(std::vector<std::string>{"one ", "", "two"}, strayed)};
    if (request.path == "/runs-throw")
      co_return Response{.stream = std::make_unique<InRuns>(std::vector<std::string>{"one"}, strayed, true)};
    if (request.path == "/small-throws" || request.path == "/large-throws") {
      const uint64_t size = request.path == "/small-throws" ? 1000 : 3'000'000;
      auto source = std::make_unique<Owned>(size, strayed);
      source->announced = size + 1;
      source->throws_at_end = true;
      co_return Response{.stream = std::move(source)};
    }
    if (request.path == "/short") co_return Response{.stream = bytes(10, 1000)};
    if (request.path == "/broken") {
      auto source = std::make_unique<Owned>(0, strayed);
      source->announced = 1000;
      source->fails_at_end = true;
      co_return Response{.stream = std::move(source)};
    }
    // Where it is at home it is read without ways.
    if (request.path == "/at-home" && request.body->home() != nullptr) {
      co_await resume_on(*request.body->home());
      const auto count = co_await count_body(request);
      strayed = strayed || Executor::current() == &loop;
      co_await resume_on(loop);
      co_return Response{.body = "at home " + std::to_string(count)};
    }
    uint64_t count = 0;
    std::array<std::byte, 5000> buffer;
    for (;;) {
      const auto got = co_await request.body->read(buffer);
      if (!got) co_return Response{.status = 400, .body = got.error().message()};
      if (*got == 0) break;
      count += *got;
    }
    strayed = strayed || Executor::current() != &loop;
    co_return Response{.body = std::to_string(count)};
  }

  Task<ClientAnswer> ask(std::string target, std::string body = "", std::string expect = "") {
    ClientRequest request{.method = body.empty() ? "GET" : "PUT", .target = target, .body = std::move(body)};
    if (!expect.empty()) request.headers.add("Expect", expect);
    auto answer = co_await fetch(loop, server->address(), std::move(request));
    if (!answer) co_return ClientAnswer{.status = 0, .body = answer.error().message()};
    co_return std::move(*answer);
  }

  net::Loop loop;
  net::LoopThreads threads{2};
  bool strayed = false;  // from the thread it belongs to
  std::mutex mutex;
  std::set<std::thread::id> connection_threads;
  const Handler handler = [this](Request& request) { return answer(request); };
  std::unique_ptr<Server> server;
};

TEST_F(Crossing, BodiesOfAllSizesArriveWhole) {
  run([](Crossing& t) -> Task<void> {
    for (const size_t size : {1, 100, 16 << 10, (16 << 10) + 1, 1'000'000}) {
      EXPECT_EQ((co_await t.ask("/", std::string(size, 'b'))).body, std::to_string(size));
    }
    EXPECT_EQ((co_await t.ask("/")).body, "0");
    EXPECT_EQ((co_await t.ask("/unread", std::string(1000, 'b'))).body, "unread");
  }(*this));
  EXPECT_FALSE(strayed);
}

TEST_F(Crossing, ALongBodyMayBeReadWhereItIsAtHome) {
  run([](Crossing& t) -> Task<void> {
    EXPECT_EQ((co_await t.ask("/at-home", std::string(1'000'000, 'b'))).body, "at home 1000000");
    EXPECT_EQ((co_await t.ask("/at-home", std::string(100, 'b'))).body, "100");  // it has come along
  }(*this));
  EXPECT_FALSE(strayed);
}

TEST_F(Crossing, AnswersOfAllSizesArriveWhole) {
  run([](Crossing& t) -> Task<void> {
    EXPECT_EQ((co_await t.ask("/small")).body, std::string(1000, 'p'));
    EXPECT_EQ((co_await t.ask("/large")).body, std::string(3'000'000, 'p'));
    EXPECT_EQ((co_await t.ask("/unknown")).body, std::string(300'000, 'p'));
  }(*this));
  EXPECT_FALSE(strayed);
}

TEST_F(Crossing, RunsOfAnAnswerAreReadByTheConnection) {
  run([](Crossing& t) -> Task<void> { EXPECT_EQ((co_await t.ask("/runs")).body, "one two"); }(*this));
  EXPECT_FALSE(strayed);
}

TEST_F(Crossing, WhatFailsIsToldAndNeverPassesForWhole) {
  run([](Crossing& t) -> Task<void> {
    EXPECT_EQ((co_await t.ask("/throw")).status, 500);
    EXPECT_EQ((co_await t.ask("/broken")).status, 500);
    EXPECT_EQ((co_await t.ask("/short")).status, 0);  // cut: 10 bytes are not 1000
    EXPECT_EQ((co_await t.ask("/small-throws")).status, 500);
    EXPECT_EQ((co_await t.ask("/large-throws")).status, 0);
    EXPECT_EQ((co_await t.ask("/runs-throw")).status, 0);
  }(*this));
  EXPECT_FALSE(strayed);
}

TEST_F(Crossing, ConnectionsTakeTurnsOnTheThreadsAndTheHandlerStaysAtHome) {
  run([](Crossing& t) -> Task<void> {
    TaskGroup clients;
    for (int i = 0; i < 40; ++i) {
      clients.spawn([](Crossing& c, int number) -> Task<void> {
        const auto answer = co_await c.ask(number % 2 == 0 ? "/large" : "/small");
        EXPECT_EQ(answer.body.size(), number % 2 == 0 ? 3'000'000 : 1000);
      }(t, i));
    }
    co_await clients.wait();
  }(*this));
  EXPECT_EQ(connection_threads.size(), 2);
  EXPECT_FALSE(connection_threads.contains(std::this_thread::get_id()));
  EXPECT_FALSE(strayed);
}

}  // namespace
}  // namespace boreal::http
