#include "net/loop_threads.h"

#include "base/thread.h"

namespace boreal::net {

LoopThreads::LoopThreads(size_t count) {
  for (size_t i = 0; i < count; ++i) loops_.push_back(std::make_unique<Loop>());
}

LoopThreads::~LoopThreads() { stop(); }

void LoopThreads::start() {
  for (const auto& loop : loops_) {
    threads_.emplace_back([&loop = *loop] {
      name_this_thread("connections");
      loop.run();
    });
  }
}

void LoopThreads::stop() {
  if (threads_.empty()) return;
  for (const auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

std::vector<Loop*> LoopThreads::loops() const {
  std::vector<Loop*> all;
  for (const auto& loop : loops_) all.push_back(loop.get());
  return all;
}

}  // namespace boreal::net
