#include <memory>

#include "base/sync.h"
#include "net/stream.h"

namespace boreal::net {

namespace {

constexpr size_t buffer_bytes = 64 << 10;

Task<Result<void>> pump(Stream& from, Stream& to, Duration linger) {
  for (;;) {
    CO_CHECK(co_await from.readable());
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
    CO_TRY(const size_t count, co_await from.read_some({buffer.get(), buffer_bytes}));
    if (count == 0) break;
    CO_CHECK(co_await to.write(Bytes(buffer.get(), count)));
  }
  to.shutdown_write();
  if (linger > Duration(0)) to.expire_after(linger);
  co_return Result<void>{};
}

Task<void> pump_or_close(Stream& from, Stream& to, Duration linger) {
  const auto moved = co_await pump(from, to, linger);
  if (moved) co_return;
  // Half a conversation is of no use to anybody: the other direction ends as well.
  from.close();
  to.close();
}

}  // namespace

Task<void> relay(Stream& client, Stream& server, Duration linger) {
  TaskGroup both;
  both.spawn(pump_or_close(client, server, Duration(0)));
  both.spawn(pump_or_close(server, client, linger));
  co_await both.wait();
}

}  // namespace boreal::net
