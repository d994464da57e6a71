// Any text as a bucket's policy: what is taken must stand the check of what S3 has, and of being public.
#include <cstddef>
#include <cstdint>

#include "s3/bucket_policy.h"
#include "s3/public_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto compiled = aws::Policy::parse(text, aws::PolicyKind::resource);
  const auto document = json::parse(text);
  if (!compiled || !document) return 0;
  (void)s3::check_bucket_policy(*document, *compiled, "bucket");
  (void)s3::is_public_policy(text);
  return 0;
}
