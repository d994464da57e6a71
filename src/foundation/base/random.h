// Chance. One source, handed in, so that a test or a simulation can seed it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <string_view>

namespace boreal {

// Thread rule: all members may be called from any thread.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;

  std::string bytes(size_t count);
  uint64_t u64();
  // Uniform in [0, bound); bound > 0.
  uint64_t below(uint64_t bound);
  // Uniform picks from the alphabet: ids, suffixes, passwords.
  std::string pick(std::string_view alphabet, size_t count);
  std::string hex(size_t digits) { return pick("0123456789abcdef", digits); }
  std::string uuid();  // version 4, lower case
};

// The kernel's generator; fit for keys.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
};

// The same sequence for the same seed. Tests and simulations only.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::byte> out) override;

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

}  // namespace boreal
