// Any bytes as a snapshot file: it never opens to the end under a key that did not seal it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/testing.h"
#include "io/testing.h"
#include "rds/snapshot_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  static io::Pool pool(0);  // never started: its work runs when it is asked for
  static const io::TempFolder folder;
  static const bool stopped = (pool.stop(), true);
  const io::Path path = folder / "snapshot";
  auto file = io::File::open(path, io::File::Mode::read_write);
  if (!stopped || !file || !file->truncate(0) || !file->append(std::as_bytes(std::span(data, size)))) std::abort();
  const std::string key(32, 'k');
  auto source = rds::open_snapshot_file(pool, path, *crypto::SecretKey::from(as_bytes(key)));
  if (!source) return 0;
  TestExecutor executor;
  std::vector<std::byte> buffer(64 << 10);
  for (;;) {
    const auto count = executor.run((*source)->read(buffer));
    if (!count) return count.error().code() == Errc::corrupt ? 0 : (std::abort(), 0);
    if (*count == 0 || *count > buffer.size()) std::abort();
  }
}
