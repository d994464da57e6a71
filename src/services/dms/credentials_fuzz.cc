// Any text as the value of an endpoint's secret.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "dms/credentials.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  dms::Login login;
  const auto applied = dms::apply_secret(text, login);
  if (applied ? login.port < 0 || login.port > 65535 : applied.error().message().empty()) std::abort();
  return 0;
}
