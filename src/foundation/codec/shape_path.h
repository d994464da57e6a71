// Where in an input a reader of shaped values is, and which members it has seen. Shared by the readers of all forms.
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/shape.h"

namespace boreal::codec {

// A chain on the stack; costs nothing until someone wants to read it.
struct Path {
  const Path* parent = nullptr;
  std::string_view name = {};  // of a member, or the key of a map's entry
  size_t item = 0;             // or the place in a list, from 1
  bool is_entry = false;       // `name` is a key

  // As error messages write places: "tags.3.member.key", with a small first letter; "" at the root.
  std::string text() const;

  Path member(const Field& field) const { return {this, field.member_name}; }
  Path element(size_t from_zero) const { return {this, {}, from_zero + 1}; }
  Path entry(std::string_view key) const { return {.parent = this, .name = key, .is_entry = true}; }
};

// So many places of missing members are told of one input, which may lack hundreds of thousands.
inline constexpr size_t most_missing = 20;

// Which members of a structure came.
class Seen {
 public:
  static constexpr size_t max_fields = 512;
  explicit Seen(const Shape& shape) : shape_(shape) { assert(shape.fields.size() <= max_fields); }

  void add(const Field& field) { bits_[index(field) / 64] |= uint64_t{1} << index(field) % 64; }
  bool has(const Field& field) const { return bits_[index(field) / 64] >> index(field) % 64 & 1; }
  // Appends the places of required members that did not come, up to `most_missing` in all.
  void report_missing(const Path& path, std::vector<std::string>* missing) const;

 private:
  size_t index(const Field& field) const { return static_cast<size_t>(&field - shape_.fields.data()); }

  const Shape& shape_;
  std::array<uint64_t, max_fields / 64> bits_ = {};
};

}  // namespace boreal::codec
