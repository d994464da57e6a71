// With real servers. A test takes what the pool has ready, so initdb is not waited for each time.
#include "postgres/cluster.h"

#include <gmock/gmock.h>

#include <atomic>

#include "base/log.h"
#include "postgres/backup.h"
#include "postgres/detail/tool.h"
#include "postgres/test_bed.h"

namespace boreal::postgres {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Duration patience{60'000};  // for what a machine does in a moment, unless it is busy

int64_t since_ms(int64_t start_ns) { return (monotonic_ns() - start_ns) / 1'000'000; }

class ClusterTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    bed_ = new TestBed();
    if (!bed_->missing().empty()) return;
    pool_ = new WarmPool(bed_->context(), bed_->installation(),
                         {.folder = bed_->path("pool"), .size = 2, .refill_delay = Duration(0)});
    ASSERT_TRUE(bed_->run(pool_->start()));
  }
  static void TearDownTestSuite() {
    if (pool_) bed_->run(pool_->stop());
    delete std::exchange(pool_, nullptr);
    delete std::exchange(bed_, nullptr);
  }
  void SetUp() override {
    if (!bed_->missing().empty()) GTEST_SKIP() << bed_->missing();
    for (int tries = 0; tries < 6'000 && bed_->on_loop([] { return pool_->ready(); }) == 0; ++tries) ::usleep(10'000);
    open();
  }
  void TearDown() override { scope_.reset(); }

  void open(std::map<std::string, ServerOptions> members = {}) {
    scope_.emplace(*bed_, bed_->path("cluster"),
                   Cluster::Handlers{.lost = [this](const std::string& name, bool primary) { on_lost(name, primary); },
                                     .changed = {},
                                     .came_up = [this] { ++came_up_; }},
                   std::move(members));
    cluster_ = scope_->operator->();
  }
  void close() {
    scope_->let_go();
    scope_.reset();
  }

  void on_lost(const std::string& name, bool was_primary) {
    lost_ = name;
    if (was_primary && fail_over_when_lost_) {
      spawn(cluster_->fail_over(), [this](Result<void> done) {
        failed_over_ns_ = monotonic_ns();
        EXPECT_TRUE(done) << done.error().message();
      });
    }
  }

