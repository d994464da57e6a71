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

// The file's CRC32C, or what was read of it when `step` ends it early.
Task<Result<std::optional<uint32_t>>> checksum_of(const io::Path& path, io::Pool& pool, const CheckStep& step) {
  CO_TRY(auto file, co_await pool.run([&] { return io::File::open(path, io::File::Mode::read); }));
  std::vector<std::byte> buffer(chunk_bytes);
  uint32_t crc = 0;
  for (uint64_t at = 0;;) {
    CO_TRY(const size_t count, co_await pool.run([&]() -> Result<size_t> {
      TRY(const size_t got, file.read_at(at, buffer));
      crc = crypto::crc32c(Bytes(buffer).first(got), crc);
      return got;
    }));
    at += count;
    const bool goes_on = co_await step(count);
    if (count < buffer.size()) co_return crc;
    if (!goes_on) co_return std::nullopt;
  }
}

// The same at once; nullopt: it cannot be read, which is for others to tell.
std::optional<uint32_t> checksum_of(const io::Path& path) {
  const auto file = io::File::open(path, io::File::Mode::read);
  std::vector<std::byte> buffer(chunk_bytes);
  uint32_t crc = 0;
  for (uint64_t at = 0; file;) {
    const auto count = file->read_at(at, buffer);
    if (!count) break;
    crc = crypto::crc32c(Bytes(buffer).first(*count), crc);
    at += *count;
    if (*count < buffer.size()) return crc;
  }
  return std::nullopt;
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
