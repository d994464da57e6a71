// How a C++ struct becomes a stored value and back: JSON with the member names, so that records can be
// read by people, and members may be added (missing ones keep their default) or dropped (unknown ones
// are ignored). A record says what it holds in one line:
//
//   struct Alias {
//     std::string name;
//     std::string key_id;
//     Time created;
//     BOREAL_RECORD(Alias, name, key_id, created)
//   };
//
//   std::string value = store::encode(alias);
//   TRY(auto alias, store::decode<Alias>(value));
//
// Members may be bool, integers, double, std::string (any bytes that are valid UTF-8), Blob (any bytes),
// Time, Duration, other records, and std::optional, std::vector, std::map<std::string, T> of these.
// Generated API types (api/…) may be members too, as far as they hold no stream.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json_shape.h"
#include "codec/shape.h"

namespace boreal::store {

using Blob = codec::Blob;

template <codec::Described T>
std::string encode(const T& record) {
  return codec::write_json(T::codec_shape(), &record, codec::JsonStyle::record());
}

// Errc::corrupt when the text is not JSON, or a member has another type than the struct's.
template <codec::Described T>
Result<T> decode(std::string_view text) {
  T record{};
  if (auto read = codec::read_json(T::codec_shape(), &record, text, codec::JsonStyle::record()); !read) {
    return fail(Errc::corrupt, std::string(T::codec_shape().name) + ": " + read.error().message());
  }
  return record;
}

}  // namespace boreal::store

#define BOREAL_RECORD_EXPAND(...) \
  BOREAL_RECORD_EXPAND3(BOREAL_RECORD_EXPAND3(BOREAL_RECORD_EXPAND3(BOREAL_RECORD_EXPAND3(__VA_ARGS__))))
#define BOREAL_RECORD_EXPAND3(...) \
  BOREAL_RECORD_EXPAND2(BOREAL_RECORD_EXPAND2(BOREAL_RECORD_EXPAND2(BOREAL_RECORD_EXPAND2(__VA_ARGS__))))
#define BOREAL_RECORD_EXPAND2(...) \
  BOREAL_RECORD_EXPAND1(BOREAL_RECORD_EXPAND1(BOREAL_RECORD_EXPAND1(BOREAL_RECORD_EXPAND1(__VA_ARGS__))))
#define BOREAL_RECORD_EXPAND1(...) __VA_ARGS__
#define BOREAL_RECORD_PARENS ()
#define BOREAL_RECORD_FIELD(type, member) \
  ::boreal::codec::record_field<decltype(type::member)>(#member, offsetof(type, member)),
#define BOREAL_RECORD_EACH(type, member, ...) \
  BOREAL_RECORD_FIELD(type, member)           \
  __VA_OPT__(BOREAL_RECORD_AGAIN BOREAL_RECORD_PARENS(type, __VA_ARGS__))
#define BOREAL_RECORD_AGAIN() BOREAL_RECORD_EACH

// Stands inside the struct, after its members. The struct stays an aggregate.
// offsetof of a type that is not standard-layout is conditionally supported; clang and GCC both do it.
#define BOREAL_RECORD(type, ...)                                                                                  \
  static const ::boreal::codec::Shape& codec_shape() {                                                            \
    _Pragma("GCC diagnostic push")                                                                                \
        _Pragma("GCC diagnostic ignored \"-Winvalid-offsetof\"") static const ::boreal::codec::Field fields[] = { \
            BOREAL_RECORD_EXPAND(BOREAL_RECORD_EACH(type, __VA_ARGS__))};                                         \
    static const ::boreal::codec::Shape shape{                                                                    \
        .kind = ::boreal::codec::Kind::structure, .name = #type, .fields = fields};                               \
    _Pragma("GCC diagnostic pop") return shape;                                                                   \
  }
