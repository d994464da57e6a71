// Work that must not be waited for when we end.
#pragma once

#include <set>

namespace boreal::postgres {

namespace detail {
class Tool;
}

// The programs that run for it. Thread rule: the loop's thread.
class Background {
 public:
  enum class Priority { normal, lowest };
  explicit Background(Priority priority) : priority_(priority) {}

  // Kills those that run; those that would be started end with an error at once (Errc::cancelled).
  void stop();
  bool stopped() const { return stopped_; }
  Priority priority() const { return priority_; }

  // For those that run them.
  void add(detail::Tool& tool) { tools_.insert(&tool); }
  void remove(detail::Tool& tool) { tools_.erase(&tool); }

 private:
  const Priority priority_;
  std::set<detail::Tool*> tools_;
  bool stopped_ = false;
};

}  // namespace boreal::postgres
