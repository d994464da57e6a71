// Records that are read again and again are parsed once.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "store/record.h"

namespace boreal::aws {

// Remembers by a text what it stands for. What was changed has another text, so nothing needs to be forgotten when it
// changes. Bounded; thread rule: one thread.
template <class T>
class TextCache {
 public:
  static constexpr size_t max_text_bytes = 32 << 10;  // of one; larger ones are parsed each time
  static constexpr size_t max_bytes = 4 << 20;        // of the texts of all

  // Shared: by the cache and by whoever still reads what it has dropped. Errors: those of `parse`, which makes a
  // Result<T> of the text.
  template <class Parse>
  Result<std::shared_ptr<const T>> get(const std::string& text, Parse parse) {
    if (const auto known = known_.find(text); known != known_.end()) return known->second;
    TRY(auto parsed, parse(text));
    auto shared = std::make_shared<const T>(std::move(parsed));
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

template <codec::Described T>
class RecordCache : public TextCache<T> {
 public:
  // Errors: those of store::decode().
  Result<std::shared_ptr<const T>> decode(const std::string& text) {
    return this->get(text, [](const std::string& record) { return store::decode<T>(record); });
  }
};

}  // namespace boreal::aws
