// Any text: refused with a message, or an expression whose next() it matches itself.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "schedule/cron.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = schedule::Expression::parse(text);
  if (!parsed) {
    if (parsed.error().message().empty()) std::abort();
    return 0;
  }
  const Time start{1'700'000'000'000};
  const auto zone = schedule::Zone::utc();
  const auto next = parsed->next(start, zone, start);
  if (next && *next <= start) std::abort();
  if (next && parsed->cron() != nullptr && !parsed->cron()->matches(*next, zone)) std::abort();
  return 0;
}
