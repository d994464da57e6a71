// A child writes with several writers at once and is killed at a random moment, again and again. What it had
// acknowledged must be there, whole; what it had not may be there, whole, or not; nothing may be left over.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <sstream>

#include "base/sync.h"
#include "objects/testing.h"

extern char** environ;

namespace boreal::objects {
namespace {

constexpr int writers = 8;
constexpr int kills = 25;
constexpr const char* folder_variable = "BOREAL_CRASH_TEST_FOLDER";
constexpr const char* round_variable = "BOREAL_CRASH_TEST_ROUND";
constexpr int acknowledge_fd = 3;

// What generation `generation` of a key holds: the parent knows it too.
std::string content_of(const std::string& key, int generation) {
  std::mt19937_64 chance(std::hash<std::string>()(key) + static_cast<uint64_t>(generation));
  const size_t size = chance() % 3 == 0 ? 33'000 + chance() % 200'000 : chance() % 3000;
  std::string text = key + "#" + std::to_string(generation) + "#";
  while (text.size() < size) text += static_cast<char>(chance());
  return text;
}

void say(const std::string& line) {
  if (::write(acknowledge_fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
}

Task<Result<void>> put(Objects& objects, std::string key, int generation) {
  PutRequest request;
  request.bucket = "c";
  request.key = key;
  request.data_key = test_data_key();
  TextSource source(content_of(key, generation));
  CO_TRY(const auto version, co_await objects.put(std::move(request), source));
  co_return Result<void>();
}

Task<Result<void>> put_in_parts(Objects& objects, Keys& keys, std::string key, int generation) {
  UploadRequest create{"c", key, {}, test_data_key('u').wrapped};
  CO_TRY(const auto upload, co_await objects.create_upload(std::move(create)));
  const std::string content = content_of(key, generation);
  CompleteRequest complete;
  for (uint32_t number = 1; number <= 2; ++number) {
    PartRequest request{"c", key, upload.id, number, {}, {}, &keys};
    const size_t half = content.size() / 2;
    TextSource source(number == 1 ? content.substr(0, half) : content.substr(half));
    CO_TRY(const auto part, co_await objects.put_part(std::move(request), source));
    complete.numbers.push_back(number);
  }
  complete.bucket = "c";
  complete.key = key;
  complete.upload = upload.id;
  CO_TRY(const auto version, co_await objects.complete_upload(std::move(complete)));
  co_return Result<void>();
}

// Writes it under a name of its own, and shares that with the key.
Task<Result<void>> put_by_copy(Objects& objects, Keys& keys, std::string key, int generation) {
  PutRequest request;
  request.bucket = "c";
  request.key = "source of " + key;
  request.data_key = test_data_key();
  TextSource source(content_of(key, generation));
  CO_TRY(const auto written, co_await objects.put(std::move(request), source));
  CopyRequest copy;
  CO_TRY(copy.source, co_await objects.find("c", "source of " + key, Select::latest(), true));
  copy.bucket = "c";
  copy.key = key;
  copy.keys = &keys;
  CO_TRY(const auto copied, co_await objects.copy(std::move(copy)));
  co_return Result<void>();
}

Task<void> write_on(TestEngine& engine, int writer, int round) {
  std::mt19937_64 chance(static_cast<uint64_t>(writer * 1000 + round));
  for (int i = 1;; ++i) {
    const std::string key = "w" + std::to_string(writer) + "-" + std::to_string(chance() % 4);
    const uint64_t kind = chance() % 8;
    const int generation = kind == 0 ? 0 : round * 100'000 + i;  // 0: removed
    const std::string name = key + " " + std::to_string(generation) + "\n";
    say("S " + name);
    Result<void> done;
    if (kind == 0) {
      RemoveRequest request{"c", key, Versioning::off, {}, {}};
      const auto removed = co_await engine.objects().remove(std::move(request));
      if (!removed) done = std::unexpected(removed.error());
    } else if (kind == 1) {
      done = co_await put_in_parts(engine.objects(), engine.keys, key, generation);
    } else if (kind == 2) {
      done = co_await put_by_copy(engine.objects(), engine.keys, key, generation);
    } else {
      done = co_await put(engine.objects(), key, generation);
    }
    if (!done) std::abort();
    say("A " + name);
  }
}

Task<void> write_all(TestEngine& engine, int round) {
  TaskGroup group;
  for (int writer = 0; writer < writers; ++writer) group.spawn(write_on(engine, writer, round));
  co_await group.wait();
}

// Run by the test below, in a process of its own.
TEST(CrashChild, WritesUntilItIsKilled) {
  const char* folder = std::getenv(folder_variable);
  if (folder == nullptr) GTEST_SKIP() << "is started by Crash.LosesNothingAcknowledged";
  const int round = std::atoi(std::getenv(round_variable));
  TestEngine engine(folder, nullptr, static_cast<uint64_t>(round) + 1000);
  engine.run(write_all(engine, round));
}

struct KeyState {
  int acknowledged = 0;          // 0: not there
  std::optional<int> under_way;  // may or may not have happened
};

class Crash : public ::testing::Test {
 protected:
  // Starts the child, reads along, and kills it after so many acknowledgements.
  void run_and_kill(int round, size_t acknowledgements) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], acknowledge_fd);
    if (ends[0] != acknowledge_fd) posix_spawn_file_actions_addclose(&actions, ends[0]);
    if (ends[1] != acknowledge_fd) posix_spawn_file_actions_addclose(&actions, ends[1]);
    ::setenv(folder_variable, folder_.path().c_str(), 1);
    ::setenv(round_variable, std::to_string(round).c_str(), 1);
    std::string program = "/proc/self/exe", filter = "--gtest_filter=CrashChild.*", quiet = "--gtest_brief=1";
    char* arguments[] = {program.data(), filter.data(), quiet.data(), nullptr};
    pid_t child = 0;
    ASSERT_EQ(::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::unsetenv(folder_variable);
    ::close(ends[1]);

    std::string text;
    char buffer[4096];
    size_t seen = 0;
    for (bool killed = false;;) {
      const ssize_t count = ::read(ends[0], buffer, sizeof(buffer));
      if (count <= 0) break;
      text.append(buffer, static_cast<size_t>(count));
      seen += static_cast<size_t>(std::count(buffer, buffer + count, 'A'));
      if (!killed && seen >= acknowledgements) {
        ::kill(child, SIGKILL);  // what is in the pipe is read all the same
        killed = true;
      }
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child failed by itself: " << status;
    note(text);
  }
  void note(const std::string& text) {
    std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
    std::string what, key;
    for (int generation; lines >> what >> key >> generation;) {
      auto& state = keys_[key];
      if (what == "S") {
        state.under_way = generation;
      } else {
        state = {generation, std::nullopt};
        ++acknowledged_;
      }
    }
  }

  void verify(TestEngine& engine) {
    for (auto& [key, state] : keys_) {
      const auto content = engine.get("c", key);
      if (!content) ASSERT_EQ(content.error().code(), Errc::not_found) << key << ": " << content.error().message();
      const auto is = [&](int generation) {
        return generation == 0 ? !content : content && *content == content_of(key, generation);
      };
      if (state.under_way && is(*state.under_way)) {
        state.acknowledged = *state.under_way;
      } else {
        ASSERT_TRUE(is(state.acknowledged)) << key << " is not generation " << state.acknowledged;
      }
      state.under_way.reset();
    }
    verify_listing(engine);
  }
  // What is listed can be read; and every blob file belongs to something.
  void verify_listing(TestEngine& engine) {
    engine.run(engine.objects().reclaim_now());
    std::set<std::string> blobs;
    const auto take = [&](const Segment& segment) {
      if (!segment.is_inline()) blobs.insert(segment.blob.text());
    };
    ListVersionsQuery query;
    query.bucket = "c";
    query.full = true;
    const auto page = engine.run(engine.objects().list_versions(query));
    ASSERT_TRUE(page && !page->truncated);
    for (const auto& version : page->objects) {
      const auto content = engine.get("c", version.key);
      ASSERT_TRUE(content) << version.key << ": " << content.error().message();
      ASSERT_EQ(content->size(), version.size);
      if (version.segment) take(*version.segment);
      auto found = engine.run(engine.objects().find("c", version.key, Select::latest(), false));
      const auto parts = engine.run(engine.objects().parts_of(std::move(*found), 0, 10));
      for (const auto& part : parts->parts) std::ranges::for_each(part.segments, take);
    }
    ListUploadsQuery uploads_query;
    uploads_query.bucket = "c";
    const auto uploads = engine.run(engine.objects().list_uploads(uploads_query));
    for (const auto& upload : uploads->uploads) {
      const auto parts = engine.run(engine.objects().list_parts("c", upload.key, upload.id, 0, 10));
      for (const auto& part : parts->parts) std::ranges::for_each(part.segments, take);
    }
    std::set<std::string> files;
    for (const auto& file : blob_files(folder_.path())) files.insert(file.substr(file.rfind('/') + 1));
    EXPECT_EQ(files, blobs);
  }

  io::TempFolder folder_;
  std::map<std::string, KeyState> keys_;
  size_t acknowledged_ = 0;
};

TEST_F(Crash, LosesNothingAcknowledged) {
  {
    TestEngine engine(folder_.path());
    ASSERT_TRUE(engine.run(engine.objects().create_bucket("c")));
  }
  std::mt19937_64 chance(7);
  for (int round = 1; round <= kills; ++round) {
    run_and_kill(round, 1 + chance() % 60);
    if (HasFatalFailure()) return;
    TestEngine engine(folder_.path(), nullptr, static_cast<uint64_t>(round));
    verify(engine);
    if (HasFailure()) FAIL() << "round " << round;
  }
  EXPECT_GE(acknowledged_, static_cast<size_t>(kills));
}

}  // namespace
}  // namespace boreal::objects
