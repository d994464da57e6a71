#include "store/log_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "crypto/crc.h"

// The form of logs and manifests: https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format
// Blocks of 32 KiB hold pieces: checksum (4 bytes, masked CRC32C of type and payload), length of the payload (2),
// type (1), payload. A record is one full piece, or a first, any middle ones and a last one. What is too short for
// a header at the end of a block is left over. Numbers are little-endian.

namespace boreal::store {

namespace {

constexpr uint64_t block_bytes = 32 << 10;
constexpr uint64_t header_bytes = 7;
constexpr uint64_t page_bytes = 4096;
// Shorter runs of zeros at the end of a page may well be data.
constexpr uint64_t least_unwritten_bytes = 32;
constexpr uint64_t max_log_bytes = 1 << 30;

enum class Type : uint8_t { full = 1, first = 2, middle = 3, last = 4 };

struct Piece {
  Type type;
  uint64_t end;
};

uint32_t little_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

uint64_t left_in_block(uint64_t at) { return block_bytes - at % block_bytes; }

bool checksum_fits(std::string_view log, uint64_t at, uint64_t end) {
  auto crc = crypto::crc32c(as_bytes(log.substr(at + 6, end - at - 6)));
  auto masked = (crc >> 15 | crc << 17) + 0xa282ead8u;
  return masked == little_endian(log.substr(at, 4));
}

uint64_t claimed_end(std::string_view log, uint64_t at) {
  return at + header_bytes + little_endian(log.substr(at + 4, 2));
}

// The intact piece at `at`, if there is one.
std::optional<Piece> read_piece(std::string_view log, uint64_t at) {
  if (at + header_bytes > log.size() || left_in_block(at) < header_bytes) return std::nullopt;
  auto type = static_cast<uint8_t>(log[at + 6]);
  auto end = claimed_end(log, at);
  if (type < 1 || type > 4 || end > log.size() || end > at + left_in_block(at)) return std::nullopt;
  if (!checksum_fits(log, at, end)) return std::nullopt;
  return Piece{Type{type}, end};
}

// Whether an intact record begins anywhere behind a bad piece. Its length is not to be trusted, so the rest of its
// block is searched byte by byte; the blocks after it begin with a piece.
bool has_record_behind(std::string_view log, uint64_t bad) {
  auto begins = [&](uint64_t at) {
    auto piece = read_piece(log, at);
    return piece && (piece->type == Type::full || piece->type == Type::first);
  };
  uint64_t next_block = bad + left_in_block(bad);
  for (uint64_t at = bad + 1; at < std::min<uint64_t>(next_block, log.size()); ++at) {
    if (begins(at)) return true;
  }
  for (; next_block < log.size(); next_block += block_bytes) {
    uint64_t at = next_block;
    for (auto piece = read_piece(log, at); piece; piece = read_piece(log, at)) {
      if (begins(at)) return true;
      at = piece->end;
    }
  }
  return false;
}

bool has_unwritten_page(std::string_view log, uint64_t from) {
  for (uint64_t page = from / page_bytes * page_bytes; page < log.size(); page += page_bytes) {
    auto begin = std::max(page, from);
    auto part = log.substr(begin, page + page_bytes - begin);
    if (part.size() >= least_unwritten_bytes && part.find_first_not_of('\0') == part.npos) return true;
  }
  return false;
}

// Whether the piece at `at` merely stops with the log: its length says more than there is, and is not what is wrong.
bool is_cut_short(std::string_view log, uint64_t at) {
  if (at + header_bytes > log.size()) return true;
  auto type = static_cast<uint8_t>(log[at + 6]);
  auto end = claimed_end(log, at);
  return type >= 1 && type <= 4 && end > log.size() && end <= at + left_in_block(at) &&
         !checksum_fits(log, at, log.size());
}

}  // namespace

LogEnd examine_log(std::string_view log) {
  uint64_t record = 0;  // where the current one begins
  bool inside = false;  // between its first and its last piece
  uint64_t at = 0;
  while (true) {
    if (left_in_block(at) < header_bytes) at = std::min<uint64_t>(at + left_in_block(at), log.size());
    if (!inside) record = at;
    if (at >= log.size()) return {inside ? LogEnd::Kind::torn : LogEnd::Kind::whole, record};
    auto piece = read_piece(log, at);
    bool continues = piece && (piece->type == Type::middle || piece->type == Type::last);
    if (!piece || continues != inside) break;
    inside = piece->type == Type::first || piece->type == Type::middle;
    at = piece->end;
  }
  bool torn = !read_piece(log, at) && !has_record_behind(log, at) &&
              (is_cut_short(log, at) || has_unwritten_page(log, record) ||
               log.substr(record).find_first_not_of('\0') == log.npos);
  return {torn ? LogEnd::Kind::torn : LogEnd::Kind::damaged, record};
}

Result<void> check_logs(const io::Path& folder) {
  TRY(auto names, io::list_folder(folder));
  for (const auto& name : names) {
    if (!name.ends_with(".log") && !name.starts_with("MANIFEST-")) continue;
    auto path = folder + "/" + name;
    TRY(auto log, io::read_file(path, max_log_bytes));
    auto end = examine_log(log);
    if (end.kind == LogEnd::Kind::whole) continue;
    if (end.kind == LogEnd::Kind::damaged) {
      return fail(Errc::corrupt, fmt::format("{} is damaged: the record at byte {} of {} is not what was written; put "
                                             "the folder back from a backup",
                                             path, end.at, log.size()));
    }
    log::warn("store", "cut off a record that a crash left half written",
              {{"file", path}, {"at", end.at}, {"bytes", log.size() - end.at}});
    TRY(auto file, io::File::open(path, io::File::Mode::read_write));
    CHECK(file.truncate(end.at));
    CHECK(file.sync());
  }
  return {};
}

}  // namespace boreal::store
