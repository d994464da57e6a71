// Which versions are being read, so that their blobs stay until the last reader is gone, and which blobs are being
// written, so that their ids stay on record.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "objects/types.h"

namespace boreal::objects {

// Belongs to one executor. Held by a shared_ptr: a pin may outlive the engine.
class Pins : public std::enable_shared_from_this<Pins> {
 public:
  // Called when a version that somebody asked about with wait_for() is free, with the bucket given there.
  std::function<void(std::string_view bucket)> on_free;

  std::shared_ptr<const void> pin(VersionId id) {
    ++pinned_[id].readers;
    return std::make_shared<Pin>(shared_from_this(), id);
  }
  bool is_pinned(VersionId id) const { return pinned_.contains(id); }
  // The version is pinned: on_free will tell.
  void wait_for(VersionId id, std::string bucket) { pinned_[id].waiting.insert(std::move(bucket)); }

 private:
  struct State {
    size_t readers = 0;
    std::set<std::string> waiting;
  };
  struct Pin {
    Pin(std::shared_ptr<Pins> o, VersionId i) : owner(std::move(o)), id(i) {}
    Pin(const Pin&) = delete;
    ~Pin() { owner->release(id); }
    std::shared_ptr<Pins> owner;
    VersionId id;
  };

  void release(VersionId id) {
    const auto found = pinned_.find(id);
    if (--found->second.readers > 0) return;
    const auto waiting = std::move(found->second.waiting);
    pinned_.erase(found);
    for (const auto& bucket : waiting) {
      if (on_free) on_free(bucket);
    }
  }

  std::map<VersionId, State> pinned_;
};

}  // namespace boreal::objects
