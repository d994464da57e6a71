#include "objects/frames.h"

#include <fmt/format.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>

#include "crypto/crc.h"
#include "crypto/kdf.h"

namespace boreal::objects {
namespace {

constexpr size_t crc_bytes = 4;
constexpr std::string_view magic = "boreal\x01";  // and the format's version
constexpr std::string_view key_purpose = "boreal object frames 1";
constexpr char stored_as_is = 0;
constexpr char stored_compressed = 1;
constexpr int compression_level = 3;

void put_crc(MutableBytes out, uint32_t crc) {
  for (size_t i = 0; i < crc_bytes; ++i) out[i] = static_cast<std::byte>(crc >> (8 * (crc_bytes - 1 - i)));
}

// Whether the last four bytes are the CRC of those before.
bool ends_in_its_crc(Bytes bytes) {
  if (bytes.size() < crc_bytes) return false;
  std::array<std::byte, crc_bytes> expected;
  put_crc(expected, crypto::crc32c(bytes.first(bytes.size() - crc_bytes)));
  return std::memcmp(expected.data(), bytes.last(crc_bytes).data(), crc_bytes) == 0;
}

crypto::Aes256Gcm::Nonce nonce_of(uint64_t frame) {
  crypto::Aes256Gcm::Nonce nonce{};
  for (size_t i = 0; i < 8; ++i) nonce[nonce.size() - 1 - i] = static_cast<std::byte>(frame >> (8 * i));
  return nonce;
}

}  // namespace

Result<FrameCipher> FrameCipher::make(Bytes data_key, Id salt) {
  if (data_key.size() != data_key_bytes) {
    return fail(Errc::invalid, fmt::format("a data key of {} bytes; {} are wanted", data_key.size(), data_key_bytes));
  }
  crypto::SecretBytes derived(crypto::SecretKey::size);
  CHECK(crypto::hkdf_sha256(data_key, as_bytes(salt.bytes()), as_bytes(key_purpose), derived.bytes()));
  TRY(const auto key, crypto::SecretKey::from(derived.bytes()));
  return FrameCipher(key);
}

Result<void> FrameCipher::seal(uint64_t number, Bytes plain, MutableBytes out) {
  const MutableBytes sealed = out.first(out.size() - crc_bytes);
  CHECK(cipher_.seal(nonce_of(number), {}, plain, sealed));
  put_crc(out.last(crc_bytes), crypto::crc32c(sealed));
  return {};
}

Result<void> FrameCipher::open(uint64_t number, Bytes stored, MutableBytes plain) {
  return cipher_.open(nonce_of(number), {}, stored.first(stored.size() - crc_bytes), plain);
}

bool is_intact(Bytes stored_frame) { return stored_frame.size() >= frame_overhead && ends_in_its_crc(stored_frame); }

std::string blob_header(bool compressed) {
  std::string header(magic);
  header.resize(blob_header_bytes, '\0');
  header[magic.size()] = compressed ? 1 : 0;
  const MutableBytes bytes = std::as_writable_bytes(std::span(header));
  put_crc(bytes.last(crc_bytes), crypto::crc32c(bytes.first(blob_header_bytes - crc_bytes)));
  return header;
}

Result<void> check_blob_header(Bytes header, bool compressed) {
  if (as_text(header) == blob_header(compressed)) return {};
  return fail(Errc::corrupt, "the header of a blob is damaged or of a newer format");
}

Result<std::string> compress_frame(Bytes plain) {
  std::string packed(1 + plain.size(), stored_compressed);
  // Not smaller, not worth it: then it does not fit and zstd says so.
  const size_t size = ZSTD_compress(packed.data() + 1, plain.size(), plain.data(), plain.size(), compression_level);
  if (!ZSTD_isError(size)) {
    packed.resize(1 + size);
    return packed;
  }
  if (ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall) {
    return fail(Errc::internal, fmt::format("zstd: {}", ZSTD_getErrorName(size)));
  }
  packed[0] = stored_as_is;
  std::ranges::copy(as_text(plain), packed.begin() + 1);
  return packed;
}

Result<void> decompress_frame(Bytes packed, MutableBytes plain) {
  if (packed.empty()) return fail(Errc::corrupt, "an empty compressed frame");
  const Bytes content = packed.subspan(1);
  if (packed[0] == std::byte{stored_as_is} && content.size() == plain.size()) {
    std::ranges::copy(content, plain.begin());
    return {};
  }
  const size_t size = ZSTD_decompress(plain.data(), plain.size(), content.data(), content.size());
  if (ZSTD_isError(size) || size != plain.size()) return fail(Errc::corrupt, "a compressed frame does not unpack");
  return {};
}

std::string encode_table(const std::vector<uint64_t>& ends) {
  std::string table;
  for (const uint64_t end : ends) put_be64(table, end);
  table.append(crc_bytes, '\0');
  const MutableBytes bytes = std::as_writable_bytes(std::span(table));
  put_crc(bytes.last(crc_bytes), crypto::crc32c(bytes.first(bytes.size() - crc_bytes)));
  return table;
}

Result<std::vector<uint64_t>> decode_table(Bytes table) {
  if (!ends_in_its_crc(table) || table.size() % table_entry_bytes != crc_bytes)
    return fail(Errc::corrupt, "the frame table of a blob is damaged");
  std::vector<uint64_t> ends;
  for (size_t at = 0; at + crc_bytes < table.size(); at += table_entry_bytes) {
    ends.push_back(get_be64(as_text(table.subspan(at, table_entry_bytes))));
  }
  return ends;
}

}  // namespace boreal::objects
