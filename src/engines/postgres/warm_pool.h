// Data directories made in advance, because initdb takes seconds and a rename does not.
#pragma once

#include <string>

#include "base/sync.h"
#include "postgres/background.h"
#include "postgres/context.h"
#include "postgres/installation.h"

namespace boreal::postgres {

// A new data directory by initdb, durable: checksums on, UTF-8, the C.UTF-8 locale, no way in but for the admin.
// The folder that holds it must exist. Cut short it leaves a folder in halves, and nobody who works there.
Task<Result<void>> make_data_directory(const Context& context, const Installation& installation, io::Path data,
                                       Background* background = nullptr);

// Thread rule: the loop's thread.
class WarmPool {
 public:
  struct Options {
    io::Path folder;  // ours alone; best on the file system that the clusters are on: else they are copied
    size_t size = 2;
    // How long after a directory was taken the next one is made: whoever took it is starting servers now.
    Duration refill_delay{3'000};
  };

  WarmPool(const Context& context, const Installation& installation, Options options);
  // Counts what an earlier run left whole, removes what it left in halves, and fills up in the background.
  Task<Result<void>> start();
  Task<void> stop();  // what is being made in advance is not made

  // Moves a fresh data directory to `data`, and an equal one to `twin`: a standby of a server started on `data`, as
  // long as that server still has its first WAL. Neither may exist. With an empty pool they are made here and now.
  Task<Result<void>> take(io::Path data, io::Path twin);

  size_t ready() const { return ready_.size(); }

 private:
  Task<void> fill();
  Task<void> refill_later();
  Task<void> remove(io::Path folder);
  Task<Result<void>> make_one();
  Task<Result<void>> make_pair(io::Path folder, Background* background);
  io::Path new_name(std::string_view kind);

  const Context& context_;
  const Installation& installation_;
  const Options options_;
  std::vector<io::Path> ready_;
  unsigned next_number_ = 0;
  bool filling_ = false;
  Background background_{Background::Priority::lowest};
  TaskGroup tasks_;
};

}  // namespace boreal::postgres
