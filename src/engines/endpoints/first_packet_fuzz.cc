#include <cstdlib>

#include "endpoints/first_packet.h"

// The verdict must not change when more bytes come in, and never be asked for beyond the packet's limit.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const boreal::Bytes bytes = std::as_bytes(std::span(data, size));
  const auto whole = boreal::endpoints::classify(bytes);
  for (size_t length = 0; length < std::min<size_t>(size, 64); ++length) {
    const auto part = boreal::endpoints::classify(bytes.first(length));
    if (part && part != whole) std::abort();
  }
  if (!whole && size >= boreal::endpoints::first_packet_max_bytes) std::abort();
  return 0;
}
