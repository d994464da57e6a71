// Records that are read again and again are parsed once.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "store/record.h"

namespace boreal::aws {

// Remembers by the stored text what it stands for. A record that was changed has another text, so nothing needs to be
// forgotten when it changes. Bounded; thread rule: one thread.
template <codec::Described T>
class RecordCache {
 public:
  static constexpr size_t max_text_bytes = 16 << 10;  // of one record; larger ones are parsed each time
  static constexpr size_t max_bytes = 4 << 20;        // of the texts of all

  // Shared: by the cache and by whoever still reads what it has dropped. Errors: those of store::decode().
  Result<std::shared_ptr<const T>> decode(const std::string& text) {
    if (const auto known = known_.find(text); known != known_.end()) return known->second;
    TRY(auto record, store::decode<T>(text));
    auto shared = std::make_shared<const T>(std::move(record));
    if (text.size() > max_text_bytes) return shared;
    if (bytes_ + text.size() > max_bytes) {
      known_.clear();
      bytes_ = 0;
    }
    bytes_ += text.size();
    known_.emplace(text, shared);
    return shared;
  }
  size_t size() const { return known_.size(); }

 private:
  std::unordered_map<std::string, std::shared_ptr<const T>> known_;
  size_t bytes_ = 0;
};

}  // namespace boreal::aws
