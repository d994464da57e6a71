// Pages of listings over the index. They cost what they return: a group is passed over with one seek. All block
// (they read the store), so they run on the pool.
#pragma once

#include "objects/objects.h"
#include "store/store.h"

namespace boreal::objects {

Result<ListPage> list_current(const store::Store& store, const store::Snapshot& at, const ListQuery& query);
Result<ListVersionsPage> list_all_versions(const store::Store& store, const store::Snapshot& at,
                                           const ListVersionsQuery& query);
Result<ListUploadsPage> list_all_uploads(const store::Store& store, const store::Snapshot& at,
                                         const ListUploadsQuery& query);

}  // namespace boreal::objects
