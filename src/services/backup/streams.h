// What stands between an engine's bytes and where they are kept.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "backup/resources.h"
#include "base/clock.h"
#include "base/stream.h"
#include "crypto/hash.h"
#include "io/pool.h"

namespace boreal::backup {

// How far a job is, and whether it is to end.
struct Progress {
  uint64_t bytes = 0;
  bool has_turn = false;     // what is to be ended is ended by who moves the bytes
  bool stop = false;         // the next read ends with Errc::cancelled
  Time start_by{INT64_MAX};  // of a job that waits for its turn
  bool is_late = false;      // start_by has passed: it is not to begin any more
  Time complete_by{INT64_MAX};
  Place place;
  bool is_restore = false;
  std::function<void()> on_end;  // called once, when all bytes have passed
};

// Counts what passes, and ends the stream when the job is to end. After complete_by: Errc::timeout.
class CountedSource final : public Source {
 public:
  CountedSource(std::unique_ptr<Source> from, std::shared_ptr<Progress> progress, const Clock& clock)
      : from_(std::move(from)), progress_(std::move(progress)), clock_(clock) {}
  Task<Result<size_t>> read(MutableBytes buffer) override;
  std::optional<uint64_t> size() const override { return from_->size(); }

 private:
  std::unique_ptr<Source> from_;
  std::shared_ptr<Progress> progress_;  // the service's too: it asks how far the job is, and stops it
  const Clock& clock_;
};

// Whether a stream was, to its last byte, what was stored.
struct Verdict {
  bool verified = false;
};

// Lets bytes through while they add up to what was promised; the last ones only when the digest of all is right.
// Anything else ends it with Errc::corrupt.
class VerifiedSource final : public Source {
 public:
  // `sha256` in hex. An empty stream is judged here and now.
  VerifiedSource(std::unique_ptr<Source> from, uint64_t size, std::string sha256, std::shared_ptr<Verdict> verdict,
                 io::Pool& pool);
  Task<Result<size_t>> read(MutableBytes buffer) override;
  std::optional<uint64_t> size() const override { return size_; }

 private:
  Result<void> judge();

  std::unique_ptr<Source> from_;
  const uint64_t size_;
  const std::string sha256_;
  std::shared_ptr<Verdict> verdict_;  // outlives this: whoever restores asks after the engine let the stream go
  io::Pool& pool_;
  uint64_t passed_ = 0;
  crypto::Sha256 hash_;
};

}  // namespace boreal::backup
