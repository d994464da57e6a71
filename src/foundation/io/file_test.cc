#include "io/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "base/random.h"
#include "io/fault.h"
#include "io/testing.h"

namespace boreal::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string content_of(const Path& path) {
  auto content = read_file(path);
  return content ? *content : "<" + content.error().message() + ">";
}

File make_file(const Path& path) { return std::move(*File::open(path, File::Mode::write_new)); }

TEST(File, OpenModes) {
  const TempFolder folder;
  EXPECT_EQ(File::open(folder / "a", File::Mode::read).error().code(), Errc::not_found);
  ASSERT_TRUE(File::open(folder / "a", File::Mode::write_new, 0640));
  struct stat info{};
  ASSERT_EQ(::stat((folder / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640U);
  const auto again = File::open(folder / "a", File::Mode::write_new);
  EXPECT_EQ(again.error().code(), Errc::exists);
  EXPECT_THAT(again.error().message(), HasSubstr(folder / "a"));
  EXPECT_TRUE(File::open(folder / "a", File::Mode::read_write));
  EXPECT_TRUE(File::open(folder / "b", File::Mode::read_write));
}

TEST(File, ReadsShortOnlyAtTheEnd) {
  const TempFolder folder;
  auto file = make_file(folder / "a");
  ASSERT_TRUE(file.append(as_bytes("0123456789")));
  std::array<std::byte, 8> buffer{};
  EXPECT_EQ(file.read_at(0, buffer).value(), 8U);
  EXPECT_EQ(file.read_at(6, buffer).value(), 4U);
  EXPECT_EQ(file.read_at(10, buffer).value(), 0U);
  EXPECT_TRUE(file.read_exactly_at(2, buffer));
  EXPECT_EQ(file.read_exactly_at(3, buffer).error().code(), Errc::corrupt);
}

// Random operations against the same done to a string.
TEST(File, ReadsWithoutWaitingWhatIsInMemory) {
  const TempFolder folder;
  EXPECT_FALSE(File::open_cached(folder / "missing")->has_value());
  auto written = make_file(folder / "a");
  ASSERT_TRUE(written.append(as_bytes("0123456789")));
  const auto file = File::open_cached(folder / "a");
  ASSERT_TRUE(file && *file);
  std::array<std::byte, 4> buffer{};
  const auto got = (*file)->read_cached_at(3, buffer);
  ASSERT_TRUE(got.has_value());
  if (!*got) GTEST_SKIP() << "this file system cannot read without waiting";
  EXPECT_EQ(as_text(buffer), "3456");
  EXPECT_FALSE(*(*file)->read_cached_at(7, buffer)) << "it ends before that";
}

TEST(File, BehavesLikeAString) {
  const TempFolder folder;
  SeededRandom random(7);
  auto file = make_file(folder / "a");
  std::string model;
  for (int step = 0; step < 500; ++step) {
    const std::string data = random.bytes(random.below(300));
    switch (random.below(4)) {
      case 0:
        ASSERT_TRUE(file.append(as_bytes(data)));
        model += data;
        break;
      case 1: {
        const uint64_t at = random.below(2000);
        ASSERT_TRUE(file.write_at(at, as_bytes(data)));
        if (!data.empty()) {
          if (model.size() < at + data.size()) model.resize(at + data.size());
          model.replace(at, data.size(), data);
        }
        break;
      }
      case 2: {
        const uint64_t size = random.below(2000);
        ASSERT_TRUE(file.truncate(size));
        model.resize(size);
        break;
      }
      default: {
        std::string out(random.below(500), '\0');
        const uint64_t at = random.below(2500);
        const size_t got = file.read_at(at, std::as_writable_bytes(std::span(out))).value();
        ASSERT_EQ(out.substr(0, got), at < model.size() ? model.substr(at, out.size()) : "");
      }
    }
    ASSERT_EQ(file.size().value(), model.size());
  }
  EXPECT_EQ(content_of(folder / "a"), model);
}

TEST(File, MovedFileClosesOnce) {
  const TempFolder folder;
  auto a = make_file(folder / "a");
  auto b = make_file(folder / "b");
  const int fd = a.fd();
  b = std::move(a);
  EXPECT_EQ(b.fd(), fd);
  EXPECT_EQ(b.path(), folder / "a");
  EXPECT_TRUE(b.append(as_bytes("x")));
}

TEST(File, PartialWritesAreFinished) {
  const TempFolder folder;
  Faults faults;
  faults.short_write(1, 3);
  faults.short_write(2, 0);
  auto file = make_file(folder / "a");
  ASSERT_TRUE(file.write_at(0, as_bytes("hello world")));
  ASSERT_TRUE(file.append(as_bytes("!")));
  EXPECT_EQ(content_of(folder / "a"), "hello world!");
}

TEST(File, AFailedSyncIsNeverFollowedByAGoodOne) {
  const TempFolder folder;
  auto file = make_file(folder / "a");
  {
    Faults faults;
    faults.fail(Operation::sync, 1, EIO);
    EXPECT_EQ(file.sync().error().code(), Errc::io);
  }
  EXPECT_EQ(file.sync().error().code(), Errc::io);
  const auto moved = std::move(file);
  auto other = make_file(folder / "b");
  EXPECT_TRUE(other.sync());
}

TEST(File, FaultsNameKindAndPath) {
  const TempFolder folder;
  Faults faults;
  faults.fail(Operation::write, 2, ENOSPC, "/a");
  auto a = make_file(folder / "a");
  auto b = make_file(folder / "b");
  EXPECT_TRUE(b.append(as_bytes("1")));
  EXPECT_TRUE(a.append(as_bytes("1")));
  EXPECT_TRUE(b.append(as_bytes("2")));
  const auto full = a.append(as_bytes("2"));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Errc::no_space);
  EXPECT_THAT(full.error().message(), HasSubstr(folder / "a"));
  EXPECT_TRUE(a.append(as_bytes("3")));
  faults.fail(Operation::open, 1, EMFILE, "", true);
  EXPECT_FALSE(File::open(folder / "a", File::Mode::read));
  EXPECT_FALSE(File::open(folder / "a", File::Mode::read));
}

TEST(File, HooksSeeEachOperation) {
  const TempFolder folder;
  Faults faults;
  std::vector<Operation> seen;
  faults.before_each([&](Operation operation, std::string_view) { seen.push_back(operation); });
  auto file = make_file(folder / "a");
  ASSERT_TRUE(file.append(as_bytes("1")));
  ASSERT_TRUE(file.sync());
  EXPECT_THAT(seen, ElementsAre(Operation::create, Operation::write, Operation::sync));
}

TEST(ReadFile, IsBounded) {
  const TempFolder folder;
  ASSERT_TRUE(write_file_atomically(folder / "a", std::string(1000, 'x')));
  EXPECT_EQ(read_file(folder / "a", 1000).value().size(), 1000U);
  EXPECT_EQ(read_file(folder / "a", 999).error().code(), Errc::too_large);
  EXPECT_EQ(read_file(folder / "b").error().code(), Errc::not_found);
  EXPECT_EQ(read_file(folder.path()).error().code(), Errc::io);
}

TEST(ReadFile, ReadsFilesThatDoNotTellTheirSize) {
  EXPECT_THAT(read_file("/proc/self/status").value(), HasSubstr("VmRSS"));
}

TEST(WriteFileAtomically, WritesSyncsRenamesAndSyncsTheFolderInThisOrder) {
  const TempFolder folder;
  Faults faults;
  ASSERT_TRUE(write_file_atomically(folder / "a", "new", 0644));
  const Path beside = folder / "a.new";
  EXPECT_THAT(faults.trace(), ElementsAre("create " + beside, "truncate " + beside, "write " + beside, "sync " + beside,
                                          "rename " + beside, "open " + folder.path(), "sync " + folder.path()));
}

TEST(WriteFileAtomically, SetsTheModeWhateverWasThere) {
  const TempFolder folder;
  ASSERT_TRUE(write_file_atomically(folder / "a", "1", 0644));
  ASSERT_TRUE(write_file_atomically(folder / "a", "2", 0600));
  struct stat info{};
  ASSERT_EQ(::stat((folder / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

// Stops the disk after each step in turn: the file is the old one or the new one, and the next writer succeeds.
TEST(WriteFileAtomically, IsOldOrNewAfterACrashAtAnyStep) {
  const TempFolder folder;
  const Path path = folder / "a";
  int steps = 0;
  {
    Faults faults;
    ASSERT_TRUE(write_file_atomically(path, "old"));
    steps = faults.steps();
  }
  ASSERT_GE(steps, 5);
  for (int crash = 0; crash < steps; ++crash) {
    ASSERT_TRUE(write_file_atomically(path, "old"));
    {
      Faults faults;
      faults.stop_after(crash);
      EXPECT_FALSE(write_file_atomically(path, "newer")) << "step " << crash;
    }
    EXPECT_THAT(content_of(path), testing::AnyOf("old", "newer")) << "step " << crash;
    ASSERT_TRUE(write_file_atomically(path, "newest"));
    EXPECT_EQ(content_of(path), "newest");
    EXPECT_THAT(list_folder(folder.path()).value(), ElementsAre("a"));
  }
}

// A process that dies (not one that sees an error) leaves its ".new" behind.
TEST(WriteFileAtomically, TakesOverWhatADeadProcessLeft) {
  const TempFolder folder;
  const Path path = folder / "a";
  ASSERT_TRUE(write_file_atomically(path, "old"));
  const pid_t child = ::fork();
  if (child == 0) {
    Faults faults;
    faults.before_each([](Operation operation, std::string_view) {
      if (operation == Operation::sync) ::_exit(7);
    });
    (void)write_file_atomically(path, "a longer content than the next");
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(content_of(path), "old");
  EXPECT_TRUE(exists(folder / "a.new").value());
  ASSERT_TRUE(write_file_atomically(path, "new"));
  EXPECT_EQ(content_of(path), "new");
  EXPECT_FALSE(exists(folder / "a.new").value());
}

TEST(WriteFileAtomically, WritersOfOnePathDoNotMix) {
  const TempFolder folder;
  const Path path = folder / "a";
  std::vector<std::thread> writers;
  std::atomic<int> failures = 0;
  for (char c = 'a'; c < 'e'; ++c) {
    writers.emplace_back([&, c] {
      for (int i = 0; i < 20; ++i) {
        if (!write_file_atomically(path, std::string(5000, c))) ++failures;
      }
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(failures, 0);
  const std::string content = content_of(path);
  EXPECT_EQ(content, std::string(5000, content[0]));
}

}  // namespace
}  // namespace boreal::io
