#include "net/detail/timer.h"

#include <utility>

namespace boreal::net::detail {

Timer::~Timer() { disarm(); }

void Timer::disarm() {
  if (heap_) heap_->remove(*this);
}

TimerHeap::~TimerHeap() {
  for (Timer* timer : heap_) timer->heap_ = nullptr;
}

void TimerHeap::arm(Timer& timer, int64_t at_ns) {
  if (!timer.heap_) {
    timer.heap_ = this;
    timer.index_ = heap_.size();
    heap_.push_back(&timer);
  }
  timer.at_ns_ = at_ns;
  sift_up(timer.index_);
  sift_down(timer.index_);
}

void TimerHeap::remove(Timer& timer) {
  const size_t index = timer.index_;
  Timer* last = heap_.back();
  heap_.pop_back();
  timer.heap_ = nullptr;
  if (last == &timer) return;
  place(last, index);
  sift_up(index);
  sift_down(last->index_);
}

void TimerHeap::run(int64_t now_ns) {
  while (!heap_.empty() && heap_.front()->at_ns_ <= now_ns) {
    Timer* due = heap_.front();
    remove(*due);
    due->fire();
  }
}

void TimerHeap::place(Timer* timer, size_t index) {
  heap_[index] = timer;
  timer->index_ = index;
}

void TimerHeap::sift_up(size_t index) {
  Timer* moving = heap_[index];
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (heap_[parent]->at_ns_ <= moving->at_ns_) break;
    place(heap_[parent], index);
    index = parent;
  }
  place(moving, index);
}

void TimerHeap::sift_down(size_t index) {
  Timer* moving = heap_[index];
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->at_ns_ < heap_[child]->at_ns_) ++child;
    if (heap_[child]->at_ns_ >= moving->at_ns_) break;
    place(heap_[child], index);
    index = child;
  }
  place(moving, index);
}

}  // namespace boreal::net::detail
