// Files that somebody may still have open for a moment.
#pragma once

#include "aws/context.h"
#include "base/task.h"

namespace boreal::rds {

// `work` on the pool, again for two seconds while it fails with Errc::conflict: a process lets go of its files a moment
// after its end, and a child has what we have open until it runs its program.
template <class Work>
auto when_unused(const aws::ServiceContext& context, Work work) -> Task<std::invoke_result_t<Work&>> {
  constexpr int most_tries = 200;
  constexpr Duration pause{10};
  for (int tries = 1;; ++tries) {
    auto done = co_await context.pool.run([&] { return work(); });
    if (done || done.error().code() != Errc::conflict || tries == most_tries) co_return done;
    co_await context.loop.sleep(pause);
  }
}

}  // namespace boreal::rds
