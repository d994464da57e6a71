#include "net/stream.h"

namespace boreal::net {

Task<Result<void>> Stream::write(Bytes data) {
  const Bytes parts[] = {data};
  co_return co_await write(std::span(parts));
}

}  // namespace boreal::net
