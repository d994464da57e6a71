// Some room that the disk keeps for a start. A start has to write (what the log holds becomes tables, a new log
// begins), so on a disk that is full to the last byte there would be none, and nothing could be deleted. The file
// `reserve` in the data folder is given up then, and made again once there is plenty of room.
#pragma once

#include "base/sync.h"
#include "io/file.h"
#include "io/pool.h"
#include "net/loop.h"

namespace boreal::server {

inline constexpr uint64_t reserve_bytes = 32 << 20;

// Before anything else is written; of a folder that is known to be ours. Blocks.
Result<void> give_up_reserve_if_full(const io::Path& folder);
// Makes it if there is none and room for four of it. Blocks.
Result<void> make_reserve(const io::Path& folder);

// Makes it when there is room. Thread rule: the loop.
class Reserve {
 public:
  Reserve(io::Path folder, net::Loop& loop, io::Pool& pool) : folder_(std::move(folder)), loop_(loop), pool_(pool) {}
  void start() { running_.spawn(work()); }
  Task<void> stop();

 private:
  Task<void> work();

  const io::Path folder_;
  net::Loop& loop_;
  io::Pool& pool_;
  TaskGroup running_;
  bool stopping_ = false;
};

}  // namespace boreal::server
