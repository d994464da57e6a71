// Physical copies of a running server, and servers made from them. What works long in a `background` ends with it.
#pragma once

#include <memory>

#include "base/stream.h"
#include "postgres/background.h"
#include "postgres/instance.h"

namespace boreal::postgres {

// A consistent copy of the whole server as it is when the copy ends: a tar stream of its data directory with the WAL
// that it needs and a manifest of checksums. Taken online, from a primary or a standby; nothing of it touches the disk
// on its way, so that the caller may encrypt it. The end of the stream (0) comes only when the copy is whole; else the
// last read is an error. `from` may be gone once the call has begun; then the copy ends with an error.
// Servers with tablespaces outside their data directory cannot be copied this way: the stream fails.
Task<Result<std::unique_ptr<Source>>> open_backup(const Context& context, const Installation& installation,
                                                  Instance& from);

// Makes a data directory from such a stream: unpacked, every file checked against the manifest, durable.
// The folder that holds it must exist; `data` must not. On an error nothing is left there.
Task<Result<void>> restore_backup(const Context& context, const Installation& installation, Source& tar, io::Path data,
                                  Background* background);

// Makes a data directory for a standby (or a new cluster) from a running server; durable.
Task<Result<void>> clone_server(const Context& context, const Installation& installation, Instance& from, io::Path data,
                                Background* background);

// Brings the data directory of an old primary, which must not run, back to where `primary` branched off from it.
// An error means that a new clone is needed.
Task<Result<void>> rewind(const Context& context, const Installation& installation, Instance& primary, io::Path data,
                          Background* background);

}  // namespace boreal::postgres
