// Any bytes as parts of a blob: nothing opens that was not sealed, and nothing grows beyond its frame.
#include <cstdint>
#include <cstdlib>

#include "objects/frames.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  using namespace boreal::objects;
  if (size == 0) return 0;
  const Bytes bytes = std::as_bytes(std::span(data + 1, size - 1));
  (void)check_blob_header(bytes, data[0] % 2 == 0);
  (void)is_intact(bytes);
  if (const auto ends = decode_table(bytes); ends && encode_table(*ends).size() != bytes.size()) std::abort();

  std::vector<std::byte> plain(data[0] * 257u);
  (void)decompress_frame(bytes, plain);
  const auto packed = compress_frame(bytes);
  std::vector<std::byte> back(bytes.size());
  if (!packed || !decompress_frame(as_bytes(*packed), back) || !std::ranges::equal(back, bytes)) std::abort();

  const std::string key(data_key_bytes, 'k');
  auto cipher = FrameCipher::make(as_bytes(key), Id{1, 2});
  if (!cipher || bytes.size() < frame_overhead || bytes.size() > frame_bytes) return 0;
  std::vector<std::byte> opened(bytes.size() - frame_overhead);
  if (cipher->open(data[0], bytes, opened)) std::abort();
  return 0;
}
