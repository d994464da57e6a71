// Any bytes as a value of the index: Errc::corrupt, or what encodes and decodes to the same again.
#include <cstdint>
#include <cstdlib>

#include "objects/index_keys.h"
#include "objects/record.h"

namespace {

template <class T, class Decode>
void try_it(std::string_view bytes, Decode decode) {
  const boreal::Result<T> value = decode(bytes);
  if (!value) {
    if (value.error().code() != boreal::Errc::corrupt) std::abort();
    return;
  }
  const std::string text = encode(*value);
  const boreal::Result<T> again = decode(text);
  if (!again || encode(*again) != text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal::objects;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try_it<Version>(bytes, [](auto record) { return decode_version(record, true); });
  try_it<Upload>(bytes, [](auto record) { return decode_upload(record, true); });
  try_it<Part>(bytes, [](auto record) { return decode_part(record); });
  try_it<std::vector<Part>>(bytes, [](auto record) { return decode_parts(record); });
  try_it<Garbage>(bytes, [](auto record) { return decode_garbage(record); });
  // Any key comes back from its escaped form, and any bytes as such a form give some key.
  if (index::unescaped(index::versions(bytes)) != bytes) std::abort();
  if (index::unescaped(bytes).size() > size) std::abort();
  if (const auto id = Id::parse(bytes); id && id->text() != bytes) std::abort();
  // The short form must not take what the long one refuses for another reason than its end.
  if (decode_version(bytes, true) && !decode_version(bytes, false)) std::abort();
  if (decode_upload(bytes, true) && !decode_upload(bytes, false)) std::abort();
  return 0;
}
