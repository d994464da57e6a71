// What a round over many things, each with a time of its own, comes to.
#pragma once

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

namespace boreal::aws {

// `next`: when the first of those seen so far is due. Of what fails the first error counts, and the rest is done all
// the same.
inline void add_due(Result<Time>& next, Result<Time> due) {
  if (next) next = due ? std::min(*next, *due) : std::move(due);
}

}  // namespace boreal::aws
