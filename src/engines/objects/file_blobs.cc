#include "objects/file_blobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <span>

#include "base/text.h"

namespace boreal::objects {
namespace {

// A tier's folder that is gone is not to be taken for a bucket that is not there.
template <class T>
Result<T> as_failure(const std::string& tier, Result<T> done) {
  if (done || done.error().code() != Errc::not_found) return done;
  return fail(Errc::io, fmt::format("the folder of tier '{}' is gone: {}", tier, done.error().message()));
}

std::unexpected<Error> not_mounted(const std::string& tier, const io::Path& mark) {
  return fail(Errc::io, fmt::format("the blobs of tier '{}' are not where they lie, as there is no {}: if it is a file "
                                    "system of its own, mount it again",
                                    tier, mark));
}

// A file and the sync of it that a pool's thread may be at while more is written. Held by both.
class SyncedFile {
 public:
  explicit SyncedFile(io::File file) : file_(std::move(file)) {}
  io::File& file() { return file_; }

  // Has `pool` sync what is written, unless it is still at the last one.
  static void sync_aside(const std::shared_ptr<SyncedFile>& self, io::Pool& pool) {
    auto idle = State::idle;
    if (!self->state_.compare_exchange_strong(idle, State::queued)) return;
    pool.submit([self] { self->take_turn(); });
  }
  // Of all that was written. Fails if any sync has failed: the kernel tells each error once.
  Result<void> sync() {
    auto queued = State::queued;
    // One that nobody has begun is not waited for: all of the pool's threads may stand here.
    if (!state_.compare_exchange_strong(queued, State::called_off)) state_.wait(State::running);
    return file_.sync();
  }

 private:
  enum class State : uint8_t { idle, queued, running, called_off };

  void take_turn() {
    auto queued = State::queued;
    if (!state_.compare_exchange_strong(queued, State::running)) return;
    (void)file_.sync();  // a failure is kept by the file
    state_ = State::idle;
    state_.notify_one();
  }

  io::File file_;
  std::atomic<State> state_ = State::idle;
};

// While a long blob is written the disk is given what is there already, and made to keep it: else all of it would lie
// in the disk's own cache at the end, and be waited for then.
class FileWriter final : public BlobWriter {
 public:
  FileWriter(io::File file, TierFolder& tier, io::Path folder, io::Pool& pool)
      : synced_(std::make_shared<SyncedFile>(std::move(file))), tier_(tier), folder_(std::move(folder)), pool_(pool) {}

  Result<void> append(Bytes data) override {
    CHECK(file().write_at(size_, data));
    size_ += data.size();
    if (size_ - given_to_disk_ >= give_every_bytes) {
      CHECK(file().begin_writeback(given_to_disk_, size_ - given_to_disk_));
      given_to_disk_ = size_;
    }
    if (size_ - synced_bytes_ >= sync_every_bytes && !pool_.is_short_of_threads()) {
      SyncedFile::sync_aside(synced_, pool_);
      synced_bytes_ = size_;
    }
    return {};
  }
  Result<void> finish() override {
    CHECK(synced_->sync());
    return as_failure(tier_.tier(), tier_.sync(folder_));
  }

 private:
  static constexpr uint64_t give_every_bytes = 4 << 20;
  static constexpr uint64_t sync_every_bytes = 4 << 20;
  io::File& file() { return synced_->file(); }

  const std::shared_ptr<SyncedFile> synced_;
  TierFolder& tier_;
  const io::Path folder_;
  io::Pool& pool_;
  uint64_t size_ = 0;
  uint64_t given_to_disk_ = 0;
  uint64_t synced_bytes_ = 0;
};

// Opens the file with the first read: that spares a way to the pool and back.
class FileReader final : public BlobReader {
 public:
  FileReader(BlobId id, const TierFolder& tier, io::Path path)
      : id_(id), tier_(tier.tier()), mark_(tier.mark()), path_(std::move(path)) {}
  Result<void> read_at(uint64_t offset, MutableBytes out) override {
    CHECK(open());
    return file_->read_exactly_at(offset, out);
  }
  Result<bool> read_cached_at(uint64_t offset, MutableBytes out) override {
    if (!file_) {
      TRY(file_, io::File::open_cached(path_));
      if (!file_) return false;
    }
    return file_->read_cached_at(offset, out);
  }
  Result<uint64_t> size() override {
    CHECK(open());
    return file_->size();
  }

