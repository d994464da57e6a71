// What servers write into their logs is kept for a while, and no longer: nobody else clears it away.
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "io/file.h"
#include "rds/keeper.h"

namespace boreal::rds {

namespace {

// As long as RDS keeps them unless told otherwise (rds.log_retention_period).
constexpr Duration logs_kept = std::chrono::hours(72);
constexpr Duration between_looks = std::chrono::hours(1);

// All but the newest, which the server may be writing.
Result<void> remove_logs(const io::Path& folder, Time before) {
  TRY(const bool there, io::exists(folder));
  if (!there) return {};
  TRY(auto names, io::list_folder(folder));
  std::ranges::sort(names);
  if (!names.empty()) names.pop_back();
  for (const auto& name : names) {
    const io::Path path = folder + "/" + name;
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || Time{status.st_mtim.tv_sec * 1000} >= before) continue;
    CHECK(io::remove_file(path));
  }
  return {};
}

}  // namespace

Task<void> Keeper::remove_old_logs(const View& view) {
  const Time now = tools_.context.clock.now();
  if (now >= logs_due_) {
    logs_due_ = now + between_looks;
    for (const auto& instance : view.instances) {
      const io::Path folder = log_folder(instance.id);
      auto removed = co_await tools_.context.pool.run([&] { return remove_logs(folder, now - logs_kept); });
      if (!removed) log::warn("rds", "old logs stay", {{"instance", instance.id}, {"why", removed.error().message()}});
    }
  }
  tools_.timekeeper.note(logs_due_);
}

}  // namespace boreal::rds
