// Any text as a principal's ARN, an access key's id, a name, a path: what is taken apart is the text again when it is
// put together.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "iam/names.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = iam::parse_resource(text)) {
    const std::string whole = "arn:aws:iam::" + name->account + ":" + name->type + name->path + name->name;
    if (whole != text) std::abort();
  }
  if (const auto account = iam::account_of_access_key(text); account && !iam::is_account_id(*account)) std::abort();
  if (iam::check_name("UserName", text, 64) && (text.empty() || size > 64)) std::abort();
  if (iam::check_path(text) && (!text.starts_with('/') || !text.ends_with('/'))) std::abort();
  return 0;
}
