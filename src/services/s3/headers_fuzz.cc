// Any text where a header or a name of S3 stands: ranges, copy sources, tags, versions, entity tags, keys.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "s3/conditions.h"
#include "s3/names.h"
#include "s3/ranges.h"

namespace {

void try_ranges(const std::string& text, uint64_t size) {
  using namespace boreal::s3;
  const auto inside = [&](const boreal::objects::Range& range) {
    return range.offset < size && (range.length == UINT64_MAX || range.length <= size - range.offset);
  };
  if (const auto range = parse_range(text, size); range && *range && !inside(**range)) std::abort();
  if (const auto range = parse_copy_range(text, size); range && !inside(*range)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal::s3;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const uint64_t length : {uint64_t{0}, uint64_t{1}, uint64_t{1000}, uint64_t{5} << 40}) try_ranges(text, length);
  (void)check_bucket_name(text);
  if (check_key(text) && text.size() > boreal::objects::max_key_bytes) std::abort();
  (void)bucket_of(text);
  (void)account_of_canonical_id(text);
  (void)parse_version(text);
  if (const auto source = parse_copy_source(text); source && source->bucket.empty()) std::abort();
  if (const auto tags = parse_tag_header(text); tags && tags->size() > 10) std::abort();
  (void)etag_matches(text, "d41d8cd98f00b204e9800998ecf8427e");
  (void)check_write_headers(text, {});
  (void)check_write_headers({}, text);
  return 0;
}
