// Hexadecimal, Base64, percent encoding, words of RFC 2047 and query strings: what is decoded encodes to what it came
// from, or to what decodes to the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/mail_words.h"
#include "codec/percent.h"
#include "codec/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal::codec;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto bytes = hex_decode(text); bytes && hex_encode(*bytes).size() != size) std::abort();
  if (hex_decode(hex_encode(text)) != text) std::abort();
  if (const auto bytes = base64_decode(text); bytes && base64_encode(*bytes) != text) std::abort();
  if (base64_decode(base64_encode(text)) != text) std::abort();
  if (const auto bytes = base64url_decode(text); bytes && base64url_encode(*bytes) != text) std::abort();
  if (base64url_decode(base64url_encode(text)) != text) std::abort();
  if (const auto bytes = percent_decode(text)) {
    if (percent_decode_leniently(text) != *bytes) std::abort();
    if (percent_decode(percent_encode(*bytes)) != *bytes) std::abort();
  }
  const std::string decoded = decode_mail_words(text);
  if (is_utf8(text) && (!is_utf8(decoded) || decode_mail_words(mail_word(text)) != text)) std::abort();
  const auto pairs = parse_query(text, 100);
  if (pairs && pairs->size() > 100) std::abort();
  return 0;
}
