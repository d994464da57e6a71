// What a store cannot do without, done by hand: the floors that bench/objects and bench/s3 compare with.
// All of them on the file system that the measured store uses.
#pragma once

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "crypto/hash.h"
#include "io/file.h"
#include "objects/frames.h"

namespace boreal::bench {

inline double seconds_since(int64_t start_ns) { return static_cast<double>(monotonic_ns() - start_ns) / 1e9; }

template <class T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Threads append `bytes` each to one file, again and again; one fdatasync serves all that wait for it. Appends a
// second.
inline double log_appends_per_second(const io::Path& path, int threads, size_t bytes, int64_t round_ns) {
  auto file = need(io::File::open(path, io::File::Mode::write_new));
  std::mutex mutex;
  std::condition_variable synced;
  uint64_t appended = 0, durable = 0;
  bool syncing = false;
  const std::string data(bytes, 'l');
  const auto start_ns = monotonic_ns();
  const auto work = [&] {
    std::unique_lock lock(mutex);
    while (monotonic_ns() < start_ns + round_ns) {
      need(file.append(as_bytes(data)));
      const uint64_t mine = ++appended;
      while (durable < mine) {
        if (syncing) {
          synced.wait(lock);
          continue;
        }
        syncing = true;
        const uint64_t reached = appended;
        lock.unlock();
        need(file.sync());
        lock.lock();
        durable = reached;
        syncing = false;
        synced.notify_all();
      }
    }
  };
  {
    std::vector<std::jthread> all;
    for (int i = 0; i < threads; ++i) all.emplace_back(work);
  }
  const double rate = static_cast<double>(durable) / seconds_since(start_ns);
  need(io::remove_file(path));
  return rate;
}

namespace detail {
inline objects::FrameCipher some_cipher() {
  const std::string key(objects::data_key_bytes, 'k');
  return need(objects::FrameCipher::make(as_bytes(key), {1, 1}));
}
inline constexpr size_t frames_a_write = 4;
inline MutableBytes frame_of(std::vector<std::byte>& sealed, size_t number) {
  const size_t size = objects::frame_bytes + objects::frame_overhead;
  return MutableBytes(sealed).subspan(number * size, size);
}
}  // namespace detail

// One large object: MD5 in a thread of its own beside AES-GCM, write and one fdatasync. `body` is a multiple of 256
// KiB.
inline double put_mib_per_second(const io::Path& path, const std::string& body) {
  using namespace objects;
  const auto start_ns = monotonic_ns();
  {
    auto file = need(io::File::open(path, io::File::Mode::write_new));
    std::jthread hash([&] { (void)crypto::Md5::of(body); });
    auto cipher = detail::some_cipher();
    std::vector<std::byte> sealed(detail::frames_a_write * (frame_bytes + frame_overhead));
    for (size_t frame = 0; frame < body.size() / frame_bytes;) {
      for (size_t i = 0; i < detail::frames_a_write; ++i, ++frame) {
        need(cipher.seal(frame, as_bytes(body).subspan(frame * frame_bytes, frame_bytes), detail::frame_of(sealed, i)));
      }
      need(file.append(sealed));
    }
    need(file.sync());
  }
  const double seconds = seconds_since(start_ns);
  need(io::remove_file(path));
  return static_cast<double>(body.size() >> 20) / seconds;
}

// AES-GCM of sealed frames in memory and one copy of what comes out, on one thread.
inline double open_mib_per_second(int64_t round_ns) {
  using namespace objects;
  constexpr size_t frames = 256;  // more than the caches hold
  auto cipher = detail::some_cipher();
  std::vector<std::byte> sealed(frames * (frame_bytes + frame_overhead)), plain(frame_bytes),
      sent(detail::frames_a_write * frame_bytes);
  for (size_t i = 0; i < frames; ++i) need(cipher.seal(i, plain, detail::frame_of(sealed, i)));
  const auto start_ns = monotonic_ns();
  uint64_t opened = 0;
  while (monotonic_ns() < start_ns + round_ns) {
    for (size_t i = 0; i < frames; ++i, ++opened) {
      need(cipher.open(i, detail::frame_of(sealed, i), plain));
      std::memcpy(sent.data() + i % detail::frames_a_write * frame_bytes, plain.data(), frame_bytes);
    }
  }
  return static_cast<double>(opened * frame_bytes >> 20) / seconds_since(start_ns);
}

}  // namespace boreal::bench
