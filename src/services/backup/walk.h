// Records of which there may be many: the jobs of a month, the recovery points of years.
#pragma once

#include <string>

#include "aws/context.h"
#include "backup/resources.h"

namespace boreal::backup {

// Hands each record under the prefix to `each`, on the pool: the loop goes on meanwhile. What `each` refers to must
// live until then. Sees what is committed. One that cannot be decoded costs only itself: it is told in the log and
// passed over.
template <class Record, class Each>
Task<Result<void>> walk(const aws::ServiceContext& context, Place place, std::string prefix, Each each) {
  const store::Store& store = context.catalog.store();
  co_return co_await context.pool.run([&]() -> Result<void> {
    for (const auto cursor = store.scan(place.partition(), prefix);; cursor->next()) {
      if (!cursor->valid()) return cursor->status();
      if (auto record = store::decode<Record>(cursor->value())) {
        each(std::move(*record));
      } else {
        tell_damaged(place.partition() + "/" + std::string(cursor->key()), record.error());
      }
    }
  });
}

}  // namespace boreal::backup
