// Blobs by id: where the bytes of large objects lie. Local files today (file_blobs.h), another store of
// immutable byte strings tomorrow: nothing above this interface may assume files. What is stored here is
// encrypted already, and checked by who reads it.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "objects/types.h"

namespace boreal::objects {

// Writes one new blob, front to back. Dropped unfinished, the blob may be left over, in part: its id must be
// on record, so that a sweep removes it.
// Thread rule: calls block, so they are made on a pool's thread; one at a time.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  virtual Result<void> append(Bytes data) = 0;
  // Returns when the whole blob is durable under its id. An error is final: the blob is to be removed.
  virtual Result<void> finish() = 0;
};

// Thread rule: one call at a time, on a pool's thread since they block, but for read_cached_at(). May outlive its
// Blobs.
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  // Fills the buffer. Errc::corrupt when the blob ends before that.
  virtual Result<void> read_at(uint64_t offset, MutableBytes out) = 0;
  // Fills the buffer if that can be done at once, on any thread. False: it cannot, use read_at().
  virtual Result<bool> read_cached_at(uint64_t offset, MutableBytes out) = 0;
  virtual Result<uint64_t> size() = 0;
};

// Thread rule: all calls on the executor of the caller; work that blocks goes elsewhere inside.
class Blobs {
 public:
  virtual ~Blobs() = default;
  virtual Task<Result<std::unique_ptr<BlobWriter>>> create(BlobId id, std::string tier) = 0;
  // If there is none the first read tells, with Errc::corrupt: whoever asks has it from the index.
  virtual Task<Result<std::unique_ptr<BlobReader>>> open(BlobId id, std::string tier) = 0;
  // Fine if there is none.
  virtual Task<Result<void>> remove(BlobId id, std::string tier) = 0;
  struct Place {
    BlobId id;
    std::string tier;
  };
  // The same of many, for which the disk is waited for less often. After an error any of them may be there or not.
  virtual Task<Result<void>> remove_all(std::vector<Place> blobs, std::stop_token stop) = 0;
};

}  // namespace boreal::objects
