// What the tests of the engine (and of who stands on it) share: an engine on the real store and real files, and
// sources and keys that are easy to make.
#pragma once

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/testing.h"
#include "io/testing.h"
#include "objects/file_blobs.h"
#include "objects/objects.h"

namespace boreal::objects {

// The wrapped form of a test's data key is the key itself, masked: enough to see that it is unwrapped. What stands
// behind it makes it another form of the same key.
inline std::string masked(std::string text) {
  for (char& c : text) c = static_cast<char>(c ^ 0x5a);
  return text;
}
inline DataKey test_data_key(char fill = 'k') {
  const std::string plain(data_key_bytes, fill);
  return {crypto::SecretBytes(plain), masked(plain)};
}
class TestKeys final : public Keys {
 public:
  Task<Result<crypto::SecretBytes>> unwrap(std::string wrapped) override {
    ++unwrapped;
    co_return crypto::SecretBytes(masked(wrapped.substr(0, data_key_bytes)));
  }
  int unwrapped = 0;
};

class TextSource final : public Source {
 public:
  // Gives at most `step` bytes at a time.
  explicit TextSource(std::string text, size_t step = SIZE_MAX) : text_(std::move(text)), step_(step) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t count = std::min({buffer.size(), step_, text_.size() - given_});
    std::memcpy(buffer.data(), text_.data() + given_, count);
    given_ += count;
    co_return count;
  }

 private:
  const std::string text_;
  const size_t step_;
  size_t given_ = 0;
};

// Bytes made on the way: any amount of them, always the same for the same seed, none kept.
class PatternSource final : public Source {
 public:
  PatternSource(uint64_t size, uint64_t seed) : left_(size), state_(seed * 2 + 1) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t count = std::min<uint64_t>(buffer.size(), left_);
    for (size_t i = 0; i < count; ++i) {
      if (phase_ == 0) state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      buffer[i] = static_cast<std::byte>(state_ >> (8 * phase_));
      phase_ = (phase_ + 1) % 8;
    }
    left_ -= count;
    co_return count;
  }

 private:
  uint64_t left_;
  uint64_t state_;
  unsigned phase_ = 0;
};

inline Task<Result<std::string>> read_all(Source& source) {
  std::string text;
  std::string buffer(100'000, '\0');
  for (;;) {
    CO_TRY(const size_t count, co_await source.read(std::as_writable_bytes(std::span(buffer))));
    if (count == 0) co_return text;
    text.append(buffer, 0, count);
  }
}

// An engine over a folder, with the store and the blobs of production. Tiers: "standard", and "cold", which
// compresses. Over a folder that was used before it wants another seed: ids must not come twice.
class TestEngine {
 public:
  explicit TestEngine(const io::Path& folder, std::unique_ptr<store::Store> with_store = nullptr, uint64_t seed = 1)
      : pool_(4), random_(seed) {
    pool_.start();
    if (with_store) {
      store_ = std::move(with_store);
    } else {
      store_ = must(store::open_store({.folder = folder + "/index"}, pool_));
    }
    blobs_ = must(FileBlobs::open({{"standard", folder + "/blobs/standard"}, {"cold", folder + "/blobs/cold"}}, pool_));
    const Options options{.tiers = {{"standard", false}, {"cold", true}}, .has_room = [this] { return has_room; }};
    objects_ = std::make_unique<Objects>(*store_, *blobs_, pool_, clock, random_, options);
    must(run(objects_->start()));
  }
  ~TestEngine() {
    run(objects_->stop());
    objects_.reset();
    store_.reset();
    pool_.stop();
  }
  TestEngine(const TestEngine&) = delete;

  template <class T>
  T run(Task<T> task) {
    return executor_.run(std::move(task));
  }
  // Does it on the executor, where what the engine hands out must also be let go of.
  template <class F>
  void on_executor(F work) {
    run(call(std::move(work)));
  }
  template <class T>
  static T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }

  Objects& objects() { return *objects_; }
  store::Store& store() { return *store_; }
  FileBlobs& blobs() { return *blobs_; }
  io::Pool& pool() { return pool_; }

  // The shortest ways, for tests that are about something else.
  Result<Version> put(std::string bucket, std::string key, std::string body,
                      VersioningThen versioning = Versioning::off) {
    PutRequest request;
    request.bucket = std::move(bucket);
    request.key = std::move(key);
    request.versioning = std::move(versioning);
    request.data_key = test_data_key();
    TextSource source(std::move(body));
    return run(objects_->put(std::move(request), source));
  }
  Result<std::string> get(std::string bucket, std::string key, Select which = Select::latest(), Range range = {}) {
    return run(read_object(*objects_, keys, std::move(bucket), std::move(key), which, range));
  }
  Result<Removed> remove(std::string bucket, std::string key, VersioningThen versioning = Versioning::off,
                         Select which = Select::latest()) {
    RemoveRequest request{std::move(bucket), std::move(key), std::move(versioning), which, {}};
    return run(objects_->remove(std::move(request)));
  }
  static Task<Result<std::string>> read_object(Objects& objects, Keys& keys, std::string bucket, std::string key,
                                               Select which, Range range) {
    CO_TRY(auto found, co_await objects.find(std::move(bucket), std::move(key), which, true));
    if (found.version->is_delete_marker) co_return fail(Errc::not_found, "a delete marker");
    CO_TRY(const auto source, co_await objects.read(std::move(found), range, keys));
    co_return co_await read_all(*source);
  }

  ManualClock clock;
  bool has_room = true;
  TestKeys keys;

 private:
  template <class F>
  static Task<void> call(F work) {
    work();
    co_return;
  }
  TestExecutor executor_;
  io::Pool pool_;
  SeededRandom random_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<FileBlobs> blobs_;
  std::unique_ptr<Objects> objects_;
};

// The blob files of the tier that lies in this folder.
inline std::vector<io::Path> blobs_of_tier(const io::Path& folder) {
  std::vector<io::Path> files;
  for (const auto& fan : TestEngine::must(io::list_folder(folder))) {
    const io::Path inner = folder + "/" + fan;
    for (const auto& name : TestEngine::must(io::list_folder(inner))) files.push_back(inner + "/" + name);
  }
  return files;
}

// All blob files below a folder of TestEngine.
inline std::vector<io::Path> blob_files(const io::Path& folder) {
  auto files = blobs_of_tier(folder + "/blobs/standard");
  std::ranges::move(blobs_of_tier(folder + "/blobs/cold"), std::back_inserter(files));
  return files;
}

}  // namespace boreal::objects
