// Loops that run on threads of their own.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "net/loop.h"

namespace boreal::net {

// Thread rule: start() and stop() from the owner's thread.
class LoopThreads {
 public:
  explicit LoopThreads(size_t count);
  ~LoopThreads();  // stops
  void start();
  // What waits on the loops has been stopped before; see Loop.
  void stop();
  // They live as long as this.
  std::vector<Loop*> loops() const;

 private:
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace boreal::net
