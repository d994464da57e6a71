// Measures one floor and prints it:  bench_floors FOLDER log|put|open
// log: 32 threads append 4 KiB to one log with group fsync, appends/s. put: 64 MiB through MD5 + AES-GCM + write +
// fsync, MiB/s. open: AES-GCM and one copy, MiB/s. The folder is to lie on the disk of the store they are compared
// with.
#include "floors.h"

#include <fmt/format.h>

namespace {

constexpr int64_t round_ns = 2'000'000'000;

double measure(const std::string& folder, std::string_view what) {
  using namespace boreal::bench;
  const auto path = folder + "/floor";
  if (what == "log") return log_appends_per_second(path, 32, 4 << 10, round_ns);
  if (what == "put") return put_mib_per_second(path, std::string(64 << 20, 'x'));
  if (what == "open") return open_mib_per_second(round_ns / 2);
  throw std::runtime_error("the floors are: log, put, open");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 3) throw std::runtime_error("usage: bench_floors FOLDER log|put|open");
    fmt::print("{:.1f}\n", measure(argv[1], argv[2]));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_floors: {}\n", error.what());
    return 1;
  }
}
