// What servers write into their logs is kept for a while, and no longer: nobody else clears it away.
#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "io/entry.h"
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
    TRY(const auto entry, io::entry_at(path));
    if (entry && entry->modified < before) CHECK(io::remove_file(path));
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
      // Servers write by the system's clock, wherever ours was moved.
      const Time before = tools_.context.clock.unmoved() - logs_kept;
      auto removed = co_await tools_.context.pool.run([&] { return remove_logs(folder, before); });
      if (!removed) log::warn("rds", "old logs stay", {{"instance", instance.id}, {"why", removed.error().message()}});
    }
  }
  tools_.timekeeper.note(logs_due_);
}

}  // namespace boreal::rds
