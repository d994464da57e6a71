#include "objects/tier_folder.h"

#include <fmt/format.h>

#include "base/log.h"

namespace boreal::objects {

Result<void> TierFolder::keep(const io::Path& folder) {
  CHECK(check_works());
  {
    const std::lock_guard lock(mutex_);
    if (kept_.contains(folder)) return {};
  }
  auto made = io::make_folders(folder);
  // What could not be made was not synced either: there may be no room for it.
  if (!made && !io::exists(folder).value_or(true)) return made;
  CHECK(judge(std::move(made)));
  const std::lock_guard lock(mutex_);
  kept_.insert(folder);
  return {};
}

Result<void> TierFolder::check_works() const {
  if (!has_failed_) return {};
  return fail(Errc::io, fmt::format("tier '{}' takes no more blobs since a folder of it could not be synced: mend the "
                                    "disk, then start again",
                                    tier_));
}

Result<void> TierFolder::judge(Result<void> synced) {
  if (synced) return check_works();
  const Errc code = synced.error().code();
  // Not what could not be opened.
  if (code == Errc::not_found || code == Errc::unavailable || has_failed_.exchange(true)) return synced;
  log::error("objects", "a folder could not be synced; its tier takes no more blobs until the next start",
             {{"tier", tier_}, {"why", synced.error().message()}});
  return synced;
}

}  // namespace boreal::objects
