#include "postgres/detail/ending.h"

#include <fmt/format.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include <charconv>
#include <csignal>
#include <functional>

#include "base/log.h"
#include "postgres/detail/folder_processes.h"

namespace boreal::postgres::detail {

namespace {

constexpr Duration pause{5};
constexpr int64_t patience_ns = 10'000'000'000;

Task<Result<void>> end_all(const Context& context, std::function<Result<std::vector<pid_t>>()> find, io::Path where) {
  const int64_t deadline_ns = monotonic_ns() + patience_ns;
  for (;;) {
    CO_TRY(const auto pids, co_await context.pool.run([&] { return find(); }));
    if (pids.empty()) co_return Result<void>();
    if (monotonic_ns() > deadline_ns) {
      co_return fail(Errc::timeout, fmt::format("process {} of a server in {} does not end", pids[0], where));
    }
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    co_await context.loop.sleep(pause);
  }
}

// PostgreSQL keeps a small System V segment for each data directory that it works in, so as to notice others there. Who
// is killed leaves it, and a machine has 4,096 of them (SHMMNI): with none left no PostgreSQL starts any more. The next
// start in the same directory would remove it; so must who will not start there again.
void release_shared_memory(const io::Path& data) {
  const auto segment = shared_memory_of(data);
  if (!segment || !*segment) return;
  shmid_ds state{};
  if (::shmctl((*segment)->id, IPC_STAT, &state) != 0) return;
  // Under another key it is somebody else's, who was given the number meanwhile; and who may write to the directory can
  // name any number, which must not do more than its owner could.
  struct stat folder{};
  if (::stat(data.c_str(), &folder) != 0 || state.shm_perm.uid != folder.st_uid) return;
  if (state.shm_perm.__key != (*segment)->key || state.shm_nattch != 0) return;
  if (::shmctl((*segment)->id, IPC_RMID, nullptr) != 0) {
    log::warn("postgres", "a segment of shared memory is left behind", {{"id", fmt::format("{}", (*segment)->id)}});
  }
}

void release_below(const io::Path& folder, int levels) {
  const auto names = io::list_folder(folder);
  if (!names) return;  // a file, or gone
  for (const auto& name : *names) {
    const io::Path path = folder + "/" + name;
    if (name == "data") {
      release_shared_memory(path);
    } else if (levels > 1) {
      release_below(path, levels - 1);
    }
  }
}

}  // namespace

Task<Result<void>> end_processes_in(const Context& context, io::Path data) {
  CO_CHECK(co_await end_all(context, [&data] { return processes_in(data); }, data));
  co_await context.pool.run([&] { release_shared_memory(data); });
  co_return Result<void>();
}

Task<Result<void>> end_processes_below(const Context& context, io::Path folder) {
  CO_CHECK(co_await end_all(context, [&folder] { return processes_below(folder); }, folder));
  co_await context.pool.run([&] { release_shared_memory_below(folder); });
  co_return Result<void>();
}

void release_shared_memory_below(const io::Path& folder) {
  constexpr int levels = 3;  // of a cluster: servers/NAME/data
  release_below(folder, levels);
}

}  // namespace boreal::postgres::detail
