// Any text as a certificate: no crash, whatever lies between the lines that mark one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "crypto/x509.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto info = crypto::read_certificate(text); !info && info.error().message().empty()) std::abort();
  return 0;
}
