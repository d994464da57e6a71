// A bucket's current objects as AWS Backup keeps them: a run of records, each the length of its head (8 bytes,
// big-endian), the head as JSON, and the object's bytes. A backup comes from the disk, or from whoever has put one
// there: nothing in it is believed before it is looked at.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/stream.h"
#include "store/record.h"

namespace boreal::s3 {

// What is kept of an object besides its bytes.
struct RecoveredHead {
  store::Blob key;
  uint64_t size = 0;
  std::string storage_class;  // empty: the first of all
  std::map<std::string, store::Blob> headers;
  std::map<std::string, std::string> tags;
  BOREAL_RECORD(RecoveredHead, key, size, storage_class, headers, tags)
};

// With the length in front, as it lies in the stream. The object's bytes follow.
std::string frame_head(const RecoveredHead& head);

// Reads such a stream. Holds one head in memory (at most 1 MiB) and no bytes of objects. `data` outlives it.
class RecoveryReader {
 public:
  explicit RecoveryReader(Source& data) : body_(data) {}

  // The next object's head; nullopt when the stream ends where it may. Errc::corrupt for all else that is not a head of
  // an object that a bucket can hold. The body of the one before has been read to its end, else Errc::conflict.
  Task<Result<std::optional<RecoveredHead>>> next();
  // That object's bytes, as many as its head says: Errc::corrupt when the stream ends before.
  Source& body() { return body_; }

 private:
  class Body final : public Source {
   public:
    explicit Body(Source& data) : data_(data) {}
    Task<Result<size_t>> read(MutableBytes buffer) override;
    std::optional<uint64_t> size() const override { return left_; }
    // Fills the buffer; false when the stream had ended before its first byte.
    Task<Result<bool>> fill(MutableBytes buffer);
    void begin(uint64_t size) { left_ = size; }
    uint64_t left() const { return left_; }

   private:
    Source& data_;
    uint64_t left_ = 0;
  };
  Body body_;
};

}  // namespace boreal::s3
