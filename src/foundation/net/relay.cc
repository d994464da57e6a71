#include <memory>

#include "base/sync.h"
#include "net/stream.h"

namespace boreal::net {

namespace {

constexpr size_t buffer_bytes = 64 << 10;

Task<Result<void>> pump(Stream& from, Stream& to) {
  for (;;) {
    CO_CHECK(co_await from.readable());
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
    CO_TRY(const size_t count, co_await from.read_some({buffer.get(), buffer_bytes}));
    if (count == 0) break;
    CO_CHECK(co_await to.write(Bytes(buffer.get(), count)));
  }
  to.shutdown_write();
  co_return Result<void>{};
}

Task<void> pump_or_close(Stream& from, Stream& to) {
  const auto moved = co_await pump(from, to);
  if (moved) co_return;
  // Half a conversation is of no use to anybody: the other direction ends as well.
  from.close();
  to.close();
}

}  // namespace

Task<void> relay(Stream& a, Stream& b) {
  TaskGroup both;
  both.spawn(pump_or_close(a, b));
  both.spawn(pump_or_close(b, a));
  co_await both.wait();
}

}  // namespace boreal::net
