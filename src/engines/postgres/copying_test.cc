// What goes on while a standby is copied, which may take hours.
#include <gmock/gmock.h>

#include "postgres/detail/tool.h"
#include "postgres/test_bed.h"

namespace boreal::postgres {
namespace {

using ::testing::ElementsAre;

class CopyingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!bed_.missing().empty()) GTEST_SKIP() << bed_.missing();
    WarmPool pool(bed_.context(), bed_.installation(), {.folder = bed_.path("pool"), .size = 0});
    must(pool.start());
    scope_.emplace(bed_, bed_.path("cluster"));
    cluster_ = scope_->operator->();
    must(cluster_->create(pool, "w", options(40)));
    must(cluster_->add_standby("r", options(41)));  // the twin
    must(cluster_->wait_until_safe("r", Duration(60'000)));
    bed_.run(pool.stop());
  }
  void TearDown() override {
    if (tool_ > 0) ::kill(tool_, SIGCONT);
    if (outcome_.valid()) (void)outcome_.get();
    scope_.reset();
  }

  static ServerOptions options(unsigned last) {
    ServerOptions options{.listen = {TestBed::address(last), 5432}};
    options.settings = {{"shared_buffers", "16MB"}, {"max_connections", "40"}};
    return options;
  }
  void must(Task<Result<void>> task) {
    const auto done = bed_.run(std::move(task));
    ASSERT_TRUE(done) << done.error().message();
  }
  std::future<Result<void>> begin(Task<Result<void>> task) {
    auto promise = std::make_shared<std::promise<Result<void>>>();
    bed_.loop().post([task = std::move(task), promise]() mutable {
      spawn(std::move(task), [promise](Result<void> done) { promise->set_value(std::move(done)); });
    });
    return promise->get_future();
  }
  // Stops the tool that copies into this server's data directory as soon as it is there.
  void hold_copy_of(const std::string& name) {
    const std::string wanted = "--pgdata=" + bed_.path("cluster/servers/" + name + "/data");
    for (int tries = 0; tries < 20'000 && tool_ == 0; ++tries) {
      const auto names = io::list_folder("/proc");
      for (const auto& pid : names.value()) {
        if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto arguments = io::read_file("/proc/" + pid + "/cmdline", 64 << 10);
        if (!arguments || !arguments->contains("pg_basebackup") || !arguments->contains(wanted)) continue;
        tool_ = std::stoi(pid);
        ::kill(tool_, SIGSTOP);
      }
    }
    ASSERT_GT(tool_, 0);
  }
  void begin_copy_of(const std::string& name) {
    outcome_ = begin(cluster_->add_standby(name, options(42)));
    hold_copy_of(name);
  }
  // Within a time in which everything but a copy is done.
  void soon(Task<Result<void>> task) {
    auto done = begin(std::move(task));
    if (done.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
      ADD_FAILURE() << "it waits for the copy";
      ::kill(tool_, SIGCONT);
    }
    const auto outcome = done.get();
    EXPECT_TRUE(outcome) << outcome.error().message();
  }

  TestBed bed_;
  std::optional<ScopedCluster> scope_;
  Cluster* cluster_ = nullptr;  // of the scope
  std::future<Result<void>> outcome_;
  pid_t tool_ = 0;
};

TEST_F(CopyingTest, OtherServersAreStoppedStartedAndRemoved) {
  begin_copy_of("n");
  soon(cluster_->restart("r"));
  EXPECT_EQ(bed_.run(cluster_->start("n")).error().code(), Errc::conflict);
  EXPECT_EQ(bed_.run(cluster_->remove_server("n")).error().code(), Errc::conflict);
  soon(cluster_->remove_server("r"));
  ::kill(tool_, SIGCONT);
  const auto outcome = outcome_.get();
  EXPECT_TRUE(outcome) << outcome.error().message();
  must(cluster_->wait_until_safe("n", Duration(60'000)));
}

TEST_F(CopyingTest, RolesAreSwappedAndTheCopyIsThrownAway) {
  begin_copy_of("n");
  soon(cluster_->switch_over("r"));
  ::kill(tool_, SIGCONT);
  EXPECT_FALSE(outcome_.get());
  EXPECT_THAT(bed_.on_loop([this] { return cluster_->names(); }), ElementsAre("r", "w"));
  EXPECT_FALSE(*io::exists(bed_.path("cluster/servers/n")));
  must(cluster_->add_standby("n", options(42)));
}

TEST_F(CopyingTest, ACopyIsGivenUp) {
  begin_copy_of("n");
  bed_.on_loop([this] { cluster_->give_up("n"); });
  ASSERT_EQ(outcome_.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  EXPECT_FALSE(outcome_.get());
  EXPECT_THAT(bed_.on_loop([this] { return cluster_->names(); }), ElementsAre("r", "w"));
}

TEST_F(CopyingTest, DestroyingEndsIt) {
  begin_copy_of("n");
  soon(cluster_->destroy());
  EXPECT_FALSE(outcome_.get());
  EXPECT_FALSE(*io::exists(bed_.path("cluster")));
}

// Whoever rewinds it again may find that there is nothing to do.
TEST_F(CopyingTest, AServerWhoseRewindWasCutShortIsCopied) {
  const auto folder_of = [this](const std::string& name) {
    struct stat folder{};
    EXPECT_EQ(::stat(bed_.path("cluster/servers/" + name + "/data").c_str(), &folder), 0);
    return folder.st_ino;
  };
  const auto of_w = folder_of("w");
  must(cluster_->fail_over("r"));
  must(cluster_->rejoin("w"));
  EXPECT_EQ(folder_of("w"), of_w);
  must(cluster_->wait_until_safe("w", Duration(60'000)));
  // Held, so that the same number is not given out again.
  const io::Path of_r = bed_.path("cluster/servers/r/data");
  const auto before = io::File::open(of_r + "/PG_VERSION", io::File::Mode::read);
  ASSERT_TRUE(before);
  must(cluster_->fail_over("w"));
  ASSERT_TRUE(io::write_file_atomically(bed_.path("cluster/servers/r/rewinding"), ""));
  must(cluster_->rejoin("r"));
  struct stat held{};
  ASSERT_EQ(::fstat(before->fd(), &held), 0);
  struct stat now{};
  ASSERT_EQ(::stat((of_r + "/PG_VERSION").c_str(), &now), 0);
  EXPECT_NE(held.st_ino, now.st_ino);
  EXPECT_FALSE(*io::exists(bed_.path("cluster/servers/r/rewinding")));
}

// Its data would become the volume, and the others have nobody to follow.
TEST_F(CopyingTest, AServerThatTakesOverIsNotRemovedMeanwhile) {
  ::kill(bed_.on_loop([this] { return cluster_->find("w")->pid(); }), SIGKILL);
  while (bed_.on_loop([this] { return cluster_->find("w")->is_running(); })) ::usleep(2'000);
  std::promise<Result<void>> over;
  std::promise<Result<void>> removed;
  bed_.loop().post([&] {
    spawn(cluster_->fail_over(), [&](Result<void> done) { over.set_value(std::move(done)); });
    spawn(cluster_->remove_server("r"), [&](Result<void> done) { removed.set_value(std::move(done)); });
  });
  const auto failed_over = over.get_future().get();
  const auto outcome = removed.get_future().get();
  ASSERT_TRUE(failed_over) << failed_over.error().message();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::conflict) << outcome.error().message();
  EXPECT_TRUE(bed_.run(cluster_->find("r")->query("create table public.t(n int)")));
  must(cluster_->rejoin("w"));
}

// They would keep all WAL from then on.
TEST_F(CopyingTest, SlotsDoNotOutliveTheRoleOfTheirPrimary) {
  const auto ask = [this](const std::string& text) {
    const auto rows = bed_.run(cluster_->find("w")->query(text));
    return rows ? rows->scalar() : rows.error().message();
  };
  const std::string count = "select count(*) from pg_replication_slots";
  ask("select pg_create_physical_replication_slot('consumer', true)");
  must(cluster_->restart("w"));
  EXPECT_EQ(ask(count), "1");
  must(cluster_->wait_until_safe("r", Duration(60'000)));
  must(cluster_->switch_over("r"));
  EXPECT_EQ(ask(count), "0");
  must(cluster_->wait_until_safe("w", Duration(60'000)));
  ask("select pg_create_physical_replication_slot('cascade', true)");
  must(cluster_->restart("w"));
  EXPECT_EQ(ask(count), "1") << "one that a standby has is its own";
}

// It is not up, and would never be.
TEST_F(CopyingTest, AStandbyThatNeedsWalWhichIsGoneBeforeItIsUpIsMadeAnew) {
  must(cluster_->stop("r"));
  auto forgetful = options(40);
  forgetful.settings["wal_keep_size"] = "0";
  forgetful.settings["min_wal_size"] = "32MB";
  must(cluster_->find("w")->configure(forgetful));
  for (int n = 0; n < 5; ++n) {
    ASSERT_TRUE(bed_.run(cluster_->find("w")->query(fmt::format("create table public.t{}()", n))));
    ASSERT_TRUE(bed_.run(cluster_->find("w")->query("select pg_switch_wal()")));
  }
  ASSERT_TRUE(bed_.run(cluster_->find("w")->query("checkpoint", {}, Duration(60'000))));
  const io::Path wal = bed_.path("cluster/servers/r/data/pg_wal/");
  for (const auto& name : io::list_folder(wal).value()) {
    if (name.size() == 24) ASSERT_TRUE(io::remove_file(wal + name));
  }
  must(cluster_->start("r"));  // after its patience
  const auto is_aside = [this] { return cluster_->state().diverged.contains("r"); };
  for (int tries = 0; tries < 6'000 && !bed_.on_loop(is_aside); ++tries) ::usleep(10'000);
  ASSERT_TRUE(bed_.on_loop(is_aside));
  must(cluster_->rejoin("r"));
  must(cluster_->wait_until_safe("r", Duration(60'000)));
}

// Nor is it rewound: whatever of the copy is there when we are killed.
TEST_F(CopyingTest, AServerThatIsCopiedAnewIsNotStartedInHalves) {
  must(cluster_->stop("r"));
  outcome_ = begin(cluster_->rejoin("r"));
  hold_copy_of("r");
  EXPECT_THAT(io::read_file(bed_.path("cluster/state")).value(), ::testing::HasSubstr("diverged r\n"));
  EXPECT_TRUE(*io::exists(bed_.path("cluster/servers/r/rewinding")));
  ::kill(tool_, SIGCONT);
  const auto outcome = outcome_.get();
  EXPECT_TRUE(outcome) << outcome.error().message();
  EXPECT_FALSE(*io::exists(bed_.path("cluster/servers/r/rewinding")));
  must(cluster_->wait_until_safe("r", Duration(60'000)));
}

// As on a full disk, or when we are killed in between.
TEST_F(CopyingTest, ACopyThatIsNotWrittenDownIsMadeAgain) {
  must(cluster_->stop("r"));
  outcome_ = begin(cluster_->rejoin("r"));
  hold_copy_of("r");
  const io::Path in_the_way = bed_.path("cluster/state.new");
  ASSERT_TRUE(io::make_folders(in_the_way));
  ::kill(tool_, SIGCONT);
  EXPECT_FALSE(outcome_.get());
  ASSERT_TRUE(io::remove_tree(in_the_way));
  EXPECT_TRUE(*io::exists(bed_.path("cluster/servers/r/rewinding"))) << "it would be rewound";
  must(cluster_->rejoin("r"));
  EXPECT_FALSE(*io::exists(bed_.path("cluster/servers/r/rewinding")));
  must(cluster_->wait_until_safe("r", Duration(60'000)));
}

TEST_F(CopyingTest, WhatAnEarlierRunLeftOfOneIsRemoved) {
  must(cluster_->remove_remains("n"));
  ASSERT_TRUE(io::make_folders(bed_.path("cluster/servers/n/data")));
  must(cluster_->remove_remains("n"));
  EXPECT_FALSE(*io::exists(bed_.path("cluster/servers/n")));
  EXPECT_EQ(bed_.run(cluster_->remove_remains("w")).error().code(), Errc::conflict);
}

}  // namespace
}  // namespace boreal::postgres