  ServerOptions options(unsigned last) const {
    ServerOptions options{.listen = {TestBed::address(last), 5432}};
    options.settings = {{"shared_buffers", "16MB"}, {"max_connections", "40"}};
    options.access.networks = {"127.0.0.0/8"};
    return options;
  }
  template <class T>
  static T must(Task<Result<T>> task) {
    auto result = bed_->run(std::move(task));
    if (!result) throw std::runtime_error(result.error().message());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }
  Rows sql(const std::string& server, const std::string& text) {
    return must(cluster_->find(server)->query("set local search_path = public; " + text));
  }
  std::string value(const std::string& server, std::string text) { return sql(server, std::move(text)).scalar(); }
  // Over the network, as a client does.
  Result<std::unique_ptr<Connection>> log_in(unsigned last, std::string password = "secret") {
    return bed_->run(Connection::open(bed_->loop(), {{"hostaddr", TestBed::address(last)},
                                                     {"port", "5432"},
                                                     {"user", "jane"},
                                                     {"password", std::move(password)},
                                                     {"dbname", "postgres"}}));
  }
  void make_pair() {
    must(cluster_->create(*pool_, "w", options(10)));
    must(cluster_->add_standby("r", options(11)));
    sql("w", "create role jane login password 'secret'; grant create on schema public to jane");
  }
  bool eventually(const std::string& server, const std::string& text, const std::string& wanted,
                  int64_t limit_ms = patience.count()) {
    const int64_t start_ns = monotonic_ns();
    while (since_ms(start_ns) < limit_ms) {
      const auto rows = bed_->run(cluster_->find(server)->query("set local search_path = public; " + text));
      if (rows && rows->scalar() == wanted) return true;
      ::usleep(2'000);
    }
    return false;
  }

  static TestBed* bed_;
  static WarmPool* pool_;
  std::optional<ScopedCluster> scope_;
  Cluster* cluster_ = nullptr;  // of the scope
  std::atomic<bool> fail_over_when_lost_ = false;
  std::atomic<int64_t> failed_over_ns_ = 0;
  std::atomic<int> came_up_ = 0;
  std::string lost_;
};

TestBed* ClusterTest::bed_ = nullptr;
WarmPool* ClusterTest::pool_ = nullptr;

TEST_F(ClusterTest, AStandbyFollowsAndRefusesWrites) {
  must(cluster_->create(*pool_, "w", options(10)));
  must(cluster_->add_standby("r", options(11)));
  sql("w", "create role jane login password 'secret'; grant create on schema public to jane");
  must(cluster_->wait_until_safe("r", patience));
  // Both on port 5432 at the same time, each at its own address.
  auto writer = log_in(10);
  auto reader = log_in(11);
  ASSERT_TRUE(writer) << writer.error().message();
  ASSERT_TRUE(reader) << reader.error().message();
  must((*writer)->query("create table t(n int); insert into t values (42)"));
  EXPECT_TRUE(eventually("r", "select count(*) from pg_tables where tablename = 't'", "1"));
  EXPECT_EQ(must((*reader)->query("select n from t")).scalar(), "42");
  const auto refused = bed_->run((*reader)->query("insert into t values (43)"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(sqlstate_of(refused.error()), "25006");
  EXPECT_EQ(must((*reader)->query("select $1::int + 1", {"1"})).scalar(), "2");
}

TEST_F(ClusterTest, ServersRunOnWithoutUsAndAreAdopted) {
  make_pair();
  const pid_t writer_pid = cluster_->find("w")->pid();
  const pid_t reader_pid = cluster_->find("r")->pid();
  const std::string started = value("w", "select pg_postmaster_start_time()");
  close();
  open({{"w", options(10)}, {"r", options(11)}});
  EXPECT_EQ(cluster_->find("w")->pid(), writer_pid);
  EXPECT_EQ(cluster_->find("r")->pid(), reader_pid);
  EXPECT_TRUE(cluster_->is_primary("w"));
  must(cluster_->start("w"));  // runs: nothing to do
  EXPECT_EQ(value("w", "select pg_postmaster_start_time()"), started);
  must(cluster_->wait_until_safe("r", patience));
  // The end of an adopted server is noticed too.
  ::kill(reader_pid, SIGKILL);
  for (int tries = 0; tries < 6'000 && bed_->on_loop([this] { return lost_.empty(); }); ++tries) ::usleep(10'000);
  EXPECT_EQ(lost_, "r");
}

TEST_F(ClusterTest, AStandbyTakesOverWithoutLoss) {
  make_pair();
  must(cluster_->add_standby("r2", options(12)));
  must(cluster_->wait_until_safe("r", patience));
  must(cluster_->wait_until_safe("r2", patience));
  sql("w", "create table t(n int); grant all on t to jane");
  fail_over_when_lost_ = true;
  std::atomic<bool> stop = false;
  std::atomic<int> acknowledged = 0;
  std::thread client([&] {
    auto connection = log_in(10);
    for (int n = 1; connection && !stop; ++n) {
      if (!bed_->run((*connection)->query(fmt::format("insert into t values ({})", n)))) break;
      acknowledged = n;
    }
  });
  while (acknowledged < 50) ::usleep(1'000);
  const int64_t killed_ns = monotonic_ns();
  ::kill(cluster_->find("w")->pid(), SIGKILL);
  for (int tries = 0; tries < 6'000 && failed_over_ns_ == 0; ++tries) ::usleep(10'000);
  stop = true;
  client.join();
  ASSERT_NE(failed_over_ns_, 0);
  std::fprintf(stderr, "failover took %d ms\n", static_cast<int>((failed_over_ns_ - killed_ns) / 1'000'000));

  const std::string primary = cluster_->state().primary;
  EXPECT_TRUE(primary == "r" || primary == "r2");
  const std::string other = primary == "r" ? "r2" : "r";
  EXPECT_GE(std::stoi(value(primary, "select count(*) from t")), acknowledged);
  EXPECT_EQ(value(primary, fmt::format("select count(*) from t where n <= {}", acknowledged.load())),
            std::to_string(acknowledged));
  sql(primary, "insert into t values (-1)");
  must(cluster_->wait_until_safe(other, patience));
  EXPECT_TRUE(eventually(other, "select count(*) from t where n = -1", "1"));

  // The old one cannot come back as it is, but as a standby.
  EXPECT_EQ(bed_->run(cluster_->start("w")).error().code(), Errc::conflict);
  must(cluster_->rejoin("w"));
  EXPECT_TRUE(eventually("w", "select count(*) from t where n = -1", "1"));
  EXPECT_EQ(value("w", "select pg_is_in_recovery()"), "t");
}

TEST_F(ClusterTest, CommitsGoOnWithoutStandbysAndThenNoneTakesOver) {
  make_pair();
  must(cluster_->wait_until_safe("r", patience));
  EXPECT_THAT(value("w", "show synchronous_standby_names"), HasSubstr("\"r\""));
  ::kill(cluster_->find("r")->pid(), SIGKILL);
  const int64_t start_ns = monotonic_ns();
  sql("w", "create table t(n int)");  // hangs for ever if the primary still waits
  EXPECT_LT(since_ms(start_ns), patience.count() / 2);
  // Its end may be told to us later than to the primary.
  while (bed_->on_loop([&] { return cluster_->find("r")->is_running(); })) ::usleep(2'000);
  EXPECT_EQ(bed_->run(cluster_->fail_over()).error().code(), Errc::conflict);
  EXPECT_TRUE(cluster_->primary()->is_running()) << "a refused fail-over must not touch the primary";
  must(cluster_->start("r"));
  must(cluster_->wait_until_safe("r", patience));
}

// A full disk, say. The primary would wait for the standby for good.
TEST_F(ClusterTest, AChangeThatCouldNotBeWrittenIsWrittenLater) {
  make_pair();
  must(cluster_->wait_until_safe("r", patience));
  const io::Path conf = bed_->path("cluster/servers/w/conf");
  ASSERT_TRUE(io::rename(conf, conf + ".away"));
  ::kill(cluster_->find("r")->pid(), SIGKILL);
  for (int tries = 0; tries < 6'000 && !bed_->on_loop([&] { return cluster_->state().safe.empty(); }); ++tries)
    ::usleep(10'000);
  EXPECT_EQ(bed_->run(cluster_->fail_over()).error().code(), Errc::conflict);  // after what tells the primary
  ASSERT_TRUE(io::rename(conf + ".away", conf));
  sql("w", "create table t(n int)");
}

// The checkpointer decides whether commits wait; it may be busy for long.
TEST_F(ClusterTest, AStandbyIsNotSafeBeforeCommitsReallyWait) {
  make_pair();
  must(cluster_->wait_until_safe("r", patience));
  must(cluster_->stop("r"));
  EXPECT_TRUE(eventually("w", "show synchronous_standby_names", ""));
  must(cluster_->find("w")->query("checkpoint"));  // has read that nobody is waited for
  const pid_t checkpointer =
      std::stoi(value("w", "select pid from pg_stat_activity where backend_type = 'checkpointer'"));
  ::kill(checkpointer, SIGSTOP);
  must(cluster_->start("r"));
  EXPECT_TRUE(eventually("w", "select sync_state from pg_stat_replication", "sync"));
  EXPECT_EQ(bed_->run(cluster_->wait_until_safe("r", Duration(1'500))).error().code(), Errc::timeout);
  ::kill(checkpointer, SIGCONT);
  must(cluster_->wait_until_safe("r", patience));
}

TEST_F(ClusterTest, APromotionThatTakesLongIsFinishedLater) {
  make_pair();
  must(cluster_->add_standby("r2", options(12)));
  must(cluster_->wait_until_safe("r", patience));
  must(cluster_->wait_until_safe("r2", patience));
  // It does not replay, and then does not say how far it is.
  const pid_t replaying = std::stoi(value("r", "select pid from pg_stat_activity where backend_type = 'startup'"));
  ::kill(replaying, SIGSTOP);
  ::kill(cluster_->find("w")->pid(), SIGKILL);
  std::promise<bool> promoted;
  bed_->loop().post(
      [&] { spawn(cluster_->fail_over("r"), [&](Result<void> done) { promoted.set_value(done.has_value()); }); });
  auto connection = must(cluster_->find("r")->connect());
  auto outcome = promoted.get_future();
  while (outcome.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) {
    if (bed_->on_loop([&] { return cluster_->state().primary; }) != "r") continue;
    must(connection->query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'service' and pid <> "
        "pg_backend_pid()"));
  }
  EXPECT_FALSE(outcome.get());
  EXPECT_EQ(bed_->run(cluster_->rejoin("w")).error().code(), Errc::unavailable) << "its data would go";
  ::kill(replaying, SIGCONT);
  bed_->on_loop([&] { connection.reset(); });
  must(cluster_->wait_until_safe("r2", patience));
  sql("r", "create table t as select 7 as n");
  EXPECT_TRUE(eventually("r2", "select n from t", "7"));
}

// Of the server that is to be started in this data directory: its recovery stands still as soon as it begins.
pid_t stop_recovery(const io::Path& folder) {
  const int64_t start_ns = monotonic_ns();
  while (since_ms(start_ns) < patience.count()) {
    for (const pid_t pid : TestBed::processes_in(folder)) {
      const auto title = io::read_file(fmt::format("/proc/{}/cmdline", pid), 64 << 10);
      if (title && title->starts_with("postgres: ") && title->contains("startup")) {
        ::kill(pid, SIGSTOP);
        return pid;
      }
    }
  }
  return 0;
}

// Commits would wait for one that hangs as long as the checkpoint takes.
TEST_F(ClusterTest, StandbysAreLookedAfterWhileRolesAreToBeSwapped) {
  make_pair();
  must(cluster_->add_standby("r2", options(12)));
  must(cluster_->wait_until_safe("r", patience));
  must(cluster_->wait_until_safe("r2", patience));
  auto connection = must(cluster_->find("w")->connect());
  const auto pid_of = [&](const std::string& server, const std::string& kind) {
    return std::stoi(value(server, fmt::format("select pid from pg_stat_activity where backend_type = '{}'", kind)));
  };
  const std::vector<pid_t> held = {pid_of("w", "checkpointer"), pid_of("r2", "walreceiver")};
  ::kill(held[0], SIGSTOP);
  std::promise<Result<void>> swapped;
  bed_->loop().post(
      [&] { spawn(cluster_->switch_over("r"), [&](Result<void> done) { swapped.set_value(std::move(done)); }); });
  const std::string begun = "select count(*) from pg_stat_activity where query = 'checkpoint' and state = 'active'";
  for (int tries = 0; tries < 30'000 && must(connection->query(begun)).scalar() == "0"; ++tries) ::usleep(2'000);
  ::kill(held[1], SIGSTOP);
  const auto made = bed_->run(connection->query("create table public.t(n int)"));
  EXPECT_TRUE(made) << made.error().message();
  for (const pid_t pid : held) ::kill(pid, SIGCONT);
  const auto outcome = swapped.get_future().get();
  EXPECT_TRUE(outcome) << outcome.error().message();
  bed_->on_loop([&] { connection.reset(); });
}

// Cut off it would begin anew, each time.
TEST_F(ClusterTest, ARecoveryThatTakesLongGoesOnUnderWhoeverStartsItNext) {
  must(cluster_->create(*pool_, "w", options(10)));
  const io::Path folder = cluster_->find("w")->layout().folder;
  sql("w", "create table t as select generate_series(1, 300000) as n");
  must(cluster_->stop("w", StopMode::immediate));
  close();
  Instance first(bed_->context(), bed_->installation(), "w", folder, options(10));
  auto caught = std::async(std::launch::async, [&] { return stop_recovery(folder); });
  const auto started = bed_->run(first.start(Duration(2'000)));
  const pid_t recovering = caught.get();
  ASSERT_NE(recovering, 0);
  ASSERT_FALSE(started) << "recovery was over before it could be held up";
  EXPECT_EQ(started.error().code(), Errc::timeout) << started.error().message();
  const pid_t server = bed_->on_loop([&] { return first.pid(); });
  EXPECT_TRUE(bed_->on_loop([&] { return first.is_running() && !first.is_up(); }));
  EXPECT_EQ(bed_->run(first.start()).error().code(), Errc::timeout);

  open({{"w", options(10)}});
  must(cluster_->start("w"));
  EXPECT_FALSE(bed_->on_loop([&] { return cluster_->takes_writes() || cluster_->find("w")->is_up(); }));
  EXPECT_EQ(came_up_, 0);
  ::kill(recovering, SIGCONT);
  must(cluster_->wait_until_up("w"));
  EXPECT_EQ(bed_->on_loop([&] { return cluster_->find("w")->pid(); }), server) << "it must not have begun anew";
  EXPECT_EQ(value("w", "select count(*) from t"), "300000");
  for (int tries = 0; tries < 6'000 && came_up_ == 0; ++tries) ::usleep(10'000);
  EXPECT_GT(came_up_, 0);
  EXPECT_TRUE(bed_->run(first.look_up()).value_or(false));
  bed_->on_loop([&] { EXPECT_TRUE(first.is_up()); });
}

TEST_F(ClusterTest, AServerThatRecoversIsNotWaitedForAfterAnInterrupt) {
  must(cluster_->create(*pool_, "w", options(10)));
  const io::Path folder = cluster_->find("w")->layout().folder;
  sql("w", "create table t as select generate_series(1, 300000) as n");
  must(cluster_->stop("w", StopMode::immediate));
  auto caught = std::async(std::launch::async, [&] { return stop_recovery(folder); });
  must(cluster_->start("w"));  // after its patience
  ASSERT_NE(caught.get(), 0);
  EXPECT_FALSE(bed_->on_loop([&] { return cluster_->takes_writes(); }));
  bed_->on_loop([&] { cluster_->interrupt(); });
  EXPECT_EQ(bed_->run(cluster_->wait_until_up("w")).error().code(), Errc::cancelled);
}

// What it answers would be old for good.
TEST_F(ClusterTest, AStandbyThatCannotFollowAnyMoreIsEndedAndMadeAnew) {
  make_pair();
  must(cluster_->wait_until_safe("r", patience));
  must(cluster_->stop("r"));
  auto forgetful = options(10);
  forgetful.settings["wal_keep_size"] = "0";
  forgetful.settings["min_wal_size"] = "32MB";
  must(cluster_->find("w")->configure(forgetful));
  EXPECT_TRUE(eventually("w", "show wal_keep_size", "0"));
  for (int n = 0; n < 4; ++n) sql("w", "create table t" + std::to_string(n) + "(); select pg_switch_wal()");
  must(cluster_->find("w")->query("checkpoint"));
  must(cluster_->start("r"));
  for (int tries = 0; tries < 6'000 && bed_->on_loop([this] { return lost_.empty(); }); ++tries) ::usleep(10'000);
  EXPECT_EQ(bed_->on_loop([this] { return lost_; }), "r");
  EXPECT_FALSE(cluster_->find("r")->is_running());
  must(cluster_->rejoin("r"));
  EXPECT_TRUE(eventually("r", "select count(*) from pg_tables where tablename like 't_'", "4"));
}

// Its clients expect to find there what they find at the primary.
TEST_F(ClusterTest, AStandbyHasCaughtUpOnceItShowsWhatThePrimaryHad) {
  make_pair();
  must(cluster_->wait_until_safe("r", patience));
  const pid_t replaying = std::stoi(value("r", "select pid from pg_stat_activity where backend_type = 'startup'"));
  ::kill(replaying, SIGSTOP);
  sql("w", "create table t as select 7 as n");
  close();
  open({{"w", options(10)}, {"r", options(11)}});
  const auto wait_until = [](auto holds) {
    for (int tries = 0; tries < 6'000 && !bed_->on_loop(holds); ++tries) ::usleep(10'000);
    return bed_->on_loop(holds);
  };
  ASSERT_TRUE(wait_until([this] { return cluster_->standbys().contains("r"); }));
  EXPECT_FALSE(bed_->on_loop([this] { return cluster_->has_caught_up("r"); }));
  ::kill(replaying, SIGCONT);
  EXPECT_TRUE(wait_until([this] { return cluster_->has_caught_up("r"); }));
  EXPECT_TRUE(wait_until([this] { return came_up_ > 0; }));
  EXPECT_EQ(value("r", "select n from t"), "7");
}

// PostgreSQL would start its other processes again by itself, and nobody here would know that it recovers.
TEST_F(ClusterTest, AServerOfWhichABackendCrashedIsLost) {
  make_pair();
  must(cluster_->wait_until_safe("r", patience));
  sql("w", "create table t as select 7 as n");
  fail_over_when_lost_ = true;
  auto jane = log_in(10);
  ASSERT_TRUE(jane) << jane.error().message();
  ::kill(std::stoi(must((*jane)->query("select pg_backend_pid()")).scalar()), SIGKILL);
  for (int tries = 0; tries < 6'000 && failed_over_ns_ == 0; ++tries) ::usleep(10'000);
  EXPECT_EQ(bed_->on_loop([this] { return lost_; }), "w");
  EXPECT_EQ(value("r", "select n from t"), "7");
  must(cluster_->rejoin("w"));
  must(cluster_->wait_until_safe("w", patience));
}

// It would receive all and show nothing of it, for good.
TEST_F(ClusterTest, AStandbyThatHasLessThanItsPrimaryIsEndedAndFollowsOnceStartedAgain) {
  make_pair();
  must(cluster_->wait_until_safe("r", patience));
  auto more = options(10);
  more.settings["max_connections"] = "60";
  must(cluster_->find("w")->configure(more));
  must(cluster_->restart("w"));
  for (int tries = 0; tries < 6'000 && bed_->on_loop([this] { return lost_.empty(); }); ++tries) ::usleep(10'000);
  ASSERT_EQ(bed_->on_loop([this] { return lost_; }), "r");
  EXPECT_TRUE(cluster_->state().diverged.empty());
  must(cluster_->start("r"));
  EXPECT_EQ(value("r", "show max_connections"), "60");
  sql("w", "create table t as select 7 as n");
  EXPECT_TRUE(eventually("r", "select n from t", "7"));
  must(cluster_->wait_until_safe("r", patience));
  must(cluster_->switch_over("r"));
}

TEST_F(ClusterTest, RolesAreSwappedOnRequest) {
  make_pair();
  must(cluster_->wait_until_safe("r", patience));
  sql("w", "create table t(n int); insert into t values (1)");
  const int64_t start_ns = monotonic_ns();
  must(cluster_->switch_over("r"));
  std::fprintf(stderr, "switchover took %d ms\n", static_cast<int>(since_ms(start_ns)));
  EXPECT_TRUE(cluster_->is_primary("r"));
  sql("r", "insert into t values (2)");
  EXPECT_TRUE(eventually("w", "select count(*) from t", "2"));
  must(cluster_->wait_until_safe("w", patience));
  must(cluster_->switch_over("w"));
  sql("w", "insert into t values (3)");
  EXPECT_TRUE(eventually("r", "select count(*) from t", "3"));
}

// It may have more than the one that takes over, and would show that.
TEST_F(ClusterTest, APrimaryThatDidNotEndInOrderDoesNotFollowAsItIs) {
  make_pair();
  must(cluster_->wait_until_safe("r", patience));
  auto jane = log_in(10);
  ASSERT_TRUE(jane) << jane.error().message();
  // It does not end, so neither does the server.
  ::kill(std::stoi(must((*jane)->query("select pg_backend_pid()")).scalar()), SIGSTOP);
  const pid_t primary = cluster_->find("w")->pid();
  std::promise<Result<void>> swapped;
  bed_->loop().post(
      [&] { spawn(cluster_->switch_over("r"), [&](Result<void> done) { swapped.set_value(std::move(done)); }); });
  const io::Path pid_file = bed_->path("cluster/servers/w/data/postmaster.pid");
  for (int tries = 0; tries < 6'000 && !io::read_file(pid_file).value_or("").contains("stopping"); ++tries)
    ::usleep(10'000);
  ::kill(primary, SIGKILL);
  const auto outcome = swapped.get_future().get();
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_TRUE(cluster_->is_primary("r"));
  EXPECT_TRUE(cluster_->state().diverged.contains("w"));
  EXPECT_EQ(bed_->on_loop([this] { return lost_; }), "w");
  sql("r", "create table t as select 7 as n");
  must(cluster_->rejoin("w"));
  EXPECT_TRUE(eventually("w", "select n from t", "7"));
  bed_->on_loop([&] { jane->reset(); });
}

// As when the machine goes down between the new roles and the promotion.
TEST_F(ClusterTest, AStandbyThatEndedBeforeItWasPromotedBeginsATimelineOfItsOwn) {
  make_pair();
  must(cluster_->wait_until_safe("r", patience));
  sql("w", "create table t as select 7 as n");
  must(cluster_->stop("w", StopMode::immediate));
  must(cluster_->stop("r", StopMode::immediate));
  close();
  ASSERT_TRUE(io::write_file_atomically(bed_->path("cluster/state"), "primary r\ndiverged w\n"));
  open({{"w", options(10)}, {"r", options(11)}});
  must(cluster_->start("r"));
  EXPECT_EQ(value("r", "select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"), "00000002");
  sql("r", "insert into t values (8)");
  must(cluster_->rejoin("w"));
  EXPECT_TRUE(eventually("w", "select sum(n) from t", "15"));
}

// It is still to replay what a primary with more wrote, and would not start.
TEST_F(ClusterTest, AStandbyWithLessThanItsPrimaryIsPromotedAlsoWhenItHasToBeStartedForThat) {
  must(cluster_->create(*pool_, "w", options(10)));
  auto fewer = options(11);
  fewer.settings["max_connections"] = "25";
  must(cluster_->add_standby("r", fewer));
  must(cluster_->wait_until_safe("r", patience));
  sql("w", "create table t as select 7 as n");
  must(cluster_->stop("w", StopMode::immediate));
  must(cluster_->stop("r", StopMode::immediate));
  close();
  ASSERT_TRUE(io::write_file_atomically(bed_->path("cluster/state"), "primary r\ndiverged w\n"));
  open({{"w", options(10)}, {"r", fewer}});
  must(cluster_->start("r"));
  sql("r", "insert into t values (8)");
  EXPECT_EQ(value("r", "show max_connections"), "40");
  must(cluster_->restart("r"));
  EXPECT_EQ(value("r", "show max_connections"), "25") << "its own, once it is a primary";
}

TEST_F(ClusterTest, AccessRulesTakeEffectAtOnce) {
  must(cluster_->create(*pool_, "w", options(10)));
  sql("w", "create role jane login password 'secret'");
  EXPECT_TRUE(log_in(10));
  EXPECT_THAT(log_in(10, "wrong").error().message(), HasSubstr("password"));
  auto closed = options(10);
  closed.access.networks = {"10.1.0.0/16"};
  must(cluster_->find("w")->configure(closed));
  std::string said;
  for (int tries = 0; tries < 6'000 && said.empty(); ++tries) {
    auto connection = log_in(10);
    if (!connection) said = connection.error().message();
    ::usleep(2'000);
  }
  EXPECT_THAT(said, HasSubstr("pg_hba.conf rejects connection"));
}

// It would be called with the admin's rights.
TEST_F(ClusterTest, AUsersOperatorIsNotTakenForABuiltInOne) {
  must(cluster_->create(*pool_, "w", options(10)));
  sql("w", "create role jane login password 'secret'; grant create on schema public to jane");
  auto jane = log_in(10);
  ASSERT_TRUE(jane) << jane.error().message();
  must(
      (*jane)->query("create function public.trap(numeric, int) returns numeric language sql as 'select 666.0'; "
                     "create operator public.* (leftarg = numeric, rightarg = int, function = public.trap)"));
  EXPECT_EQ(must((*jane)->query("select 2.5 * 2")).scalar(), "666.0");
  EXPECT_EQ(must(cluster_->find("w")->query("select 2.5 * 2")).scalar(), "5.0");
}

TEST_F(ClusterTest, WhatIsSetForClientsDoesNotHoldForTheAdmin) {
  auto strict = options(10);
  strict.settings["statement_timeout"] = "1";
  strict.settings["default_transaction_read_only"] = "on";
  must(cluster_->create(*pool_, "w", strict));
  sql("w", "create table t(n int); select pg_sleep(0.1)");
}

TEST_F(ClusterTest, SettingsTakeEffectOrWaitForARestart) {
  must(cluster_->create(*pool_, "w", options(10)));
  auto changed = options(10);
  changed.settings["log_statement"] = "all";
  changed.settings["max_connections"] = "50";
  must(cluster_->find("w")->configure(changed));
  EXPECT_TRUE(eventually("w", "show log_statement", "all"));
  EXPECT_EQ(must(cluster_->find("w")->pending_restart()), std::vector<std::string>{"max_connections"});
  must(cluster_->restart("w"));
  EXPECT_EQ(value("w", "show max_connections"), "50");
}

TEST_F(ClusterTest, ABackupIsRestoredWithTheSameRows) {
  make_pair();
  sql("w", "create table t as select n, repeat('x', 100) as text from generate_series(1, 20000) n");
  must(cluster_->wait_until_safe("r", patience));
  for (const std::string from : {"w", "r"}) {
    ScopedCluster other(*bed_, bed_->path("restored"));
    auto backup = must(open_backup(bed_->context(), bed_->installation(), *cluster_->find(from)));
    must(other->create_from(*backup, "x", options(20)));
    bed_->on_loop([&] { backup.reset(); });
    EXPECT_EQ(must(other->find("x")->query("select count(*), sum(n) from public.t")).rows,
              sql("w", "select count(*), sum(n) from t").rows);
    must(other->find("x")->query("insert into public.t values (0, '')"));
  }
}

TEST_F(ClusterTest, NoStandbyCanHaveTheNameOfACopy) {
  must(cluster_->create(*pool_, "w", options(10)));
  const std::string tool = detail::command(bed_->context(), {"/bin/true"}).environment.at("PGAPPNAME");
  EXPECT_EQ(bed_->run(cluster_->add_standby(tool, options(11))).error().code(), Errc::invalid);
}

TEST_F(ClusterTest, CopiesEndWhenWeDo) {
  must(cluster_->create(*pool_, "w", options(10)));
  ASSERT_TRUE(io::remove_tree(bed_->path("cluster/twin")));  // a copy of it is no long work
  bed_->on_loop([this] { cluster_->interrupt(); });
  EXPECT_EQ(bed_->run(cluster_->add_standby("r", options(11))).error().code(), Errc::cancelled);
  EXPECT_THAT(cluster_->names(), ::testing::ElementsAre("w"));
}

// Ends early, as a broken object would.
class CutSource final : public Source {
 public:
  CutSource(Source& whole, size_t limit) : whole_(whole), left_(limit) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    if (left_ == 0) co_return size_t{0};
    CO_TRY(const size_t got, co_await whole_.read(buffer.first(std::min(buffer.size(), left_))));
    left_ -= got;
    co_return got;
  }

 private:
  Source& whole_;
  size_t left_;
};

TEST_F(ClusterTest, ATornBackupIsNotRestored) {
  must(cluster_->create(*pool_, "w", options(10)));
  ScopedCluster other(*bed_, bed_->path("torn"));
  auto backup = must(open_backup(bed_->context(), bed_->installation(), *cluster_->find("w")));
  CutSource cut(*backup, 20 << 20);
  EXPECT_FALSE(bed_->run(other->create_from(cut, "x", options(20))));
  EXPECT_THAT(other->names(), IsEmpty());
  bed_->on_loop([&] { backup.reset(); });
}

TEST_F(ClusterTest, TheDataOutlivesTheLastServer) {
  must(cluster_->create(*pool_, "w", options(10)));
  sql("w", "create table t as select 7 as n");
  must(cluster_->remove_server("w"));
  EXPECT_THAT(TestBed::processes_in(bed_->path("cluster")), IsEmpty());
  must(cluster_->create(*pool_, "v", options(11)));
  EXPECT_EQ(value("v", "select n from t"), "7");
}

TEST_F(ClusterTest, TheDataOutlivesAServerThatNeverCameUp) {
  must(cluster_->create(*pool_, "w", options(10)));
  sql("w", "create table t as select 7 as n");
  must(cluster_->remove_server("w"));
  auto nowhere = options(10);
  nowhere.listen.host = "192.0.2.1";  // an address of nobody's
  EXPECT_FALSE(bed_->run(cluster_->create(*pool_, "x", nowhere)));
  EXPECT_THAT(cluster_->names(), IsEmpty());
  must(cluster_->create(*pool_, "v", options(11)));
  EXPECT_EQ(value("v", "select n from t"), "7");
}

// As when we are killed while a server is removed, or runs on the volume for a moment.
TEST_F(ClusterTest, TheDataOutlivesARemovalCutShort) {
  must(cluster_->create(*pool_, "w", options(10)));
  sql("w", "create table t as select 7 as n");
  must(cluster_->stop("w"));
  close();
  ASSERT_TRUE(io::rename(bed_->path("cluster/servers/w/data"), bed_->path("cluster/volume")));
  open({{"w", options(10)}});
  must(cluster_->remove_server("w"));
  must(cluster_->create(*pool_, "v", options(11)));
  EXPECT_EQ(value("v", "select n from t"), "7");
  close();  // and it runs on, as nobody's
  open();
  must(cluster_->create(*pool_, "u", options(12)));
  EXPECT_EQ(value("u", "select n from t"), "7");
}

// As when we are killed while a standby is copied, and the writer goes before it is copied anew.
TEST_F(ClusterTest, ACopyThatWasCutShortIsNotTakenForTheData) {
  must(cluster_->create(*pool_, "w", options(10)));
  sql("w", "create table t as select 7 as n");
  ASSERT_TRUE(io::make_folders(bed_->path("cluster/servers/r/data")));
  const std::string version = io::read_file(bed_->path("cluster/servers/w/data/PG_VERSION")).value();
  ASSERT_TRUE(io::write_file_atomically(bed_->path("cluster/servers/r/data/PG_VERSION"), version));
  must(cluster_->remove_server("w"));
  must(cluster_->create(*pool_, "r", options(11)));
  EXPECT_EQ(value("r", "select n from t"), "7");
  must(cluster_->remove_server("r"));
  must(cluster_->create(*pool_, "w", options(10)));
  EXPECT_EQ(value("w", "select n from t"), "7");
}

TEST_F(ClusterTest, NothingIsLeftBehind) {
  make_pair();
  EXPECT_EQ(bed_->run(cluster_->remove_server("w")).error().code(), Errc::conflict);
  EXPECT_FALSE(TestBed::processes_in(bed_->path("cluster")).empty());
  must(cluster_->stop("r"));
  must(cluster_->stop("w"));
  EXPECT_THAT(TestBed::processes_in(bed_->path("cluster")), IsEmpty());
  must(cluster_->start("w"));
  must(cluster_->start("r"));
  scope_.reset();
  EXPECT_THAT(TestBed::processes_in(bed_->path("cluster")), IsEmpty());
  EXPECT_FALSE(*io::exists(bed_->path("cluster")));
}

}  // namespace
}  // namespace boreal::postgres
