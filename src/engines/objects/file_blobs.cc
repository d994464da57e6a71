#include "objects/file_blobs.h"

#include <fmt/format.h>

#include "base/sync.h"

namespace boreal::objects {
namespace {

// While a long blob is written, what is there is synced already, beside the writing: at the end little is left to
// wait for.
class FileWriter final : public BlobWriter {
 public:
  FileWriter(io::File file, io::Path folder, io::Pool& pool)
      : state_(std::make_shared<State>(std::move(file))), folder_(std::move(folder)), pool_(pool) {}

  Task<Result<void>> append(Bytes data) override {
    CO_CHECK(state_->synced);
    CO_CHECK(co_await pool_.run([this, data] { return state_->file.append(data); }));
    unsynced_ += data.size();
    if (unsynced_ < sync_every_bytes || state_->syncing.running() > 0) co_return Result<void>();
    unsynced_ = 0;
    state_->syncing.spawn(sync_beside(state_, pool_));
    co_return Result<void>();
  }
  Task<Result<void>> finish() override {
    co_await state_->syncing.wait();
    CO_CHECK(state_->synced);
    co_return co_await pool_.run([this] { return sync_all(); });
  }

 private:
  static constexpr uint64_t sync_every_bytes = 8 << 20;
  // Shared with a sync under way, which may outlive a writer that is dropped unfinished.
  struct State {
    explicit State(io::File f) : file(std::move(f)) {}
    io::File file;
    Result<void> synced;  // a failed sync is final
    TaskGroup syncing;
  };
  static Task<void> sync_beside(std::shared_ptr<State> state, io::Pool& pool) {
    auto done = co_await pool.run([&] { return state->file.sync(); });
    if (!done) state->synced = std::move(done);
  }
  Result<void> sync_all() {
    CHECK(state_->file.sync());
    return io::sync_folder(folder_);
  }

  const std::shared_ptr<State> state_;
  const io::Path folder_;
  io::Pool& pool_;
  uint64_t unsynced_ = 0;
};

class FileReader final : public BlobReader {
 public:
  FileReader(io::File file, io::Pool& pool) : file_(std::move(file)), pool_(pool) {}

  Task<Result<void>> read_at(uint64_t offset, MutableBytes out) override {
    co_return co_await pool_.run([this, offset, out] { return file_.read_exactly_at(offset, out); });
  }
  Task<Result<uint64_t>> size() override {
    co_return co_await pool_.run([this] { return file_.size(); });
  }

 private:
  const io::File file_;
  io::Pool& pool_;
};

}  // namespace

Result<std::unique_ptr<FileBlobs>> FileBlobs::open(std::map<std::string, io::Path> folders, io::Pool& pool) {
  for (const auto& [tier, folder] : folders) CHECK(io::make_folders(folder));
  return std::unique_ptr<FileBlobs>(new FileBlobs(std::move(folders), pool));
}

Result<FileBlobs::Place> FileBlobs::place_of(BlobId id, const std::string& tier) const {
  const auto found = folders_.find(tier);
  if (found == folders_.end()) return fail(Errc::invalid, fmt::format("there is no tier '{}'", tier));
  io::Path folder = fmt::format("{}/{:02x}", found->second, id.salt >> 56);
  io::Path file = folder + "/" + id.text();
  return Place{std::move(folder), std::move(file)};
}

namespace {
Result<io::File> open_new(const io::Path& folder, const io::Path& path) {
  auto file = io::File::open(path, io::File::Mode::write_new);
  if (file || file.error().code() != Errc::not_found) return file;
  CHECK(io::make_folders(folder));  // the first file in it
  return io::File::open(path, io::File::Mode::write_new);
}
}  // namespace

Task<Result<std::unique_ptr<BlobWriter>>> FileBlobs::create(BlobId id, std::string tier) {
  CO_TRY(auto place, place_of(id, tier));
  CO_TRY(auto file, co_await pool_.run([&] { return open_new(place.folder, place.file); }));
  co_return std::make_unique<FileWriter>(std::move(file), std::move(place.folder), pool_);
}

Task<Result<std::unique_ptr<BlobReader>>> FileBlobs::open(BlobId id, std::string tier) {
  CO_TRY(const auto place, place_of(id, tier));
  auto file = co_await pool_.run([&] { return io::File::open(place.file, io::File::Mode::read); });
  if (!file && file.error().code() == Errc::not_found) {
    co_return fail(Errc::corrupt, fmt::format("blob {} is missing from tier '{}'", id.text(), tier));
  }
  if (!file) co_return std::unexpected(std::move(file).error());
  co_return std::make_unique<FileReader>(std::move(*file), pool_);
}

namespace {
// The folder is synced, or the file could come back after its last trace in the index is gone.
Result<void> remove_durably(const io::Path& folder, const io::Path& file) {
  if (auto removed = io::remove_file(file); !removed) {
    return removed.error().code() == Errc::not_found ? Result<void>() : removed;
  }
  return io::sync_folder(folder);
}
}  // namespace

Task<Result<void>> FileBlobs::remove(BlobId id, std::string tier) {
  CO_TRY(const auto place, place_of(id, tier));
  co_return co_await pool_.run([&] { return remove_durably(place.folder, place.file); });
}

}  // namespace boreal::objects
