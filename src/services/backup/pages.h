// Pages of lists: the token is the key of the last item that was given.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/backup/errors.h"
#include "aws/error.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "codec/base64.h"

namespace boreal::backup {

// Orders the items by `key_of` (keys differ), leaves the page that was asked for and answers the next one's token.
template <class T, class KeyOf>
aws::Outcome<std::optional<std::string>> cut_page(std::vector<T>& items, const std::optional<std::string>& token,
                                                  std::optional<int32_t> max_results, KeyOf key_of) {
  std::ranges::sort(items, {}, key_of);
  if (token) {
    const auto last = codec::base64url_decode(*token);
    if (!last) {
      return aws::refuse(
          boreal::api::backup::errors::invalid_parameter_value_exception("NextToken was not given by this operation."));
    }
    std::erase_if(items, [&](const T& item) { return key_of(item) <= *last; });
  }
  const size_t size = static_cast<size_t>(max_results.value_or(1000));
  if (items.size() <= size) return std::nullopt;
  items.resize(size);
  return codec::base64url_encode(key_of(items.back()));
}

// A page of a long list, gathered from items that come in any order; no more than some pages are kept of them.
template <class T>
class Page {
 public:
  static aws::Outcome<Page> begin(const std::optional<std::string>& token, std::optional<int32_t> max_results) {
    Page page(static_cast<size_t>(max_results.value_or(1000)));
    if (!token) return page;
    const auto last = codec::base64url_decode(*token);
    if (!last) {
      return aws::refuse(
          boreal::api::backup::errors::invalid_parameter_value_exception("NextToken was not given by this operation."));
    }
    page.after_ = *last;
    return page;
  }

  // Keys differ.
  void add(std::string key, T&& item) {
    if (after_ && key <= *after_) return;
    items_.emplace_back(std::move(key), std::move(item));
    if (items_.size() > 2 * size_ + 100) cut();
  }

  // The items in order; `next` is the next page's token when there are more.
  std::vector<T> take(std::optional<std::string>& next) {
    const bool more = items_.size() > size_;
    cut();
    if (more) items_.resize(size_);
    if (more) next = codec::base64url_encode(items_.back().first);
    std::vector<T> all;
    for (auto& [key, item] : items_) all.push_back(std::move(item));
    return all;
  }

 private:
  explicit Page(size_t size) : size_(size) {}
  // To the page and one more, in order.
  void cut() {
    std::ranges::sort(items_, {}, &std::pair<std::string, T>::first);
    if (items_.size() > size_ + 1) items_.erase(items_.begin() + static_cast<ptrdiff_t>(size_) + 1, items_.end());
  }

  size_t size_;
  std::optional<std::string> after_;
  std::vector<std::pair<std::string, T>> items_;
};

// For lists whose newest come first.
inline std::string newest_first(Time when, const std::string& id) {
  std::string key;
  put_be64(key, ~static_cast<uint64_t>(when.ms));
  return key + id;
}

}  // namespace boreal::backup
