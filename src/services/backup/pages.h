// Pages of lists: the token is the key of the last item that was given.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
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

// For lists whose newest come first.
inline std::string newest_first(Time when, const std::string& id) {
  std::string key;
  put_be64(key, ~static_cast<uint64_t>(when.ms));
  return key + id;
}

}  // namespace boreal::backup
