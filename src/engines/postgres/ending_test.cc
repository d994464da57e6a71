// Who is ended with a server, and what killed servers leave in the kernel: each its segment of shared memory, of which
// a machine has only so many.
#include "postgres/detail/ending.h"

#include <pty.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include "postgres/detail/folder_processes.h"
#include "postgres/test_bed.h"
#include "postgres/warm_pool.h"

namespace boreal::postgres {
namespace {

bool is_there(const detail::SharedMemory& segment) {
  shmid_ds state{};
  return ::shmctl(segment.id, IPC_STAT, &state) == 0 && state.shm_perm.__key == segment.key;
}

class Ending : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!bed_.missing().empty()) GTEST_SKIP() << bed_.missing();
  }
  detail::SharedMemory wait_for_segment(const io::Path& data) {
    for (int tries = 0; tries < 30'000; ++tries) {
      const auto segment = detail::shared_memory_of(data);
      if (segment && *segment && is_there(**segment)) return **segment;
      ::usleep(2'000);
    }
    throw std::runtime_error("no server has shared memory in " + data);
  }

  // As a killed server leaves it.
  static void leave_pid_file(const io::Path& data, const detail::SharedMemory& segment) {
    if (!io::make_folders(data) ||
        !io::write_file_atomically(data + "/postmaster.pid",
                                   fmt::format("-1\n{}\n0\n5432\n\n\n{:9} {:9}\n", data, segment.key, segment.id))) {
      throw std::runtime_error("cannot write to " + data);
    }
  }

  TestBed bed_;
};

TEST_F(Ending, APoolThatIsStoppedInTheMiddleLeavesNoSharedMemory) {
  WarmPool pool(bed_.context(), bed_.installation(), {.folder = bed_.path("pool"), .size = 1});
  ASSERT_TRUE(bed_.run(pool.start()));
  const auto segment = wait_for_segment(bed_.path("pool/making-0/data"));
  bed_.run(pool.stop());
  EXPECT_FALSE(is_there(segment));
}

TEST_F(Ending, APoolThatStartsAgainGivesBackWhatWasLeft) {
  const io::Path data = bed_.path("pool/making-0/data");
  const key_t key = ::ftok(bed_.path("").c_str(), 'b');
  const detail::SharedMemory segment{.key = key, .id = ::shmget(key, 56, IPC_CREAT | IPC_EXCL | 0600)};
  ASSERT_GE(segment.id, 0);
  leave_pid_file(data, segment);
  WarmPool pool(bed_.context(), bed_.installation(), {.folder = bed_.path("pool"), .size = 0});
  ASSERT_TRUE(bed_.run(pool.start()));
  EXPECT_FALSE(is_there(segment));
  bed_.run(pool.stop());
}

// A program that does nothing, with this argument besides, in this folder.
pid_t run_in(const io::Path& folder, bool in_terminal, const std::string& argument = "") {
  int terminal = -1;
  const pid_t pid = in_terminal ? ::forkpty(&terminal, nullptr, nullptr, nullptr) : ::fork();
  if (pid == 0) {
    if (!in_terminal) ::setsid();
    if (::chdir(folder.c_str()) == 0)
      ::execl("/bin/sh", "sh", "-c", "while :; do sleep 1; done", "sh", argument.c_str(), nullptr);
    ::_exit(1);
  }
  for (int tries = 0; tries < 5'000; ++tries) {
    const auto arguments = io::read_file(fmt::format("/proc/{}/cmdline", pid));
    if (arguments && arguments->starts_with("sh")) break;
    ::usleep(1'000);
  }
  return pid;
}

// Whether it has ended by itself, or rather by somebody's hand; it has now in any case.
bool had_ended(pid_t pid) {
  const bool ended = ::waitpid(pid, nullptr, WNOHANG) == pid;
  if (!ended) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  return ended;
}

TEST_F(Ending, WhatSomebodyRunsInATerminalIsNotEnded) {
  const io::Path data = bed_.path("servers/x/data");
  ASSERT_TRUE(io::make_folders(data));
  for (const bool below : {false, true}) {
    const pid_t shell = run_in(data, true);
    const pid_t server = run_in(data, false);
    ASSERT_TRUE(bed_.run(below ? detail::end_processes_below(bed_.context(), bed_.path("servers"))
                               : detail::end_processes_in(bed_.context(), data)));
    EXPECT_FALSE(had_ended(shell));
    EXPECT_TRUE(had_ended(server));
  }
}

// It would write into what is made in its place.
TEST_F(Ending, AToolThatOutlivedUsIsEnded) {
  const io::Path data = bed_.path("servers/x/data");
  const io::Path other = bed_.path("servers/y/data");
  ASSERT_TRUE(io::make_folders(data));
  ASSERT_TRUE(io::make_folders(other));
  for (const char* option : {"--pgdata=", "--target-pgdata="}) {
    const pid_t copies = run_in("/", false, option + data);
    const pid_t elsewhere = run_in("/", false, option + other);
    ASSERT_TRUE(bed_.run(detail::end_processes_in(bed_.context(), data)));
    EXPECT_TRUE(had_ended(copies));
    EXPECT_FALSE(had_ended(elsewhere));
  }
  const pid_t copies = run_in("/", false, "--pgdata=" + data);
  ASSERT_TRUE(bed_.run(detail::end_processes_below(bed_.context(), bed_.path("servers"))));
  EXPECT_TRUE(had_ended(copies));
}

TEST_F(Ending, ASegmentThatIsSomebodyElsesStays) {
  const io::Path data = bed_.path("server/data");
  const int id = ::shmget(IPC_PRIVATE, 56, IPC_CREAT | 0600);
  ASSERT_GE(id, 0);
  leave_pid_file(data, {.key = 77, .id = id});
  ASSERT_TRUE(bed_.run(detail::end_processes_below(bed_.context(), bed_.path("server"))));
  shmid_ds state{};
  EXPECT_EQ(::shmctl(id, IPC_STAT, &state), 0);
  // Nor does a file that names the right key and number do more than who owns the directory could.
  state.shm_perm.uid = ::geteuid() + 1;
  ASSERT_EQ(::shmctl(id, IPC_SET, &state), 0);
  leave_pid_file(data, {.key = IPC_PRIVATE, .id = id});
  ASSERT_TRUE(bed_.run(detail::end_processes_below(bed_.context(), bed_.path("server"))));
  EXPECT_EQ(::shmctl(id, IPC_STAT, &state), 0);
  ::shmctl(id, IPC_RMID, nullptr);
}

}  // namespace
}  // namespace boreal::postgres
