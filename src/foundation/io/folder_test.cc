#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <future>

#include "io/entry.h"
#include "io/fault.h"
#include "io/file.h"
#include "io/space.h"
#include "io/testing.h"

namespace boreal::io {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

struct stat stat_of(const Path& path) {
  struct stat info{};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info;
}

TEST(Folders, AreMadeAndMadeDurable) {
  const TempFolder folder;
  {
    Faults faults;
    ASSERT_TRUE(make_folders(folder / "a/b//c/", 0750));
    EXPECT_THAT(faults.trace(), Contains("sync " + folder.path()));
    EXPECT_THAT(faults.trace(), Contains("sync " + (folder / "a")));
  }
  EXPECT_EQ(stat_of(folder / "a/b/c").st_mode & 07777, 0750U);
  const mode_t before = ::umask(077);
  EXPECT_TRUE(make_folders(folder / "open/to/all", 0711));
  ::umask(before);
  EXPECT_EQ(stat_of(folder / "open/to/all").st_mode & 07777, 0711U);
  EXPECT_EQ(stat_of(folder / "open").st_mode & 07777, 0711U);
  EXPECT_TRUE(make_folders(folder / "a/b/c"));
  ASSERT_TRUE(write_file_atomically(folder / "file", ""));
  EXPECT_EQ(make_folders(folder / "file").error().code(), Errc::exists);
  EXPECT_FALSE(make_folders(folder / "file/x"));
  EXPECT_THAT(list_folder(folder.path()).value(), ElementsAre("a", "file", "open"));
}

TEST(Folders, ThoseThatAnInterruptedCallMadeAreMadeDurable) {
  const TempFolder folder;
  {
    Faults faults;
    faults.fail(Operation::sync, 1, EIO, folder / "a");
    EXPECT_EQ(make_folders(folder / "a/b/c").error().code(), Errc::io);
  }
  ASSERT_TRUE(exists(folder / "a/b").value());
  Faults faults;
  faults.fail(Operation::sync, 1, EIO, folder / "a");
  EXPECT_EQ(make_folders(folder / "a/b/c").error().code(), Errc::io);
  EXPECT_FALSE(exists(folder / "a/b/c").value());
  ASSERT_TRUE(make_folders(folder / "a/b/c"));
  faults.fail(Operation::sync, 1, EIO, folder / "a/b");
  EXPECT_EQ(make_folders(folder / "a/b/c").error().code(), Errc::io);
  EXPECT_TRUE(make_folders(folder / "a/b/c"));
}

TEST(Folders, ThoseInFoldersThatCannotBeReadAreTakenAsTheyAre) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "a/b"));
  Faults faults;
  faults.fail(Operation::open, 1, EACCES, folder / "a");
  EXPECT_TRUE(make_folders(folder / "a/b"));
}

TEST(Folders, FilesAreRemovedAndRenamed) {
  const TempFolder folder;
  EXPECT_EQ(remove_file(folder / "a").error().code(), Errc::not_found);
  ASSERT_TRUE(make_folders(folder / "x"));
  ASSERT_TRUE(write_file_atomically(folder / "a", "1"));
  {
    Faults faults;
    ASSERT_TRUE(rename(folder / "a", folder / "x/b"));
    EXPECT_THAT(faults.trace(), Contains("sync " + folder.path()));
    EXPECT_THAT(faults.trace(), Contains("sync " + (folder / "x")));
  }
  EXPECT_FALSE(exists(folder / "a").value());
  EXPECT_EQ(read_file(folder / "x/b").value(), "1");
  EXPECT_TRUE(remove_file(folder / "x/b"));
  EXPECT_EQ(rename(folder / "a", folder / "b").error().code(), Errc::not_found);
  const auto space = space_at(folder.path()).value();
  EXPECT_GT(space.available_bytes, 0U);
  EXPECT_GE(space.total_bytes, space.available_bytes);
  EXPECT_EQ(space_at(folder / "absent").error().code(), Errc::not_found);
}

TEST(EntryAt, TellsSizeAndTime) {
  const TempFolder folder;
  EXPECT_FALSE(entry_at(folder / "file").value());
  ASSERT_TRUE(write_file_atomically(folder / "file", "12345"));
  const timespec time{1'000'000'000, 0};
  const timespec times[] = {time, time};
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder / "file").c_str(), times, 0), 0);
  const auto entry = entry_at(folder / "file").value();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->size, 5U);
  EXPECT_EQ(entry->modified.ms, 1'000'000'000'000);
  EXPECT_FALSE(entry_at(folder / "file/below").value());
}

TEST(RemoveTree, DoesNotFollowLinks) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "kept"));
  ASSERT_TRUE(write_file_atomically(folder / "kept/file", "1"));
  ASSERT_TRUE(make_folders(folder / "gone/deep/er"));
  ASSERT_TRUE(write_file_atomically(folder / "gone/deep/file", "1"));
  ASSERT_EQ(::symlink((folder / "kept").c_str(), (folder / "gone/link").c_str()), 0);
  ASSERT_EQ(::symlink("nowhere", (folder / "gone/dangling").c_str()), 0);
  ASSERT_TRUE(remove_tree(folder / "gone"));
  EXPECT_FALSE(exists(folder / "gone").value());
  EXPECT_EQ(read_file(folder / "kept/file").value(), "1");
  // A link given as the tree itself goes alone too.
  ASSERT_EQ(::symlink((folder / "kept").c_str(), (folder / "link").c_str()), 0);
  ASSERT_TRUE(remove_tree(folder / "link"));
  EXPECT_EQ(read_file(folder / "kept/file").value(), "1");
  EXPECT_TRUE(remove_tree(folder / "gone"));
}

