#include "server/reserve.h"

#include "base/log.h"
#include "io/space.h"
#include "net/pause.h"

namespace boreal::server {

namespace {

constexpr Duration between_looks = std::chrono::minutes(1);

io::Path reserve_in(const io::Path& folder) { return folder + "/reserve"; }

}  // namespace

Result<void> give_up_reserve_if_full(const io::Path& folder) {
  TRY(const bool is_there, io::exists(reserve_in(folder)));
  if (!is_there) return {};
  TRY(const io::Space space, io::space_at(folder));
  if (space.available_bytes >= reserve_bytes) return {};
  CHECK(io::remove_file(reserve_in(folder)));
  log::warn("server", "the disk is full: room that was kept for a start is given up; delete something",
            {{"folder", folder}, {"bytes", reserve_bytes}});
  return io::sync_folder(folder);  // some file systems give back the room only then
}

Result<void> make_reserve(const io::Path& folder) {
  TRY(const bool is_there, io::exists(reserve_in(folder)));
  if (is_there) return {};
  TRY(const io::Space space, io::space_at(folder));
  if (space.available_bytes < 4 * reserve_bytes) return {};
  auto made = io::occupy(reserve_in(folder), reserve_bytes);
  return !made && made.error().code() == Errc::no_space ? Result<void>() : made;
}

Task<void> Reserve::stop() {
  stopping_ = true;
  co_await running_.wait();
}

Task<void> Reserve::work() {
  while (!stopping_) {
    if (const auto made = co_await pool_.run([this] { return make_reserve(folder_); }); !made) {
      log::warn("server", "no room is kept for a start on a full disk", {{"why", made.error().message()}});
      co_return;
    }
    co_await net::pause(loop_, between_looks, stopping_);
  }
}

}  // namespace boreal::server
