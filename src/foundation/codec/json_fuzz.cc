// Whatever parses is written, parses again, and is the same; reader and tree agree on what is JSON.
#include <cstdlib>

#include "codec/json_value.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace json = boreal::json;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  json::Reader in(text);
  bool skipped = in.skip() && in.finish();
  auto value = json::parse(text);
  if (skipped != value.has_value()) abort();
  if (!value) return 0;
  auto again = json::parse(json::write(*value));
  if (!again || *again != *value) abort();
  return 0;
}
