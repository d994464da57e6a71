#include "store/wal_tail.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "base/log.h"

// The log's form: https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format
// Blocks of 32 KiB hold records of: checksum (4 bytes, masked CRC32C of type and payload), length (2), type (1),
// payload. A record that spans blocks comes in pieces. Numbers are little-endian.

namespace boreal::store {

namespace {

constexpr uint64_t block_bytes = 32 << 10;
constexpr uint64_t header_bytes = 7;
constexpr uint64_t page_bytes = 4096;
// Shorter runs of zeros at the end of a page may well be data.
constexpr uint64_t least_unwritten_bytes = 32;
constexpr uint64_t max_log_bytes = 1 << 30;

enum class Type : uint8_t { none = 0, full = 1, first = 2, middle = 3, last = 4 };

// Bit by bit: it runs only after damage, over a log of some MiB.
uint32_t crc32c(std::string_view data) {
  uint32_t crc = ~0u;
  for (char byte : data) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

uint32_t little_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

struct Piece {
  Type type;
  uint64_t next;  // where the piece after it begins, as far as one can say
  bool intact;
};

// `at` leaves room for a header in its block and in the log.
Piece read_piece(std::string_view log, uint64_t at) {
  auto left_in_block = block_bytes - at % block_bytes;
  auto length = header_bytes + little_endian(log.substr(at + 4, 2));
  auto type = static_cast<unsigned char>(log[at + 6]);
  if (type == 0 || type > 4 || length > left_in_block || at + length > log.size()) {
    return {Type::none, at + left_in_block, false};
  }
  auto crc = crc32c(log.substr(at + 6, length - 6));
  auto masked = (crc >> 15 | crc << 17) + 0xa282ead8u;
  return {Type{type}, at + length, masked == little_endian(log.substr(at, 4))};
}

// Where the last record begins, if it is damaged and all before it is intact.
std::optional<uint64_t> damaged_last_record(std::string_view log) {
  std::optional<uint64_t> damaged;
  uint64_t record = 0;  // where the current one begins
  bool inside = false;  // between its first and its last piece
  uint64_t at = 0;
  while (true) {
    if (block_bytes - at % block_bytes < header_bytes) at += block_bytes - at % block_bytes;
    if (at + header_bytes > log.size()) return damaged;
    auto piece = read_piece(log, at);
    bool begins = piece.type == Type::full || piece.type == Type::first;
    if (piece.intact && begins && (damaged || inside)) return std::nullopt;  // it is not the last one
    if (!damaged) {
      if (!inside) record = at;
      if (!piece.intact) damaged = record;
      inside = piece.type == Type::first || piece.type == Type::middle;
    }
    at = piece.next;
  }
}

bool has_unwritten_page(std::string_view log, uint64_t from) {
  for (uint64_t page = from / page_bytes * page_bytes; page < log.size(); page += page_bytes) {
    auto begin = std::max(page, from);
    auto part = log.substr(begin, page + page_bytes - begin);
    if (part.size() >= least_unwritten_bytes && part.find_first_not_of('\0') == part.npos) return true;
  }
  return false;
}

Result<std::optional<std::string>> newest_log(const io::Path& folder) {
  std::optional<std::string> newest;
  uint64_t newest_number = 0;
  TRY(auto names, io::list_folder(folder));
  for (auto& name : names) {
    uint64_t number = 0;
    auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || std::string_view(end) != ".log" || number < newest_number) continue;
    newest_number = number;
    newest = std::move(name);
  }
  return newest;
}

}  // namespace

Result<bool> cut_torn_tail(const io::Path& folder) {
  TRY(auto name, newest_log(folder));
  if (!name) return false;
  auto path = folder + "/" + *name;
  TRY(auto log, io::read_file(path, max_log_bytes));
  auto record = damaged_last_record(log);
  if (!record || !has_unwritten_page(log, *record)) return false;
  log::warn("store", "cut the last record off the log: parts of it never reached the disk",
            {{"file", path}, {"at", *record}, {"bytes", log.size() - *record}});
  TRY(auto file, io::File::open(path, io::File::Mode::read_write));
  CHECK(file.truncate(*record));
  CHECK(file.sync());
  return true;
}

}  // namespace boreal::store