 private:
  Result<void> open() {
    if (file_) return {};
    auto file = io::File::open(path_, io::File::Mode::read);
    if (!file && file.error().code() == Errc::not_found) {
      TRY(const bool is_marked, io::exists(mark_));
      if (!is_marked) return not_mounted(tier_, mark_);
      return fail(Errc::corrupt, fmt::format("blob {} is missing from tier '{}'", id_.text(), tier_));
    }
    if (!file) return std::unexpected(std::move(file).error());
    file_.emplace(std::move(*file));
    return {};
  }

  const BlobId id_;
  const std::string tier_;
  const io::Path mark_;
  const io::Path path_;
  std::optional<io::File> file_;
};

}  // namespace

FileBlobs::FileBlobs(const std::map<std::string, io::Path>& folders, io::Pool& pool, io::Path used_list)
    : pool_(pool), used_list_(std::move(used_list)) {
  for (const auto& [tier, folder] : folders) tiers_.try_emplace(tier, tier, folder);
}

Result<std::unique_ptr<FileBlobs>> FileBlobs::open(std::map<std::string, io::Path> folders, io::Pool& pool,
                                                   io::Path used_list) {
  for (const auto& [tier, folder] : folders) CHECK(io::make_folders(folder));
  std::unique_ptr<FileBlobs> blobs(new FileBlobs(folders, pool, std::move(used_list)));
  CHECK(blobs->check_tiers());
  return blobs;
}

// A tier's folder may be a file system of its own. Where it is not mounted, its blobs would be taken for gone, and new
// ones be put beneath it.
Result<void> FileBlobs::check_tiers() {
  if (used_list_.empty()) return {};
  TRY(const bool is_there, io::exists(used_list_));
  if (is_there) {
    TRY(const auto text, io::read_file(used_list_, 64 << 10));
    for (const auto tier : split(text, '\n')) used_.emplace(tier);
  }
  for (auto& [name, tier] : tiers_) {
    if (used_.contains(name)) {
      TRY(const bool is_marked, io::exists(tier.mark()));
      if (is_marked) continue;
      return fail(Errc::unsupported, fmt::format("{} is not where the blobs of tier '{}' lie, as there is no {}: if it "
                                                 "is a file system of its own, mount it, then start again",
                                                 tier.path(), name, tier.mark()));
    }
    TRY(const auto names, io::list_folder(tier.path()));
    if (std::ranges::none_of(names, [](const auto& inner) { return inner.size() == 2; })) continue;
    // Blobs from before there were marks. A full disk is no reason not to start: the next blob tries again.
    if (auto noted = note_use(tier); !noted && noted.error().code() != Errc::no_space) return noted;
  }
  return {};
}

bool FileBlobs::has_failed() const {
  return std::ranges::any_of(tiers_, [](const auto& tier) { return tier.second.has_failed(); });
}

// Before the first blob: the mark, then its name in the list.
Result<void> FileBlobs::note_use(TierFolder& tier) {
  CHECK(check_is_mounted(tier));  // or the mark would be made beneath
  CHECK(tier.prepare());
  const std::lock_guard lock(mutex_);
  if (used_.contains(tier.tier())) return {};
  if (!used_list_.empty()) {
    std::string text = tier.tier();
    for (const auto& other : used_) text += "\n" + other;
    CHECK(io::write_file_atomically(used_list_, text));
  }
  used_.insert(tier.tier());
  return {};
}

// A file system may be unmounted at any time: what is not found there is not gone then, and what would be written lies
// beneath once it is mounted again. A tier that never held a blob has no mark yet.
Result<void> FileBlobs::check_is_mounted(const TierFolder& tier) {
  {
    const std::lock_guard lock(mutex_);
    if (!used_.contains(tier.tier())) return {};
  }
  TRY(const bool is_marked, io::exists(tier.mark()));
  if (is_marked) return {};
  return not_mounted(tier.tier(), tier.mark());
}

Result<FileBlobs::Paths> FileBlobs::paths_of(BlobId id, const std::string& tier) {
  const auto found = tiers_.find(tier);
  if (found == tiers_.end()) return fail(Errc::invalid, fmt::format("there is no tier '{}'", tier));
  io::Path folder = found->second.folder_of(static_cast<uint8_t>(id.salt >> 56));
  io::Path file = folder + "/" + id.text();
  return Paths{&found->second, std::move(folder), std::move(file)};
}

Task<Result<std::unique_ptr<BlobWriter>>> FileBlobs::create(BlobId id, std::string tier) {
  CO_TRY(auto place, paths_of(id, tier));
  auto file = co_await pool_.run([&]() -> Result<io::File> {
    CHECK(note_use(*place.tier));
    auto made = io::File::open(place.file, io::File::Mode::write_new);
    if (made || made.error().code() != Errc::not_found) return made;
    CHECK(io::make_folder(place.folder));  // somebody took it away
    CHECK(place.tier->sync(place.tier->path()));
    return io::File::open(place.file, io::File::Mode::write_new);
  });
  file = as_failure(tier, std::move(file));
  if (!file) co_return std::unexpected(std::move(file).error());
  co_return std::make_unique<FileWriter>(std::move(*file), *place.tier, std::move(place.folder), pool_);
}

Task<Result<std::unique_ptr<BlobReader>>> FileBlobs::open(BlobId id, std::string tier) {
  CO_TRY(auto place, paths_of(id, tier));
  co_return std::make_unique<FileReader>(id, *place.tier, std::move(place.file));
}

namespace {
// Each sync of a folder is a wait for the disk (10 ms where it is busy); beyond this many, one sync of the whole file
// system takes less, though it writes what others have written too.
constexpr size_t worth_syncing_all = 16;
constexpr size_t removals_a_turn = 16;  // on the pool; of large files each may take long
}  // namespace

Task<Result<void>> FileBlobs::remove_all(std::vector<Place> blobs, std::stop_token stop) {
  std::map<TierFolder*, std::set<io::Path>> changed;  // folders; each tier may be a file system of its own
  Result<void> done;
  const auto remove_one = [&](const Place& blob) -> Result<void> {
    TRY(auto paths, paths_of(blob.id, blob.tier));
    // Also of what is not there: who removed it may have been stopped before the sync.
    changed[paths.tier].insert(std::move(paths.folder));
    CHECK(remove_file(*paths.tier, paths.file));
    return {};
  };
  for (size_t at = 0; at < blobs.size(); at += removals_a_turn) {
    if (stop.stop_requested()) co_return fail(Errc::cancelled, "the server stops");
    co_await pool_.run([&] {
      for (const Place& blob : std::span(blobs).subspan(at, std::min(removals_a_turn, blobs.size() - at))) {
        auto removed = remove_one(blob);
        if (done && !removed) done = std::move(removed);
      }
    });
  }
  for (const auto& [tier, folders] : changed) {
    CO_CHECK(co_await pool_.run([&]() -> Result<void> {
      if (folders.size() > worth_syncing_all) return tier->sync_all();
      for (const io::Path& folder : folders) {
        auto synced = tier->sync(folder);
        if (!synced && synced.error().code() != Errc::not_found) return synced;
      }
      return {};
    }));
  }
  co_return done;
}

// The folder is synced, or the file could come back after its last trace in the index is gone. Of ids that were handed
// out most were never used, so what is not there is not looked into further.
Task<Result<void>> FileBlobs::remove(BlobId id, std::string tier) {
  CO_TRY(const auto place, paths_of(id, tier));
  co_return co_await pool_.run([&]() -> Result<void> {
    TRY(const bool was_there, remove_file(*place.tier, place.file));
    return was_there ? place.tier->sync(place.folder) : Result<void>();
  });
}

// False: it was not there, where it would be.
Result<bool> FileBlobs::remove_file(const TierFolder& tier, const io::Path& file) {
  auto removed = io::remove_file(file);
  if (removed) return true;
  if (removed.error().code() != Errc::not_found) return std::unexpected(std::move(removed).error());
  CHECK(check_is_mounted(tier));
  return false;
}

}  // namespace boreal::objects
