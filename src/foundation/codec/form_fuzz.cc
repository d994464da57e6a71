// Forms, and that percent encoding brings back every byte.
#include <cstdlib>

#include "codec/form.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace codec = boreal::codec;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (codec::percent_decode(codec::percent_encode(text)).value() != text) abort();
  auto strict = codec::percent_decode(text);
  if (strict && *strict != codec::percent_decode_leniently(text)) abort();
  auto pairs = codec::parse_form(text, 100);
  if (!pairs) return 0;
  std::string rebuilt;
  for (auto& [name, value] : *pairs) {
    rebuilt += codec::percent_encode(name) + '=' + codec::percent_encode(value) + '&';
  }
  if (codec::parse_form(rebuilt, 100).value() != *pairs) abort();
  return 0;
}
