// What killed servers leave in the kernel: each its segment of shared memory, of which a machine has only so many.
#include "postgres/detail/ending.h"

#include <sys/shm.h>

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
