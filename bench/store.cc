// How fast the store commits, beside the floor: the same number of coroutines, the same bytes and the same group
// commit into a bare log file (append, fdatasync). Both in one run, so that their ratio means something.
#include "store/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/sync.h"
#include "base/testing.h"
#include "io/testing.h"

namespace boreal {

namespace {

constexpr int rounds = 5;  // of both, in turn, and the best of each: other work on the machine disturbs all alike
constexpr int64_t round_ns = 400'000'000;
constexpr int keys = 200'000;
constexpr size_t value_bytes = 300;

double seconds_since(int64_t start_ns) { return static_cast<double>(monotonic_ns() - start_ns) / 1e9; }

template <class T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// The least that a durable group commit can do.
class BareLog {
 public:
  explicit BareLog(const io::Path& path)
      : file_(need(io::File::open(path, io::File::Mode::write_new))), thread_([this] { loop(); }) {}
  ~BareLog() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  auto commit(std::string_view data) {
    struct Awaiter {
      BareLog& log;
      std::string_view data;
      bool await_ready() { return false; }
      void await_suspend(std::coroutine_handle<> handle) {
        {
          std::lock_guard lock(log.mutex_);
          log.queue_.push_back({data, handle, Executor::current()});
        }
        log.wake_.notify_one();
      }
      void await_resume() {}
    };
    return Awaiter{*this, data};
  }

 private:
  struct Waiting {
    std::string_view data;
    std::coroutine_handle<> handle;
    Executor* home;
  };

  void loop() {
    while (true) {
      std::vector<Waiting> group;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        group.swap(queue_);
      }
      std::string together;
      for (const auto& waiting : group) together += waiting.data;
      need(file_.append(as_bytes(together)));
      need(file_.sync());
      Executor* home = group.front().home;
      home->post([group = std::move(group)] {
        for (const auto& waiting : group) waiting.handle.resume();
      });
    }
  }

  io::File file_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Waiting> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

// A record of 300 bytes and an index entry for it, as a handler would write them, again and again.
Task<void> commit_to_store(store::Store& store, int number, int64_t end_ns, int64_t& commits) {
  std::string partition = "bench-" + std::to_string(number);
  std::string value(value_bytes, 'v');
  for (int i = 0; monotonic_ns() < end_ns; ++i) {
    store::Batch batch(partition);
    batch.put(fmt::format("record/{:010}", i), value);
    batch.put(fmt::format("by-name/{:010}", i), fmt::format("{}", i));
    need(co_await store.commit(std::move(batch)));
    ++commits;
  }
}

Task<void> commit_to_log(BareLog& log, int64_t end_ns, int64_t& commits) {
  std::string data(value_bytes + 80, 'v');
  while (monotonic_ns() < end_ns) {
    co_await log.commit(data);
    ++commits;
  }
}

// `make(number, end_ns, commits)` makes the task of one committer.
template <class Make>
Task<double> commits_per_second(int committers, Make& make) {
  auto start_ns = monotonic_ns();
  int64_t commits = 0;
  TaskGroup group;
  for (int i = 0; i < committers; ++i) group.spawn(make(i, start_ns + round_ns, commits));
  co_await group.wait();
  co_return static_cast<double>(commits) / seconds_since(start_ns);
}

void bench_commits(store::Store& store, const io::Path& folder) {
  fmt::print("{:>10}  {:>12}  {:>12}  {:>6}\n", "committers", "store/s", "bare log/s", "ratio");
  TestExecutor executor;
  for (int committers : {1, 4, 16, 64}) {
    BareLog log(folder + "/bare-" + std::to_string(committers));
    auto to_store = [&](int number, int64_t end_ns, int64_t& commits) {
      return commit_to_store(store, number, end_ns, commits);
    };
    auto to_log = [&](int, int64_t end_ns, int64_t& commits) { return commit_to_log(log, end_ns, commits); };
    double ours = 0;
    double floor = 0;
    for (int round = 0; round < rounds; ++round) {
      ours = std::max(ours, executor.run(commits_per_second(committers, to_store)));
      floor = std::max(floor, executor.run(commits_per_second(committers, to_log)));
    }
    fmt::print("{:>10}  {:>12.0f}  {:>12.0f}  {:>6.2f}\n", committers, ours, floor, ours / floor);
  }
}

void load_keys(store::Store& store) {
  TestExecutor executor;
  SeededRandom random(1);
  auto start_ns = monotonic_ns();
  for (int i = 0; i < keys; i += 500) {
    store::Batch batch("keys");
    for (int j = i; j < i + 500; ++j) batch.put(fmt::format("key/{:010}", j), random.bytes(value_bytes));
    need(executor.run(store.commit(std::move(batch))));
  }
  fmt::print("load {} keys of {} bytes, 500 a commit: {:.0f} keys/s\n", keys, value_bytes,
             keys / seconds_since(start_ns));
}

template <class F>
void each(std::string_view what, int count, F work) {
  auto start_ns = monotonic_ns();
  for (int i = 0; i < count; ++i) work();
  fmt::print("{}: {:.2f} us\n", what, seconds_since(start_ns) * 1e6 / count);
}

void bench_reads(store::Store& store) {
  SeededRandom random(2);
  each("get a key that is there", 50'000,
       [&] { (void)need(store.get("keys", fmt::format("key/{:010}", random.below(keys)))); });
  each("get a key that is not", 50'000,
       [&] { (void)need(store.get("keys", fmt::format("key/{:010}x", random.below(keys)))); });
  each("list 1000 keys from anywhere", 200, [&] {
    auto cursor = store.scan("keys", "key/");
    cursor->seek(fmt::format("key/{:010}", random.below(keys - 1000)));
    for (int i = 0; i < 1000; ++i) cursor->next();
  });
  each("list the partitions", 200, [&] { (void)need(store.partitions()); });
  auto start_ns = monotonic_ns();
  int found = 0;
  for (auto cursor = store.scan("keys", ""); cursor->valid(); cursor->next()) ++found;
  fmt::print("scan all {}: {:.0f} keys/s\n", found, found / seconds_since(start_ns));
}

// Resident pages of this process now, in MiB.
double resident_mib() {
  auto text = need(io::read_file("/proc/self/statm"));
  return static_cast<double>(std::stol(text.substr(text.find(' ')))) * 4096 / (1 << 20);
}

void run() {
  io::TempFolder folder;
  io::Pool pool(2);
  pool.start();
  store::Options options{.folder = folder / "store"};
  auto before_mib = resident_mib();
  auto start_ns = monotonic_ns();
  auto store = need(store::open_store(options, pool));
  fmt::print("open an empty folder: {:.1f} ms, {:.1f} MiB\n", seconds_since(start_ns) * 1e3,
             resident_mib() - before_mib);
  bench_commits(*store, folder.path());
  load_keys(*store);
  bench_reads(*store);
  fmt::print("resident after all this: {:.1f} MiB\n", resident_mib());
  store.reset();
  start_ns = monotonic_ns();
  store = need(store::open_store(options, pool));
  fmt::print("open it again, log and all: {:.1f} ms\n", seconds_since(start_ns) * 1e3);
}

}  // namespace

}  // namespace boreal

int main() {
  try {
    boreal::run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_store: {}\n", error.what());
    return 1;
  }
}
