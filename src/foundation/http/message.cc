#include "http/message.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace boreal::http {

namespace {
// So that the headers of most messages are allocated once.
constexpr size_t usual_bytes = 480;
constexpr size_t usual_fields = 12;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
}  // namespace

bool equals_ignore_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

Headers::Span Headers::append(std::string_view name, std::string_view value) {
  const size_t at = text_.size();
  const size_t needed = at + name.size() + value.size();
  if (needed > std::numeric_limits<uint32_t>::max()) throw std::length_error("headers of more than 4 GiB");
  std::string replaced;  // keeps the old text until both are copied: they may lie in it
  if (text_.capacity() < needed) {
    std::string grown;
    grown.reserve(std::max({needed, 2 * text_.capacity(), usual_bytes}));
    grown += text_;
    replaced = std::exchange(text_, std::move(grown));
  }
  text_ += name;
  text_ += value;
  return {.name_at = static_cast<uint32_t>(at),
          .name_size = static_cast<uint32_t>(name.size()),
          .value_at = static_cast<uint32_t>(at + name.size()),
          .value_size = static_cast<uint32_t>(value.size())};
}

void Headers::push(Span span) {
  if (spans_.capacity() == 0) spans_.reserve(usual_fields);
  spans_.push_back(span);
}

void Headers::add(std::string_view name, std::string_view value) { push(append(name, value)); }

void Headers::set(std::string_view name, std::string_view value) {
  const auto span = append(name, value);
  const std::string_view kept(text_.data() + span.name_at, span.name_size);
  bool placed = false;
  std::erase_if(spans_, [&](Span& old) {
    if (!equals_ignore_case({text_.data() + old.name_at, old.name_size}, kept)) return false;
    if (placed) return true;
    old = span;
    placed = true;
    return false;
  });
  if (!placed) push(span);
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const Span& span : spans_) {
    if (span.name_size != name.size()) continue;
    if (equals_ignore_case({text_.data() + span.name_at, span.name_size}, name)) {
      return std::string_view(text_.data() + span.value_at, span.value_size);
    }
  }
  return std::nullopt;
}

size_t Headers::count(std::string_view name) const {
  size_t found = 0;
  for (const auto [field, value] : *this) found += equals_ignore_case(field, name) ? 1 : 0;
  return found;
}

Headers::Field Headers::operator[](size_t index) const {
  const Span& span = spans_[index];
  return {{text_.data() + span.name_at, span.name_size}, {text_.data() + span.value_at, span.value_size}};
}

void Headers::clear() {
  text_.clear();
  spans_.clear();
}

void Headers::reserve(size_t fields, size_t bytes) {
  spans_.reserve(fields);
  text_.reserve(bytes);
}

}  // namespace boreal::http
