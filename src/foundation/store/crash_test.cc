// kill -9 at random moments: what was acknowledged is there, and every batch is there as a whole or not at all.
// BOREAL_CRASH_KILLS sets how many (30 if it is not set).
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/clock.h"
#include "base/random.h"
#include "store/testing.h"
#include "store/transaction.h"

namespace boreal::store {

namespace {

constexpr int writers = 4;
constexpr int kept_entries = 200;

std::string partition_of(int writer) { return "writer-" + std::to_string(writer); }
std::string entry(int n) { return fmt::format("entry/{:08}", n); }

// Each batch rewrites three keys with its number, adds an entry and removes an old one; then says so.
Task<void> write_for_ever(Catalog& catalog, int writer) {
  auto n = std::stoi(catalog.get(partition_of(writer), "a").value().value_or("0"));
  while (true) {
    auto transaction = co_await catalog.begin(partition_of(writer));
    auto text = std::to_string(++n);
    for (std::string_view key : {"a", "b", "c"}) transaction.put(key, text);
    transaction.put(entry(n), std::string(static_cast<size_t>(n % 7) * 400, 'v'));
    transaction.remove(entry(n - kept_entries));
    if (!co_await transaction.commit()) std::abort();
    auto line = fmt::format("{} {}\n", writer, n);
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) std::abort();
  }
}

Options options_for(const io::Path& folder) {
  return {.folder = folder, .cache_bytes = 1 << 20, .write_buffer_bytes = 64 << 10};
}

// What the killed process runs; not a test by itself.
TEST(CrashChild, DISABLED_WritesUntilItIsKilled) {
  const char* folder = std::getenv("BOREAL_CRASH_FOLDER");
  ASSERT_NE(folder, nullptr);
  io::Pool pool(1);
  pool.start();
  auto store = open_store(options_for(folder), pool);
  if (!store) {
    fmt::print(stderr, "{}\n", store.error().message());
    std::abort();
  }
  Catalog catalog(**store);
  TestExecutor executor;
  for (int writer = 1; writer < writers; ++writer) {
    executor.post([&catalog, writer] { spawn(write_for_ever(catalog, writer)); });
  }
  executor.run(write_for_ever(catalog, 0));
}

class Child {
 public:
  explicit Child(const io::Path& folder) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string program = "/proc/self/exe";
    std::string filter = "--gtest_filter=CrashChild.*";
    std::string disabled = "--gtest_also_run_disabled_tests";
    std::string variable = "BOREAL_CRASH_FOLDER=" + folder;
    char* arguments[] = {program.data(), filter.data(), disabled.data(), nullptr};
    std::vector<char*> environment;
    for (char** e = environ; *e; ++e) environment.push_back(*e);
    environment.push_back(variable.data());
    environment.push_back(nullptr);
    if (::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environment.data()) != 0) {
      throw std::runtime_error("spawn");
    }
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    pipe_ = ends[0];
  }
  ~Child() {
    ::close(pipe_);
    if (pid_ > 0) kill_now();
  }

  // Reads what it says until the time has come, kills it, reads the rest; false if it ended by itself. The time runs
  // from now, or from its first word.
  bool kill_after(int64_t delay_ns, bool from_its_word) {
    if (from_its_word) read_some(60'000'000'000);
    auto end_ns = monotonic_ns() + delay_ns;
    for (auto left = delay_ns; left > 0 && read_some(left); left = end_ns - monotonic_ns()) continue;
    bool killed = kill_now();
    while (read_some(1'000'000'000)) continue;
    return killed;
  }
  const std::string& said() const { return said_; }

 private:
  bool read_some(int64_t timeout_ns) {
    pollfd ready{.fd = pipe_, .events = POLLIN, .revents = 0};
    timespec timeout{.tv_sec = timeout_ns / 1'000'000'000, .tv_nsec = timeout_ns % 1'000'000'000};
    if (::ppoll(&ready, 1, &timeout, nullptr) <= 0) return false;
    char buffer[65536];
    auto count = ::read(pipe_, buffer, sizeof buffer);
    if (count > 0) said_.append(buffer, static_cast<size_t>(count));
    return count > 0;
  }
  bool kill_now() {
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string said_;
};

// The highest number that each writer said; a line that the kill cut short does not count.
void note_acknowledged(const std::string& said, std::array<int, writers>& acknowledged) {
  size_t begin = 0;
  for (auto end = said.find('\n'); end != said.npos; begin = end + 1, end = said.find('\n', begin)) {
    int writer = 0;
    int n = 0;
    if (std::sscanf(said.c_str() + begin, "%d %d\n", &writer, &n) == 2)
      acknowledged.at(static_cast<size_t>(writer)) = n;
  }
}

void expect_whole(const Store& store, int writer, int acknowledged) {
  SCOPED_TRACE(partition_of(writer));
  auto partition = partition_of(writer);
  auto a = store.get(partition, "a").value().value_or("0");
  ASSERT_EQ(store.get(partition, "b").value().value_or("0"), a);
  ASSERT_EQ(store.get(partition, "c").value().value_or("0"), a);
  int n = std::stoi(a);
  ASSERT_GE(n, acknowledged);
  auto cursor = store.scan(partition, "entry/");
  for (int i = std::max(1, n - kept_entries + 1); i <= n; ++i, cursor->next()) {
    ASSERT_TRUE(cursor->valid());
    ASSERT_EQ(cursor->key(), entry(i));
    ASSERT_EQ(cursor->value().size(), static_cast<size_t>(i % 7) * 400);
  }
  ASSERT_FALSE(cursor->valid());
  ASSERT_TRUE(cursor->status());
}

TEST(Crash, NothingAcknowledgedIsLostAndNothingIsHalf) {
  const char* wanted = std::getenv("BOREAL_CRASH_KILLS");
  int kills = wanted ? std::stoi(wanted) : 30;
  SystemRandom random;
  io::TempFolder folder;
  io::Pool pool(1);
  pool.start();
  std::array<int, writers> acknowledged = {};
  for (int kill = 0; kill < kills; ++kill) {
    SCOPED_TRACE(testing::Message() << "kill " << kill);
    Child child(folder.path());
    // Each other one may be killed while it starts; how long that takes hangs on the machine.
    ASSERT_TRUE(child.kill_after(static_cast<int64_t>(random.below(400'000'000)), kill % 2 == 0))
        << "the child ended by itself";
    note_acknowledged(child.said(), acknowledged);
    auto store = open_store(options_for(folder.path()), pool);
    ASSERT_TRUE(store) << store.error().message();
    for (int writer = 0; writer < writers; ++writer) {
      expect_whole(**store, writer, acknowledged[static_cast<size_t>(writer)]);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(acknowledged[0], kills) << "the children were killed before they did anything";
}

}  // namespace

}  // namespace boreal::store
