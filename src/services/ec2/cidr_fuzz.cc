#include <cstdlib>

#include "ec2/cidr.h"

// The canonical text of whatever parses is the same block.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto cidr = boreal::ec2::Cidr::parse({reinterpret_cast<const char*>(data), size});
  if (!cidr) return 0;
  const auto again = boreal::ec2::Cidr::parse(cidr->to_string());
  if (!again || *again != *cidr) std::abort();
  return 0;
}
