// The body of run_blocking(), apart so that task.h stays readable.
#pragma once

#include <semaphore>

#include "base/task.h"

namespace boreal {

template <class T>
T run_blocking(Task<T> task) {
  std::binary_semaphore finished(0);
  if constexpr (std::is_void_v<T>) {
    spawn(std::move(task), [&] { finished.release(); });
    finished.acquire();
  } else {
    std::optional<T> value;
    spawn(std::move(task), [&](T result) {
      value.emplace(std::move(result));
      finished.release();
    });
    finished.acquire();
    return std::move(*value);
  }
}

}  // namespace boreal
