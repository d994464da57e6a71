// Any text where a key is named: refused, or what it names is named by its ARN too.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "kms/references.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto named = kms::parse_reference(text, "000000000000", "us-east-1");
  if (!named) return 0;
  if (named->key_id.empty() == named->alias.empty()) std::abort();
  (void)kms::managed_alias_service(named->alias);
  const auto again = kms::parse_reference(named->arn(), "111111111111", "us-east-1");
  if (!again || again->arn() != named->arn()) std::abort();
  return 0;
}
