#include "endpoints/plan.h"

#include <fmt/format.h>

namespace boreal::endpoints {

namespace {
constexpr unsigned first_block = 17;  // 127.17/16 and up; 127.0/16 and 127.1/16 are what people use by hand
}

Result<AddressPlan> AddressPlan::of(unsigned cluster_number) {
  if (cluster_number >= max_clusters) {
    return fail(Errc::invalid,
                fmt::format("cluster number {} has no addresses; the last is {}", cluster_number, max_clusters - 1));
  }
  return AddressPlan(cluster_number);
}

std::string AddressPlan::host(unsigned last) const {
  return fmt::format("127.{}.{}.{}", first_block + cluster_ / 256, cluster_ % 256, last);
}

Result<std::string> AddressPlan::nth(const char* kind, unsigned n, unsigned first, unsigned limit) const {
  if (n >= limit)
    return fail(Errc::invalid, fmt::format("{} number {} has no address; the last is {}", kind, n, limit - 1));
  return host(first + n);
}

}  // namespace boreal::endpoints
