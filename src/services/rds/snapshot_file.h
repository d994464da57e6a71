// A copy of a cluster's data in one encrypted file: AES-256-GCM frames of up to 1 MiB, each behind its length (4 bytes,
// big-endian). A frame's nonce is its number, and what it is bound to says whether it is the last, so that a file that
// was cut short, or put together otherwise, is not taken for whole. The key is one data key per file, which KMS opens.
#pragma once

#include <memory>
#include <string>

#include "aws/context.h"
#include "base/stream.h"
#include "crypto/aead.h"
#include "io/file.h"

namespace boreal::rds {

// Reads the source to its end; returns how many bytes it had. Durable when it returns; on an error nothing is left.
// Errc::cancelled as soon as `stopping`, which outlives it.
Task<Result<uint64_t>> write_snapshot_file(io::Pool& pool, io::Path path, crypto::SecretKey key, Source& source,
                                           const bool& stopping);

// What was written. Errors with Errc::corrupt when the file is not what was written, at the latest at its end.
Result<std::unique_ptr<Source>> open_snapshot_file(io::Pool& pool, const io::Path& path, crypto::SecretKey key);

}  // namespace boreal::rds
