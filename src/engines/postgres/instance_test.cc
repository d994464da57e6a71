// One server by itself, without a cluster around it.
#include "postgres/instance.h"

#include <gmock/gmock.h>

#include <atomic>

#include "postgres/detail/last_words.h"
#include "postgres/test_bed.h"
#include "postgres/warm_pool.h"

namespace boreal::postgres {
namespace {

using ::testing::HasSubstr;

class InstanceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!bed_.missing().empty()) GTEST_SKIP() << bed_.missing();
    server_ = std::make_unique<Instance>(bed_.context(), bed_.installation(), "x", bed_.path("x"), options(),
                                         [this](Instance&) { ++lost_; });
    must(server_->prepare_folders());
    WarmPool pool(bed_.context(), bed_.installation(), {.folder = bed_.path("pool"), .size = 0});
    must(pool.start());
    must(pool.take(server_->layout().data(), bed_.path("twin")));
    bed_.run(pool.stop());
  }
  void TearDown() override {
    if (!server_) return;
    must(server_->kill());
    bed_.on_loop([this] { server_.reset(); });
  }

  static ServerOptions options() {
    ServerOptions options{.listen = {TestBed::address(30), 5432}};
    options.settings = {{"shared_buffers", "16MB"}, {"max_connections", "20"}};
    return options;
  }
  void must(Task<Result<void>> task) {
    const auto done = bed_.run(std::move(task));
    ASSERT_TRUE(done) << done.error().message();
  }

  TestBed bed_;
  std::unique_ptr<Instance> server_;
  std::atomic<int> lost_ = 0;
};

// A primary would wait for ever for a standby that is gone.
TEST_F(InstanceTest, OfTwoChangesAtOnceNoneIsLost) {
  must(server_->start());
  for (int round = 0; round < 50; ++round) {
    auto changed = options();
    changed.settings["work_mem"] = std::to_string(1'000 + round);
    const std::string standby = fmt::format("s{}", round);
    std::promise<void> both;
    int left = 2;
    const auto done = [&](Result<void> result) {
      EXPECT_TRUE(result);
      if (--left == 0) both.set_value();
    };
    bed_.loop().post([&] {
      spawn(server_->configure(changed), done);
      spawn(server_->set_role({.synchronous = {standby}}), done);
    });
    both.get_future().get();
    const auto text = io::read_file(server_->layout().configuration() + "/server.conf").value();
    ASSERT_THAT(text, HasSubstr("\"" + standby + "\""));
    ASSERT_THAT(text, HasSubstr(changed.settings["work_mem"]));
  }
}

// Else nobody starts it again.
TEST_F(InstanceTest, TheEndOfAServerThatIsNotUpYetIsToldOf) {
  const auto started = bed_.run(server_->start(Duration(0)));
  ASSERT_FALSE(started) << "it was up at once";
  ASSERT_EQ(started.error().code(), Errc::timeout) << started.error().message();
  const pid_t pid = bed_.on_loop([this] { return server_->pid(); });
  ASSERT_GT(pid, 0);
  ::kill(pid, SIGKILL);
  for (int tries = 0; tries < 6'000 && lost_ == 0; ++tries) ::usleep(10'000);
  EXPECT_EQ(lost_, 1);
}

// Statements of users go into a server's log, and not into ours.
TEST(LastWords, AreTheServersOwn) {
  const std::string log =
      "server.\n"
      "2026-12-01 03:35:08 UTC:127.0.0.1(41):jane@shop:[41]:ERROR:  role \"x\" does not exist\n"
      "2026-12-01 03:35:08 UTC:127.0.0.1(41):jane@shop:[41]:STATEMENT:  ALTER ROLE x PASSWORD 'secret'\n"
      "2026-12-01 03:35:08 UTC:127.0.0.1(41):jane@shop:[41]:FATAL:  secret ::@:[1]:FATAL:  secret\n"
      "\tsecret ::@:[1]:FATAL:  secret\n"
      "2026-12-01 03:35:09 UTC::@:[40]:LOG:  server process (PID 41) was terminated by signal 9: Killed\n"
      "2026-12-01 03:35:09 UTC::@:[40]:DETAIL:  Failed process was running: select 'secret'\n"
      "2026-12-01 03:35:10 UTC::@:[42]:PANIC:  could not write to file \"pg_wal/xlogtemp.42\": No space left on "
      "device\n"
      "2026-12-01 03:35:10 UTC::@:[42]:STATEMENT:  select 'secret'\n"
      "2026-12-01 03:35:10 UTC::@:[40]:FATAL:  could not open directory \"pg_wal\"";
  EXPECT_EQ(detail::own_failures(log),
            "2026-12-01 03:35:10 UTC::@:[42]:PANIC:  could not write to file \"pg_wal/xlogtemp.42\": No space left on "
            "device\n"
            "2026-12-01 03:35:10 UTC::@:[40]:FATAL:  could not open directory \"pg_wal\"");
  EXPECT_EQ(detail::own_failures(""), "");
}

}  // namespace
}  // namespace boreal::postgres
