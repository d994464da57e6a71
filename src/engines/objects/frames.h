// How plain bytes lie in a blob: encrypted frames of 64 KiB, so that a range read opens only its frames and
// every flipped bit is found. The form on disk is described in docs/on-disk.md.
//
//   blob  = header, frame…, [table of frame ends, when compressed]
//   frame = AES-256-GCM ciphertext, tag (16 bytes), CRC-32C of both (4 bytes)
//
// Key of the frames: HKDF of the data key and the blob's salt; nonce: the frame's number. A data key may serve many
// blobs, since each has another salt. The CRC lets a scrubber that has no keys find damage; readers trust the tag.
#pragma once

#include <string>
#include <vector>

#include "crypto/aead.h"
#include "objects/types.h"

namespace boreal::objects {

inline constexpr size_t frame_bytes = 64 << 10;  // plain; the last frame is shorter
inline constexpr size_t frame_overhead = 20;
inline constexpr size_t chunk_frames = 3;  // what is read, or written, in one step
inline constexpr size_t chunk_bytes = chunk_frames * frame_bytes;
inline constexpr size_t blob_header_bytes = 16;
inline constexpr size_t table_entry_bytes = 8;

inline uint64_t frames_of(uint64_t plain_size) { return (plain_size + frame_bytes - 1) / frame_bytes; }
// Of frame `number` of a blob that is not compressed.
inline uint64_t frame_offset(uint64_t number) { return blob_header_bytes + number * (frame_bytes + frame_overhead); }
inline uint64_t stored_size_of(uint64_t plain_size) {
  return blob_header_bytes + plain_size + frames_of(plain_size) * frame_overhead;
}
// Where the table of a compressed blob begins.
inline uint64_t table_offset(uint64_t stored_size, uint64_t frames) {
  return stored_size - frames * table_entry_bytes - 4;
}

// Seals and opens the frames of one blob. Any thread, one at a time.
class FrameCipher {
 public:
  // Errc::invalid unless data_key has data_key_bytes.
  static Result<FrameCipher> make(Bytes data_key, Id salt);

  // out.size() == plain.size() + frame_overhead
  Result<void> seal(uint64_t number, Bytes plain, MutableBytes out);
  // plain.size() == stored.size() - frame_overhead. Errc::corrupt, and nothing of use in `plain`, if it does not
  // verify.
  Result<void> open(uint64_t number, Bytes stored, MutableBytes plain);

 private:
  explicit FrameCipher(const crypto::SecretKey& key) : cipher_(key) {}
  crypto::Aes256Gcm cipher_;
};

// Whether the frame's CRC fits: what can be known without its key.
bool is_intact(Bytes stored_frame);

std::string blob_header(bool compressed);
Result<void> check_blob_header(Bytes header, bool compressed);

// A compressed frame's plain bytes begin with a byte that tells whether the rest is compressed or as it was.
Result<std::string> compress_frame(Bytes plain);
Result<void> decompress_frame(Bytes packed, MutableBytes plain);

// Table of the frames' ends in a compressed blob, with its CRC.
std::string encode_table(const std::vector<uint64_t>& ends);
Result<std::vector<uint64_t>> decode_table(Bytes table);

}  // namespace boreal::objects
