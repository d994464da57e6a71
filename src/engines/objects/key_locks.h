// A lock for each name that is in use at the moment, and no memory for those that are not.
#pragma once

#include <map>
#include <string>

#include "base/sync.h"

namespace boreal::objects {

// Belongs to one executor. Waiters of one name get their turn in the order they came.
class KeyLocks {
  struct Entry {
    Mutex mutex;
    size_t users = 0;  // holder and waiters
  };
  using Entries = std::map<std::string, Entry>;

 public:
  class [[nodiscard]] Hold {
   public:
    Hold(KeyLocks* owner, Entries::iterator entry, Mutex::Permit permit)
        : owner_(owner), entry_(entry), permit_(std::move(permit)) {}
    Hold(Hold&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), entry_(other.entry_), permit_(std::move(other.permit_)) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (owner_ == nullptr) return;
      permit_.release();
      if (--entry_->second.users == 0) owner_->entries_.erase(entry_);
    }

   private:
    KeyLocks* owner_;
    Entries::iterator entry_;
    Mutex::Permit permit_;
  };

  Task<Hold> lock(std::string name) {
    const auto entry = entries_.try_emplace(std::move(name)).first;
    ++entry->second.users;
    auto permit = co_await entry->second.mutex.lock();
    co_return Hold(this, entry, std::move(permit));
  }

 private:
  Entries entries_;
};

}  // namespace boreal::objects
