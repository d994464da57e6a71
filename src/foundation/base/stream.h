// Data that does not fit in memory moves through Source and Sink; the awaited pull (or push) is the back-pressure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "base/task.h"

namespace boreal {

class Source {
 public:
  virtual ~Source() = default;
  // Fills up to buffer.size() bytes and returns how many; 0 at the end. After an error or the end, not called again.
  virtual Task<Result<size_t>> read(MutableBytes buffer) = 0;
  // Where reading takes the fewest steps: on another executor each read() goes there and back. Who reads much may go
  // there for as long as it reads. Null: here as well as anywhere.
  virtual Executor* home() const { return nullptr; }
  // How many bytes will come in all, when that is known.
  virtual std::optional<uint64_t> size() const { return std::nullopt; }

  // A source that has its bytes in memory may lend them instead of copying them: then lend() does what read() does, and
  // the bytes are good until the next call. Nothing at the end.
  virtual bool lends() const { return false; }
  virtual Task<Result<Bytes>> lend() { co_return fail(Errc::internal, "a source that does not lend was asked to"); }

  // A source whose bytes come in runs may hand the next run out, as a source that lends and may be read on one other
  // executor, wherever it is let go of: so the bytes need not pass the executor that they were found on. Null at the
  // end. This source outlives what it handed out.
  virtual bool detaches() const { return false; }
  virtual Task<Result<std::unique_ptr<Source>>> detach() {
    co_return fail(Errc::internal, "a source in one piece was asked for a run of it");
  }
};

class Sink {
 public:
  virtual ~Sink() = default;
  // Takes all of the data; returns when it may be reused.
  virtual Task<Result<void>> write(Bytes data) = 0;
};

}  // namespace boreal
