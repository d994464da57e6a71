// Any text as a configuration file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "io/testing.h"
#include "server/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  static const io::TempFolder folder;
  const io::Path path = folder / "boreal.toml";
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto file = io::File::open(path, io::File::Mode::read_write);
  if (!file || !file->truncate(0) || !file->append(as_bytes(text))) std::abort();
  server::Config config;
  const auto merged = config.merge_file(path);
  if (!merged && merged.error().message().empty()) std::abort();
  if (merged) (void)config.validate();
  (void)server::parse_engine_map(text);
  return 0;
}
