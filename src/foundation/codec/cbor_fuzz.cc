// Reads arbitrary items to their end, by kind; no input may crash or hang the reader.
#include "codec/cbor.h"

namespace {

using boreal::Result;
using boreal::cbor::Kind;
using boreal::cbor::Reader;

Result<void> read(Reader& in);

Result<void> read_map(Reader& in) {
  CHECK(in.begin_map());
  while (true) {
    TRY(auto key, in.next_key());
    if (!key) return {};
    CHECK(read(in));
  }
}

Result<void> read_array(Reader& in) {
  CHECK(in.begin_array());
  while (true) {
    TRY(bool more, in.next_element());
    if (!more) return {};
    CHECK(read(in));
  }
}

Result<void> read(Reader& in) {
  TRY(Kind kind, in.peek());
  switch (kind) {
    case Kind::integer: CHECK(in.integer()); return {};
    case Kind::bytes: CHECK(in.bytes()); return {};
    case Kind::text: CHECK(in.text()); return {};
    case Kind::array: return read_array(in);
    case Kind::map: return read_map(in);
    case Kind::tag: CHECK(in.timestamp()); return {};
    case Kind::boolean: CHECK(in.boolean()); return {};
    case Kind::null: CHECK(in.null_if_next()); return {};
    case Kind::float64: CHECK(in.float64()); return {};
  }
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto bytes = std::as_bytes(std::span(data, size));
  Reader by_kind(bytes);
  bool understood = read(by_kind) && by_kind.finish();
  Reader skipping(bytes);
  bool skipped = skipping.skip() && skipping.finish();
  if (understood && !skipped) __builtin_trap();
  return 0;
}
