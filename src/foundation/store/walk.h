// Long walks over a partition, in steps that let others run in between.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/resume_on.h"
#include "store/transaction.h"

namespace boreal::store {

// Records with a prefix, in the order of their keys, as they are when the walk comes to them.
//
//   store::Walk walk(catalog, partition, "key/");
//   while (true) {
//     CO_TRY(const bool there, co_await walk.next());
//     if (!there) break;
//     … walk.key(), walk.value() …
//   }
//
// Thread rule: the catalog's executor.
class Walk {
 public:
  static constexpr size_t step = 256;  // records between two turns of the others

  // `from`: a full key, inclusive; empty: the first with the prefix.
  Walk(const Catalog& catalog, std::string partition, std::string prefix, std::string from = {})
      : catalog_(catalog), partition_(std::move(partition)), prefix_(std::move(prefix)), from_(std::move(from)) {}

  // To the next record; false: there is none.
  Task<Result<bool>> next() {
    if (at_ + 1 < items_.size()) {
      ++at_;
      co_return true;
    }
    if (ends_) co_return false;
    if (!items_.empty()) co_await let_others_run();
    CO_TRY(items_, catalog_.scan(partition_, prefix_, step, from_));
    at_ = 0;
    ends_ = items_.size() < step;
    if (items_.empty()) co_return false;
    from_ = items_.back().first + '\0';
    co_return true;
  }
  // Good until the next step.
  const std::string& key() const { return items_[at_].first; }
  const std::string& value() const { return items_[at_].second; }

 private:
  const Catalog& catalog_;
  std::string partition_;
  std::string prefix_;
  std::string from_;  // where the next step begins
  std::vector<std::pair<std::string, std::string>> items_;
  size_t at_ = 0;
  bool ends_ = false;  // with these items
};

}  // namespace boreal::store
