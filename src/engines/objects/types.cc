#include "objects/types.h"

#include <fmt/format.h>

#include <charconv>

namespace boreal::objects {

std::string Id::bytes() const {
  std::string out;
  out.reserve(16);
  put_be64(out, order);
  put_be64(out, salt);
  return out;
}

std::string Id::text() const { return fmt::format("{:016x}{:016x}", order, salt); }

Id Id::from_bytes(std::string_view bytes) { return {get_be64(bytes), get_be64(bytes.substr(8))}; }

std::optional<Id> Id::parse(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  Id id;
  for (const auto& [digits, number] : {std::pair{text.substr(0, 16), &id.order}, {text.substr(16), &id.salt}}) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + 16, *number, 16);
    if (error != std::errc() || end != digits.data() + 16) return std::nullopt;
  }
  // One text for each id: upper-case digits would make a second one.
  if (id.text() != text) return std::nullopt;
  return id;
}

}  // namespace boreal::objects
