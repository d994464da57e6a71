// Any text as one of the files in which the engine keeps what it must remember: a cluster's state, which process
// serves, the list of settings. What is read writes itself again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "postgres/cluster.h"
#include "postgres/settings.h"
#include "process/process.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto state = postgres::ClusterState::parse(text)) {
    const std::string written = state->to_text();
    const auto again = postgres::ClusterState::parse(written);
    if (!again || again->to_text() != written) std::abort();
  }
  if (const auto identity = process::Identity::parse(text)) {
    const auto again = process::Identity::parse(identity->to_string());
    if (identity->pid <= 0 || !again || *again != *identity) std::abort();
  }
  if (const auto settings = postgres::parse_settings(text)) {
    for (size_t i = 1; i < settings->size(); ++i) {
      if ((*settings)[i].name < (*settings)[i - 1].name) std::abort();
    }
  }
  return 0;
}