TEST(RemoveTree, SaysWhatCouldNotBeRemoved) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "a/b"));
  Faults faults;
  faults.fail(Operation::remove, 1, EBUSY, "/a/b");
  EXPECT_THAT(remove_tree(folder / "a").error().message(), HasSubstr(folder / "a/b"));
  EXPECT_TRUE(remove_tree(folder / "a"));
}

TEST(CopyTree, KeepsContentModesTimesAndLinks) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "from/sub/empty"));
  ASSERT_TRUE(write_file_atomically(folder / "from/sub/file", std::string(300'000, 'x'), 0640));
  ASSERT_TRUE(write_file_atomically(folder / "from/nothing", "", 0400));
  ASSERT_EQ(::symlink("sub/file", (folder / "from/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((folder / "from/pipe").c_str(), 0600), 0);
  const timespec times[] = {{1'000'000'000, 0}, {1'100'000'000, 5}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder / "from/sub/file").c_str(), times, 0), 0);
  ASSERT_EQ(::chmod((folder / "from/sub").c_str(), 02750), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder / "from/sub").c_str(), times, 0), 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::lchown((folder / "from/sub/file").c_str(), 1234, 2345), 0);
  }
  Faults faults;
  ASSERT_TRUE(copy_tree(folder / "from", folder / "to", true));
  EXPECT_THAT(list_folder(folder / "to").value(), ElementsAre("link", "nothing", "sub"));
  EXPECT_EQ(read_file(folder / "to/sub/file").value(), std::string(300'000, 'x'));
  for (const char* name : {"/sub/file", "/sub", "/nothing", "/sub/empty"}) {
    const auto from = stat_of(folder / "from" + name);
    const auto to = stat_of(folder / "to" + name);
    EXPECT_EQ(from.st_mode, to.st_mode) << name;
    EXPECT_EQ(from.st_uid, to.st_uid) << name;
    EXPECT_EQ(from.st_gid, to.st_gid) << name;
    EXPECT_EQ(from.st_mtim.tv_sec, to.st_mtim.tv_sec) << name;
    EXPECT_EQ(from.st_mtim.tv_nsec, to.st_mtim.tv_nsec) << name;
  }
  EXPECT_TRUE(S_ISLNK(stat_of(folder / "to/link").st_mode));
  for (const char* name : {"/to/sub/file", "/to/sub", "/to", "/to/nothing", ""}) {
    EXPECT_THAT(faults.trace(), Contains("sync " + folder.path() + name));
  }
  EXPECT_EQ(copy_tree(folder / "from", folder / "to", false).error().code(), Errc::exists);
}

TEST(CopyTree, FailsWholeWhenOneFileFails) {
  const TempFolder folder;
  ASSERT_TRUE(make_folders(folder / "from"));
  ASSERT_TRUE(write_file_atomically(folder / "from/a", "1"));
  ASSERT_TRUE(write_file_atomically(folder / "from/b", "1"));
  {
    Faults faults;
    faults.fail(Operation::write, 2, ENOSPC);
    EXPECT_EQ(copy_tree(folder / "from", folder / "to", true).error().code(), Errc::no_space);
  }
  Faults faults;
  faults.fail(Operation::sync, 2, EIO);
  EXPECT_EQ(copy_tree(folder / "from", folder / "to2", true).error().code(), Errc::io);
}

TEST(FolderLock, OneHolderAtATime) {
  const TempFolder folder;
  {
    const auto held = FolderLock::take(folder.path());
    ASSERT_TRUE(held);
    const auto second = FolderLock::take(folder.path());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Errc::conflict);
    EXPECT_THAT(second.error().message(), HasSubstr("pid " + std::to_string(::getpid())));
  }
  EXPECT_TRUE(FolderLock::take(folder.path()));
}

TEST(FolderLock, DiesWithItsProcess) {
  const TempFolder folder;
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = FolderLock::take(folder.path());
    (void)::write(pipe_fds[1], held ? "y" : "n", 1);
    ::pause();
    ::_exit(0);
  }
  char answer = 0;
  ASSERT_EQ(::read(pipe_fds[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_THAT(FolderLock::take(folder.path()).error().message(), HasSubstr("pid " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(FolderLock::take(folder.path()));
  ::close(pipe_fds[0]);
  ::close(pipe_fds[1]);
}

// A child has its parent's descriptors until it runs its program; by then the parent may have been killed.
TEST(FolderLock, WaitsForTheChildrenOfADeadHolder) {
  const TempFolder folder;
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    const auto held = FolderLock::take(folder.path());
    const pid_t child = ::fork();
    if (child == 0) {
      const pid_t self = ::getpid();
      (void)::write(told[1], &self, sizeof self);
      ::pause();
      ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    ::_exit(0);
  }
  pid_t child = 0;
  ASSERT_EQ(::read(told[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  EXPECT_FALSE(FolderLock::take(folder.path()));  // the holder lives: at once
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  auto next = std::async(std::launch::async, [&] { return FolderLock::take(folder.path()); });
  EXPECT_EQ(next.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  ::kill(child, SIGKILL);
  EXPECT_TRUE(next.get());
  ::close(told[0]);
  ::close(told[1]);
}

}  // namespace
}  // namespace boreal::io
