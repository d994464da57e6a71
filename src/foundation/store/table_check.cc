#include "store/table_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/log.h"
#include "crypto/crc.h"
#include "io/file.h"

namespace boreal::store {

namespace {

constexpr uint64_t chunk_bytes = 256 << 10;
constexpr std::string_view checksum_name = "FileChecksumCrc32c";

// As RocksDB's FileChecksumGenCrc32c writes it into the manifest.
std::string big_endian(uint32_t crc) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(crc >> shift);
  return bytes;
}

std::vector<rocksdb::LiveFileMetaData> live_tables(rocksdb::DB& db) {
  std::vector<rocksdb::LiveFileMetaData> tables;
  db.GetLiveFilesMetaData(&tables);
  return tables;
}

Error damaged(const io::Path& path) {
  return Error(Errc::corrupt,
               fmt::format("{} is damaged: it is not what was written; put the folder back from a backup", path));
}

// A file's CRC32C, summed up piece by piece.
class FileSum {
 public:
  static Result<FileSum> open(const io::Path& path) {
    TRY(auto file, io::File::open(path, io::File::Mode::read));
    return FileSum(std::move(file));
  }

  // The bytes of the piece that was added.
  Result<size_t> add() {
    TRY(const size_t count, file_.read_at(at_, buffer_));
    crc_ = crypto::crc32c(Bytes(buffer_).first(count), crc_);
    at_ += count;
    is_whole_ = count < buffer_.size();
    return count;
  }
  // When the end has been reached.
  std::optional<uint32_t> whole() const { return is_whole_ ? std::optional(crc_) : std::nullopt; }

 private:
  explicit FileSum(io::File file) : file_(std::move(file)), buffer_(chunk_bytes) {}

  io::File file_;
  std::vector<std::byte> buffer_;
  uint64_t at_ = 0;
  uint32_t crc_ = 0;
  bool is_whole_ = false;
};

// nullopt: `step` ended it early.
Task<Result<std::optional<uint32_t>>> checksum_of(const io::Path& path, io::Pool& pool, const CheckStep& step) {
  CO_TRY(auto sum, co_await pool.run([&] { return FileSum::open(path); }));
  for (bool goes_on = true; goes_on && !sum.whole();) {
    CO_TRY(const size_t count, co_await pool.run([&] { return sum.add(); }));
    goes_on = co_await step(count);
  }
  co_return sum.whole();
}

// At once. nullopt: it cannot be read, which is for others to tell.
std::optional<uint32_t> checksum_of(const io::Path& path) {
  auto sum = FileSum::open(path);
  while (sum && !sum->whole() && sum->add()) {
  }
  return sum ? sum->whole() : std::nullopt;
}

bool is_live(rocksdb::DB& db, const std::string& name) {
  return std::ranges::any_of(live_tables(db), [&](const auto& table) { return table.relative_filename == name; });
}

}  // namespace

void TableWatch::OnCompactionBegin(rocksdb::DB* db, const rocksdb::CompactionJobInfo& job) {
  const auto tables = live_tables(*db);
  for (const io::Path& path : job.input_files) {
    const auto table = std::ranges::find_if(
        tables, [&](const auto& one) { return path == one.directory + "/" + one.relative_filename; });
    if (table == tables.end() || table->file_checksum_func_name != checksum_name) continue;
    const auto crc = checksum_of(path);
    if (!crc || big_endian(*crc) == table->file_checksum) continue;
    auto error = Error(Errc::corrupt, fmt::format("{} was damaged when it was merged into others. Merging took only what "
                                                  "its checksums vouch for, but the disk is not to be trusted",
                                                  path));
    log::error("store", "a table is damaged", {{"why", error.message()}});
    const std::lock_guard lock(mutex_);
    if (!damage_) damage_ = std::move(error);
  }
}

std::optional<Error> TableWatch::damage() const {
  const std::lock_guard lock(mutex_);
  return damage_;
}

Task<Result<void>> check_tables(rocksdb::DB& db, io::Pool& pool, const TableWatch& watch, CheckStep step) {
  for (const auto& table : co_await pool.run([&] { return live_tables(db); })) {
    const io::Path path = table.directory + "/" + table.relative_filename;
    if (table.file_checksum_func_name != checksum_name) continue;  // none was taken
    auto crc = co_await checksum_of(path, pool, step);
    if (crc && !*crc) co_return {};
    if (crc && big_endian(**crc) == table.file_checksum) continue;
    if (!crc && crc.error().code() != Errc::not_found) co_return std::unexpected(std::move(crc).error());
    // Tables come and go: one that was replaced meanwhile is no damage.
    if (co_await pool.run([&] { return is_live(db, table.relative_filename); }))
      co_return std::unexpected(damaged(path));
  }
  if (auto damage = watch.damage()) co_return std::unexpected(std::move(*damage));
  co_return {};
}

}  // namespace boreal::store
