#include "base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace boreal {

std::string Random::bytes(size_t count) {
  std::string out(count, '\0');
  fill(std::as_writable_bytes(std::span(out)));
  return out;
}

uint64_t Random::u64() {
  uint64_t value = 0;
  fill(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

uint64_t Random::below(uint64_t bound) {
  // Values past the last whole multiple of bound would favour small results: draw again.
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  uint64_t value = u64();
  while (value >= limit) value = u64();
  return value % bound;
}

std::string Random::pick(std::string_view alphabet, size_t count) {
  std::string out;
  out.reserve(count);
  for (size_t i = 0; i < count; ++i) out += alphabet[below(alphabet.size())];
  return out;
}

// Every request has one: a single call to the generator, not one for each digit.
std::string Random::uuid() {
  std::array<std::byte, 16> bits;
  fill(bits);
  bits[6] = (bits[6] & std::byte{0x0f}) | std::byte{0x40};  // version 4
  bits[8] = (bits[8] & std::byte{0x3f}) | std::byte{0x80};  // RFC 9562's variant
  std::string id;
  id.reserve(36);
  for (size_t i = 0; i < bits.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) id += '-';
    id += "0123456789abcdef"[std::to_integer<unsigned>(bits[i]) >> 4];
    id += "0123456789abcdef"[std::to_integer<unsigned>(bits[i]) & 15];
  }
  return id;
}

namespace {

void ask_kernel(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();  // no randomness, no keys: nothing sensible can go on
    }
    out = out.subspan(static_cast<size_t>(got));
  }
}

// Asked for in larger pieces, since each call costs more than its bytes; each byte is given once and not kept.
class Stock {
 public:
  void take(std::span<std::byte> out) {
    if (out.size() > left_) {
      ask_kernel(bytes_);
      left_ = bytes_.size();
    }
    const auto taken = std::span(bytes_).subspan(bytes_.size() - left_, out.size());
    std::ranges::copy(taken, out.begin());
    explicit_bzero(taken.data(), taken.size());
    left_ -= out.size();
  }

  static constexpr size_t longest_taken = 64;

 private:
  std::array<std::byte, 1024> bytes_;
  size_t left_ = 0;
};

}  // namespace

void SystemRandom::fill(std::span<std::byte> out) {
  thread_local Stock stock;
  out.size() <= Stock::longest_taken ? stock.take(out) : ask_kernel(out);
}

void SeededRandom::fill(std::span<std::byte> out) {
  const std::lock_guard lock(mutex_);
  for (size_t at = 0; at < out.size(); at += 8) {
    const uint64_t word = engine_();
    std::memcpy(out.data() + at, &word, std::min<size_t>(8, out.size() - at));
  }
}

}  // namespace boreal
