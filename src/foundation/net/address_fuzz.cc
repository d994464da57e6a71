// Any text as an address: refused with a message, or what is written and read again to the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "net/stream.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto address = net::Address::parse(text, 80);
  if (!address) return address.error().message().empty() ? (std::abort(), 0) : 0;
  (void)address->is_loopback();
  const auto again = net::Address::parse(address->to_string());
  if (!again || again->host != address->host || again->port != address->port) std::abort();
  return 0;
}
