// Some room that the disk keeps for deletions and for a start. Both have to write (records of what is gone, what the
// log holds becomes tables), so on a disk that is full to the last byte nothing could be deleted. Objects are refused
// while little is left; if others take that too, the file `reserve` in the data folder is given up, and made again once
// there is plenty of room.
#pragma once

#include "base/sync.h"
#include "io/file.h"
#include "io/pool.h"
#include "net/loop.h"

namespace boreal::server {

inline constexpr uint64_t reserve_bytes = 32 << 20;

// Before anything else is written; of a folder that is known to be ours. Blocks.
Result<void> give_up_reserve_if_full(const io::Path& folder);

// Thread rule: the loop.
class Reserve {
 public:
  Reserve(io::Path folder, net::Loop& loop, io::Pool& pool) : folder_(std::move(folder)), loop_(loop), pool_(pool) {}
  void start() { running_.spawn(work()); }
  Task<void> stop();
  // Whether objects may be added. Not while less than twice the reserve is left, nor before a reserve that was given up
  // is there again. A quarter of a second old, or less where there is less than a gigabyte.
  bool has_room() const { return has_room_; }
  // Gives up the reserve if it must, makes it if it can, and tells whether there is room. Blocks; one at a time.
  Result<bool> look();

 private:
  Task<void> work();
  void note(bool has_room);

  const io::Path folder_;
  net::Loop& loop_;
  io::Pool& pool_;
  TaskGroup running_;
  bool stopping_ = false;
  bool has_room_ = true;
  bool is_close_ = false;    // there may be none soon
  bool can_reserve_ = true;  // as far as is known of the file system
};

}  // namespace boreal::server
