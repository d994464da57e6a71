#include "store/table_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "crypto/crc.h"
#include "io/file.h"

namespace boreal::store {

namespace {

constexpr uint64_t chunk_bytes = 256 << 10;

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

bool is_live(rocksdb::DB& db, const std::string& name) {
  return std::ranges::any_of(live_tables(db), [&](const auto& table) { return table.relative_filename == name; });
}

}  // namespace

Task<Result<void>> check_tables(rocksdb::DB& db, io::Pool& pool, CheckStep step) {
  for (const auto& table : co_await pool.run([&] { return live_tables(db); })) {
    const io::Path path = table.directory + "/" + table.relative_filename;
    if (table.file_checksum_func_name != "FileChecksumCrc32c") continue;  // none was taken
    auto crc = co_await checksum_of(path, pool, step);
    if (crc && !*crc) co_return {};
    if (crc && big_endian(**crc) == table.file_checksum) continue;
    if (!crc && crc.error().code() != Errc::not_found) co_return std::unexpected(std::move(crc).error());
    // Tables come and go: one that was replaced meanwhile is no damage.
    if (co_await pool.run([&] { return is_live(db, table.relative_filename); }))
      co_return std::unexpected(damaged(path));
  }
  co_return {};
}

}  // namespace boreal::store
