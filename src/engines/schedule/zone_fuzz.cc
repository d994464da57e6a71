// Any bytes as a time zone file: refused, or a zone that answers for all times.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "schedule/zone.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  const auto zone = schedule::Zone::parse("fuzz", content);
  if (!zone) return 0;
  for (int64_t seconds = 0; seconds < 7'258'118'400; seconds += 500'000'001) {
    const auto when = zone->from_local(seconds);
    if (when && zone->to_local(*when) != seconds) std::abort();
  }
  return 0;
}
