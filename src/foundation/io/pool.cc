#include "io/pool.h"

#include "base/thread.h"

namespace boreal::io {

Pool::Pool(size_t threads) : thread_count_(threads) {}

Pool::~Pool() { stop(); }

void Pool::start() {
  for (size_t i = threads_.size(); i < thread_count_; ++i) {
    threads_.emplace_back([this] {
      name_this_thread("pool");
      loop();
    });
  }
}

void Pool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  loop();  // what was queued but never had a thread: the pool was not started
}

void Pool::submit(std::move_only_function<void()> work) {
  {
    std::unique_lock lock(mutex_);
    if (stopping_) {
      lock.unlock();
      return work();
    }
    queue_.push_back(std::move(work));
    look_at_queue();
  }
  ready_.notify_one();  // not under the mutex, which the woken thread wants at once
}

void Pool::loop() {
  for (;;) {
    std::move_only_function<void()> work;
    {
      std::unique_lock lock(mutex_);
      ++idle_;
      ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      --idle_;
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
      look_at_queue();
    }
    work();
  }
}

}  // namespace boreal::io
