#include "objects/tier_folder.h"

#include <fmt/format.h>

#include "base/log.h"

namespace boreal::objects {

io::Path TierFolder::folder_of(uint8_t first) const { return fmt::format("{}/{:02x}", path_, first); }

Result<void> TierFolder::prepare() {
  CHECK(check_works());
  if (is_prepared_) return {};
  const std::lock_guard lock(mutex_);
  if (is_prepared_) return {};
  CHECK(io::make_folder(mark()));
  for (int first = 0; first < 256; ++first) CHECK(io::make_folder(folder_of(static_cast<uint8_t>(first))));
  CHECK(sync(path_));
  is_prepared_ = true;
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
