// What a server counts. Each is added to on one thread (its connections' loop) and read on any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace boreal::http::detail {

class Counter {
 public:
  // Plain steps instead of an atomic one: nobody else writes it.
  void add(uint64_t count) { value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed); }
  void subtract(uint64_t count) { add(0 - count); }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

struct Counters {
  Counter under_way;
  std::array<Counter, 5> answers;  // by the first digit of their status
  Counter bytes_received;
  Counter bytes_sent;
};

}  // namespace boreal::http::detail
