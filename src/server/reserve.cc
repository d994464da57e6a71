#include "server/reserve.h"

#include "base/log.h"
#include "io/space.h"
#include "net/pause.h"

namespace boreal::server {

namespace {

// So often that what comes at full speed meanwhile does not use up what is kept.
constexpr Duration between_looks{250};
constexpr Duration between_close_looks{20};
constexpr uint64_t close_bytes = 1 << 30;
constexpr uint64_t room_of_deletions = reserve_bytes / 4;

io::Path reserve_in(const io::Path& folder) { return folder + "/reserve"; }

Result<void> give_up(const io::Path& folder) {
  CHECK(io::remove_file(reserve_in(folder)));
  log::warn("server", "the disk is full: room that was kept for this is given up; delete something",
            {{"folder", folder}, {"bytes", reserve_bytes}});
  return io::sync_folder(folder);  // some file systems give back the room only then
}

}  // namespace

Result<void> give_up_reserve_if_full(const io::Path& folder) {
  TRY(const bool is_there, io::exists(reserve_in(folder)));
  if (!is_there) return {};
  TRY(const io::Space space, io::space_at(folder));
  if (space.available_bytes >= reserve_bytes) return {};
  return give_up(folder);
}

Result<bool> Reserve::look() {
  TRY(io::Space space, io::space_at(folder_));
  TRY(bool is_there, io::exists(reserve_in(folder_)));
  if (is_there && space.available_bytes < room_of_deletions) {
    CHECK(give_up(folder_));
    return false;
  }
  if (!is_there && can_reserve_ && space.available_bytes >= 4 * reserve_bytes) {
    auto made = io::occupy(reserve_in(folder_), reserve_bytes);
    if (made) {
      is_there = true;
      space.available_bytes -= reserve_bytes;
    } else if (made.error().code() != Errc::no_space) {
      can_reserve_ = false;
      log::warn("server", "no room is kept for a full disk", {{"why", made.error().message()}});
    }
  }
  is_close_ = space.available_bytes < close_bytes;
  return (is_there || !can_reserve_) && space.available_bytes >= 2 * reserve_bytes;
}

Task<void> Reserve::stop() {
  stopping_ = true;
  co_await running_.wait();
}

Task<void> Reserve::work() {
  bool is_failing = false;
  while (!stopping_) {
    const auto has_room = co_await pool_.run([this] { return look(); });
    if (has_room) note(*has_room);
    if (!has_room && !is_failing)
      log::warn("server", "how full the disk is cannot be told", {{"why", has_room.error().message()}});
    is_failing = !has_room;
    co_await net::pause(loop_, is_close_ ? between_close_looks : between_looks, stopping_);
  }
}

void Reserve::note(bool has_room) {
  if (has_room == has_room_) return;
  has_room_ = has_room;
  if (has_room) {
    log::info("server", "the disk has room again; objects are taken");
  } else {
    log::error("server", "the disk is nearly full: no objects are taken until there is room; delete something",
               {{"folder", folder_}, {"wanted_bytes", 4 * reserve_bytes}});
  }
}

}  // namespace boreal::server
