#include "crypto/xxhash.h"

#include <xxhash.h>

#include <new>
#include <variant>

namespace boreal::crypto {

namespace {

struct Free {
  void operator()(XXH64_state_t* state) const { XXH64_freeState(state); }
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};
using State64 = std::unique_ptr<XXH64_state_t, Free>;
using State3 = std::unique_ptr<XXH3_state_t, Free>;

std::string text_of(const auto& canonical) {
  return {reinterpret_cast<const char*>(canonical.digest), sizeof canonical.digest};
}

std::string text_of_64(XXH64_hash_t hash) {
  XXH64_canonical_t canonical;
  XXH64_canonicalFromHash(&canonical, hash);
  return text_of(canonical);
}

}  // namespace

struct Xxhash::State {
  XxhashKind kind;
  std::variant<State64, State3> state;
};

Xxhash::Xxhash(XxhashKind kind) : state_(std::make_unique<State>(kind)) {
  if (kind == XxhashKind::xxh64) {
    auto& state = state_->state.emplace<State64>(XXH64_createState());
    if (!state) throw std::bad_alloc();
    XXH64_reset(state.get(), 0);
    return;
  }
  auto& state = state_->state.emplace<State3>(XXH3_createState());
  if (!state) throw std::bad_alloc();
  if (kind == XxhashKind::xxh3) {
    XXH3_64bits_reset(state.get());
  } else {
    XXH3_128bits_reset(state.get());
  }
}

Xxhash::Xxhash(Xxhash&&) noexcept = default;
Xxhash& Xxhash::operator=(Xxhash&&) noexcept = default;
Xxhash::~Xxhash() = default;

void Xxhash::update(Bytes bytes) {
  switch (state_->kind) {
    case XxhashKind::xxh64: XXH64_update(std::get<State64>(state_->state).get(), bytes.data(), bytes.size()); break;
    case XxhashKind::xxh3: XXH3_64bits_update(std::get<State3>(state_->state).get(), bytes.data(), bytes.size()); break;
    case XxhashKind::xxh128:
      XXH3_128bits_update(std::get<State3>(state_->state).get(), bytes.data(), bytes.size());
      break;
  }
}

std::string Xxhash::finish() const {
  if (state_->kind == XxhashKind::xxh64) return text_of_64(XXH64_digest(std::get<State64>(state_->state).get()));
  const XXH3_state_t* state = std::get<State3>(state_->state).get();
  if (state_->kind == XxhashKind::xxh3) return text_of_64(XXH3_64bits_digest(state));
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
  return text_of(canonical);
}

}  // namespace boreal::crypto
