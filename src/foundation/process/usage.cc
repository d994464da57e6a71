#include "process/usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "io/file.h"

namespace boreal::process {

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

Result<Usage> own_usage() {
  Usage usage;
  // "total resident shared …", in pages (proc(5)).
  TRY(const auto memory, io::read_file("/proc/self/statm", 4096));
  const auto words = split_words(memory);
  if (words.size() < 2) return fail(Errc::corrupt, "/proc/self/statm is not as expected");
  TRY(const uint64_t pages, parse_uint(words[1]));
  usage.resident_bytes = pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  TRY(const auto tasks, io::list_folder("/proc/self/task"));
  usage.threads = tasks.size();
  TRY(const auto files, io::list_folder("/proc/self/fd"));
  usage.open_files = files.size() - 2;  // less those that list them
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return std::unexpected(Error::system(errno, "ask for the limit of files"));
  usage.max_open_files = limit.rlim_cur;
  rusage times{};
  if (::getrusage(RUSAGE_SELF, &times) != 0) return std::unexpected(Error::system(errno, "ask for processor time"));
  usage.processor_seconds = seconds(times.ru_utime) + seconds(times.ru_stime);
  return usage;
}

}  // namespace boreal::process
