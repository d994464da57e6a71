// Any text as a task's settings and as its table mappings.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "dms/task_documents.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& verdict : {boreal::dms::check_task_settings(text), boreal::dms::check_table_mappings(text)}) {
    if (!verdict && (verdict.error().status != 400 || verdict.error().message.empty())) std::abort();
  }
  return 0;
}
