// What is read as a time is written and read back as the same.
#include <cstdlib>

#include "codec/time.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace codec = boreal::codec;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto time = codec::parse_iso8601(text)) {
    if (codec::parse_iso8601(codec::format_iso8601(*time, codec::Fraction::milliseconds)).value() != *time) abort();
  }
  if (auto time = codec::parse_http_date(text)) {
    if (codec::parse_http_date(codec::format_http_date(*time)).value() != *time) abort();
  }
  if (auto time = codec::parse_basic(text)) {
    if (codec::parse_basic(codec::format_basic(*time)).value() != *time) abort();
  }
  if (auto time = codec::parse_epoch_seconds(text)) {
    if (codec::parse_epoch_seconds(codec::format_epoch_seconds(*time)).value() != *time) abort();
  }
  return 0;
}
