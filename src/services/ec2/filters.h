// What the Describe operations have in common: named ids, filters, pages.
// Source: EC2 User Guide, "Filter using the API": names and values are compared with case, a filter fits when any of
// its values does, all filters must fit, '*' and '?' in a value are wildcards, a backslash before them takes that away.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/ec2/types.h"
#include "aws/arn.h"
#include "base/clock.h"
#include "base/resume_on.h"
#include "base/task.h"
#include "ec2/resources.h"

namespace boreal::ec2 {

namespace api = ::boreal::api::ec2;

using Filters = std::optional<std::vector<api::Filter>>;

// What the filters of a resource see, by filter name. Every filter that the resource knows is a key, with no value
// where the resource has none.
using Attributes = std::map<std::string, std::vector<std::string>, std::less<>>;

inline std::string to_text(bool value) { return value ? "true" : "false"; }

// "tag-key" and "tag:KEY".
void add_tags(Attributes& attributes, const Tags& tags);

// The filters of a call, made ready to be held against many resources.
class Selection {
 public:
  // `known` is of any resource of the kind. InvalidParameterValue for a filter that is not among them,
  // FilterLimitExceeded.
  static aws::Outcome<Selection> of(const Filters& filters, const Attributes& known);
  bool holds(const Attributes& attributes) const;

 private:
  struct Part {
    std::string name;
    std::vector<aws::Glob> patterns;
  };
  std::vector<Part> parts_;
};

// The same for a single resource.
aws::Outcome<bool> matches(const Filters& filters, const Attributes& attributes);

// Of what may take long: everybody waits for who keeps the loop.
//   if (turn.is_over()) co_await turn.begin_next();
class Turn {
 public:
  bool is_over() const { return monotonic_ns() - began_ns_ > max_ns; }
  Task<void> begin_next() {
    co_await let_others_run();
    began_ns_ = monotonic_ns();
  }

 private:
  static constexpr int64_t max_ns = 5'000'000;
  int64_t began_ns_ = monotonic_ns();
};

using Ids = std::optional<std::vector<std::string>>;

// The records that the ids name, which must all be there; without any, all. In the order of their ids.
template <class R>
Task<aws::Outcome<std::vector<R>>> find_named(const View& view, const Ids& ids) {
  Turn turn;
  std::vector<R> records;
  if (!ids || ids->empty()) {
    CO_TRY(const auto rows, view.scan(R::prefix));
    for (const auto& [key, text] : rows) {
      if (turn.is_over()) co_await turn.begin_next();
      CO_TRY(auto record, store::decode<R>(text));
      records.push_back(std::move(record));
    }
    co_return records;
  }
  for (const std::string& id : std::set(ids->begin(), ids->end())) {
    if (turn.is_over()) co_await turn.begin_next();
    CO_TRY(auto record, view.need<R>(id));
    records.push_back(std::move(record));
  }
  co_return records;
}

// Those of them that the filters let through; `attributes` makes a record's. Also refuses unknown filters where there
// is no record.
template <class R, class F>
Task<aws::Outcome<std::vector<R>>> select(const View& view, const Ids& ids, const Filters& filters, F attributes) {
  CO_TRY(const Selection selection, Selection::of(filters, attributes(R{})));
  CO_TRY(auto records, co_await find_named<R>(view, ids));
  Turn turn;
  std::vector<R> chosen;
  for (R& record : records) {
    if (turn.is_over()) co_await turn.begin_next();
    if (selection.holds(attributes(record))) chosen.push_back(std::move(record));
  }
  co_return chosen;
}

std::string encode_token(std::string_view last_id);
aws::Outcome<std::string> decode_token(const std::optional<std::string>& token);  // InvalidNextToken

// Leaves in `items`, which are sorted by `id`, what comes after the token, at most `max_results`; answers the token of
// the next page, nullopt on the last.
template <class T, class Id>
aws::Outcome<std::optional<std::string>> cut_page(std::vector<T>& items, const std::optional<int32_t>& max_results,
                                                  const std::optional<std::string>& token, Id id) {
  TRY(const std::string after, decode_token(token));
  if (!after.empty()) std::erase_if(items, [&](const T& item) { return std::invoke(id, item) <= after; });
  const size_t limit = static_cast<size_t>(std::max(1, max_results.value_or(1000)));
  if (items.size() <= limit) return std::optional<std::string>();
  items.resize(limit);
  return std::optional(encode_token(std::invoke(id, items.back())));
}

// Shows each of the records.
template <class R, class F>
auto show_all(const std::vector<R>& records, F show) {
  std::vector<decltype(show(records.front()))> shown;
  for (const R& record : records) shown.push_back(show(record));
  return shown;
}

}  // namespace boreal::ec2
