// The object engine beside the floor of what it must do, in one run: small durable puts against a bare log with group
// fsync, large puts against MD5 + AES-GCM + write + fsync by hand, and listings of a million keys.
// Every put is durable: fdatasync of the blob and of the index's log.
#include "objects/objects.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/sync.h"
#include "floors.h"
#include "objects/index_keys.h"
#include "objects/record.h"
#include "objects/testing.h"

namespace boreal::objects {
namespace {

constexpr int clients = 32;
constexpr size_t small_bytes = 4 << 10;
constexpr uint64_t large_bytes = 64 << 20;
constexpr int64_t round_ns = 2'000'000'000;
constexpr int rounds = 3;  // of each, in turn, and the best counts: other work on the machine disturbs all alike
constexpr int keys = 1'000'000;

using bench::seconds_since;

Task<void> put_small(TestEngine& engine, int client, int64_t end_ns, int64_t& done) {
  const std::string body(small_bytes, 'b');
  for (int i = 0; monotonic_ns() < end_ns; ++i) {
    PutRequest request;
    request.bucket = "bench";
    request.key = fmt::format("small/{:02}/{:08}", client, i);
    request.data_key = test_data_key();
    TextSource source(body);
    TestEngine::must(co_await engine.objects().put(std::move(request), source));
    ++done;
  }
}

Task<void> put_small_by_all(TestEngine& engine, int64_t& done) {
  const int64_t end_ns = monotonic_ns() + round_ns;
  TaskGroup group;
  for (int i = 0; i < clients; ++i) group.spawn(put_small(engine, i, end_ns, done));
  co_await group.wait();
}

void bench_small(TestEngine& engine, const io::Path& folder) {
  double ours = 0, floor = 0;
  for (int round = 0; round < rounds; ++round) {
    int64_t done = 0;
    const auto start_ns = monotonic_ns();
    engine.run(put_small_by_all(engine, done));
    ours = std::max(ours, static_cast<double>(done) / seconds_since(start_ns));
    floor = std::max(floor, bench::log_appends_per_second(folder + "/bare.log", clients, small_bytes, round_ns));
  }
  fmt::print("PUT 4 KiB, {} clients: {:.0f}/s; bare log {:.0f}/s; ratio {:.2f}\n", clients, ours, floor, ours / floor);
}

Task<void> drain(TestEngine& engine, std::string key) {
  auto found = TestEngine::must(co_await engine.objects().find("bench", key, Select::latest(), true));
  const auto source = TestEngine::must(co_await engine.objects().read(std::move(found), {}, engine.keys));
  std::vector<std::byte> buffer(256 << 10);
  while (TestEngine::must(co_await source->read(buffer)) > 0) {
  }
}

// Hands out a text that stays where it is.
class ViewSource final : public Source {
 public:
  explicit ViewSource(std::string_view text) : rest_(text) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t count = rest_.copy(reinterpret_cast<char*>(buffer.data()), buffer.size());
    rest_.remove_prefix(count);
    co_return count;
  }

 private:
  std::string_view rest_;
};

Task<void> put_large(TestEngine& engine, std::string key, std::string_view body) {
  PutRequest request;
  request.bucket = "bench";
  request.key = std::move(key);
  request.data_key = test_data_key();
  ViewSource source(body);
  TestEngine::must(co_await engine.objects().put(std::move(request), source));
}

void bench_large(TestEngine& engine, const io::Path& folder) {
  const std::string body(large_bytes, 'x');
  double put = 0, get = 0, floor = 0;
  for (int round = 0; round < rounds; ++round) {
    auto start_ns = monotonic_ns();
    const std::string key = fmt::format("large-{}", round);
    engine.run(put_large(engine, key, body));
    put = std::max(put, static_cast<double>(large_bytes >> 20) / seconds_since(start_ns));
    start_ns = monotonic_ns();
    engine.run(drain(engine, key));
    get = std::max(get, static_cast<double>(large_bytes >> 20) / seconds_since(start_ns));
    floor = std::max(floor, bench::put_mib_per_second(folder + "/bare", body));
  }
  fmt::print("PUT 64 MiB: {:.0f} MiB/s; MD5 beside AES-GCM, write, fsync {:.0f} MiB/s; ratio {:.2f}\n", put, floor,
             put / floor);
  fmt::print("GET 64 MiB, decrypted, not sent anywhere: {:.0f} MiB/s\n", get);
}

// A thousand groups of a thousand keys, written straight into the index.
void load_keys(TestEngine& engine) {
  Version version;
  version.is_null = true;
  version.size = 1000;
  version.etag = std::string(32, 'e');
  version.meta.owner = "somebody";
  version.meta.tier = "standard";
  for (int i = 0; i < keys; i += 1000) {
    store::Batch batch(index::partition_of("million"));
    for (int j = i; j < i + 1000; ++j) {
      version.id = {static_cast<uint64_t>(j) + 1, 0};
      batch.put(index::current(fmt::format("group-{:04}/key-{:08}", i / 1000, j)), encode(version));
    }
    TestEngine::must(engine.run(engine.store().commit(std::move(batch))));
  }
}

Task<size_t> list_all(TestEngine& engine, std::string delimiter) {
  ListQuery query;
  query.bucket = "million";
  query.delimiter = delimiter;
  size_t listed = 0;
  for (;;) {
    const auto page = TestEngine::must(co_await engine.objects().list(query));
    listed += page.objects.size() + page.groups.size();
    if (!page.truncated) co_return listed;
    query.after = page.next;
  }
}

void bench_listing(TestEngine& engine) {
  load_keys(engine);
  auto start_ns = monotonic_ns();
  (void)TestEngine::must(engine.run(engine.objects().list({.bucket = "million"})));
  fmt::print("LIST first page of 1,000 of a million keys: {:.2f} ms\n", seconds_since(start_ns) * 1e3);
  start_ns = monotonic_ns();
  const size_t listed = engine.run(list_all(engine, ""));
  fmt::print("LIST {} keys, 1,000 a page: {:.0f} keys/s\n", listed,
             static_cast<double>(listed) / seconds_since(start_ns));
  start_ns = monotonic_ns();
  const size_t groups = engine.run(list_all(engine, "/"));
  fmt::print("LIST {} groups of 1,000 keys, one page: {:.2f} ms\n", groups, seconds_since(start_ns) * 1e3);
}

void run(const std::vector<std::string_view>& names) {
  const io::TempFolder folder;
  TestEngine engine(folder.path());
  for (const char* bucket : {"bench", "million"}) {
    TestEngine::must(engine.run(engine.objects().create_bucket(bucket)));
  }
  const auto wanted = [&](const char* what) { return names.empty() || std::ranges::find(names, what) != names.end(); };
  if (wanted("small")) bench_small(engine, folder.path());
  if (wanted("large")) bench_large(engine, folder.path());
  if (wanted("listing")) bench_listing(engine);
}

}  // namespace
}  // namespace boreal::objects

// bench_objects [small] [large] [listing]: those alone, or all.
int main(int argc, char** argv) {
  boreal::objects::run({argv + 1, argv + argc});
  return 0;
}
