// One of those that are counted, for as long as it lives: an exception takes it off the count too.
#pragma once

#include <cstddef>

namespace boreal {

// Thread rule: the count's.
class Counted {
 public:
  explicit Counted(size_t& count) : count_(count) { ++count_; }  // which outlives it
  Counted(const Counted&) = delete;
  ~Counted() { --count_; }

 private:
  size_t& count_;
};

}  // namespace boreal
