// What a C++ type looks like, as data: one table for each generated API type and each stored record, so that
// a protocol is one walker over tables and not code per type (smaller and faster to compile, and as fast to
// run: docs/architecture.md has the measurement).
//
// Tables are static and constant. The C++ type of a value follows from its shape's kind:
//
//   boolean    bool                         list       std::vector<T>
//   integer    of `bytes` bytes, signed?    map        std::map<std::string, T>
//   number     float or double (`bytes`)    structure  a struct with the `fields`
//   string     std::string                  union_     the same, at most one member is there
//   blob       Blob                         document   Document
//   timestamp  Time                         stream     std::unique_ptr<Source>
//   duration   Duration
//
// A member that need not be there is a std::optional of its type (Field::optional is set), lists and maps
// too: on the wire "absent" and "empty" differ. Streams are pointers and null when absent.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/clock.h"
#include "base/stream.h"

namespace boreal::codec {

// Bytes that need not be text; base64 in JSON and XML.
struct Blob {
  std::string bytes;
  bool operator==(const Blob&) const = default;
};

// Any JSON value, kept as its text.
struct Document {
  std::string json;
  bool operator==(const Document&) const = default;
};

enum class Kind : uint8_t {
  boolean,
  integer,
  number,
  string,
  blob,
  timestamp,
  duration,
  list,
  map,
  structure,
  union_,
  document,
  stream,
};

enum class TimestampFormat : uint8_t {
  protocol_default,
  iso8601,       // 2026-11-22T15:50:00.123Z
  unix_seconds,  // 1795362600.123
  http_date,     // Sun, 22 Nov 2026 15:50:00 GMT (RFC 9110)
};

// Where a member travels.
enum class Location : uint8_t { body, header, headers, query, uri, status_code };

// What a value must be besides of its type. Counts are bytes for blobs, characters (code points) for strings,
// items for lists and maps; for integers and numbers min and max bound the value itself.
struct Constraints {
  int64_t min = std::numeric_limits<int64_t>::min();
  int64_t max = std::numeric_limits<int64_t>::max();
  std::span<const std::string_view> values = {};  // the enum's; empty: any
  std::string_view pattern = {};                  // an ECMAScript-like regular expression, as the model tells it
};

struct Shape;

// How to reach into a std::optional<T>, std::vector<T>, std::map<std::string, T> of unknown T. Pointers to elements
// are good until the container changes.
struct OptionalOps {
  void* (*get)(void* optional);      // null when empty
  void* (*emplace)(void* optional);  // a default T; what was there is gone
};
struct ListOps {
  size_t (*size)(const void* list);
  void* (*at)(void* list, size_t index);
  void* (*append)(void* list);  // a default T at the end
};
struct MapOps {
  size_t (*size)(const void* map);
  void* (*insert)(void* map, std::string_view key);  // a default T; replaces one that is there
  void (*each)(void* map, void* context, void (*visit)(void* context, const std::string& key, void* value));
};

struct Field {
  std::string_view name;         // the C++ member: "db_cluster_identifier"
  std::string_view member_name;  // the API's word: "DBClusterIdentifier"; records: as `name`
  std::string_view wire_name;    // in JSON, XML, query, headers …: mostly the member name
  const Shape* shape;
  size_t offset;
  const OptionalOps* optional = nullptr;  // null: the member is a plain T
  bool required = false;
  Location location = Location::body;
  bool payload = false;    // the member is the whole body
  bool flattened = false;  // list or map without an element around its items
  bool xml_attribute = false;
  bool xml_text = false;           // the element's own text, beside which nothing stands
  bool idempotency_token = false;  // the service makes one up when the client sent none
  bool sensitive = false;          // never logged
  TimestampFormat timestamp_format = TimestampFormat::protocol_default;
  std::string_view query_name = {};     // EC2's name in requests; empty: the wire name
  std::string_view xml_namespace = {};  // URI for the element, with xml_prefix when that is not empty
  std::string_view xml_prefix = {};
};

struct Shape {
  Kind kind;
  std::string_view name;  // "DBCluster"
  uint8_t bytes = 0;      // integer, number: their size
  bool is_signed = true;  // integer
  bool sensitive = false;
  bool flattened = false;  // list, map: always without an element around the items
  TimestampFormat timestamp_format = TimestampFormat::protocol_default;
  std::span<const Field> fields = {};  // structure, union_
  const Shape* element = nullptr;      // list: items, map: values
  const Shape* key = nullptr;          // map: of strings; may be null
  std::string_view element_name = {};  // XML and query: name of a list's items ("member"), of a map's values ("value")
  std::string_view key_name = {};      // XML and query: name of a map's keys ("key")
  std::string_view xml_name = {};      // structure: the root element's name when it is not the shape's
  std::string_view xml_namespace = {};
  const ListOps* list = nullptr;
  const MapOps* map = nullptr;
  const Constraints* constraints = nullptr;

  const Field* find(std::string_view wire_name) const {
    for (const Field& field : fields) {
      if (field.wire_name == wire_name) return &field;
    }
    return nullptr;
  }
};

// The value of a member, or null when it is an empty optional. `object` is a struct of `field`'s shape.
inline const void* member(const Field& field, const void* object) {
  void* at = static_cast<std::byte*>(const_cast<void*>(object)) + field.offset;
  return field.optional ? field.optional->get(at) : at;
}
// The same for writing: an empty optional gets a default value first.
inline void* make_member(const Field& field, void* object) {
  void* at = static_cast<std::byte*>(object) + field.offset;
  return field.optional ? field.optional->emplace(at) : at;
}

// An integer of any width. uint64_t values from 2^63 on are handed over as the negative number with the same bits.
int64_t get_integer(const Shape& shape, const void* value);
// False when it does not fit the width.
[[nodiscard]] bool set_integer(const Shape& shape, void* value, int64_t number);
double get_number(const Shape& shape, const void* value);
void set_number(const Shape& shape, void* value, double number);

template <class F>
void each_entry(const Shape& shape, const void* map, F&& visit) {  // visit(const std::string& key, const void* value)
  shape.map->each(const_cast<void*>(map), &visit, [](void* context, const std::string& key, void* value) {
    (*static_cast<std::remove_reference_t<F>*>(context))(key, static_cast<const void*>(value));
  });
}
inline size_t list_size(const Shape& shape, const void* list) { return shape.list->size(list); }
inline const void* list_at(const Shape& shape, const void* list, size_t index) {
  return shape.list->at(const_cast<void*>(list), index);
}

template <class T>
inline constexpr OptionalOps optional_ops = {
    [](void* o) -> void* {
      auto& optional = *static_cast<std::optional<T>*>(o);
      return optional ? &*optional : nullptr;
    },
    [](void* o) -> void* { return &static_cast<std::optional<T>*>(o)->emplace(); }};

template <class T>
inline constexpr ListOps list_ops = {[](const void* l) { return static_cast<const std::vector<T>*>(l)->size(); },
                                     [](void* l, size_t i) -> void* { return &(*static_cast<std::vector<T>*>(l))[i]; },
                                     [](void* l) -> void* { return &static_cast<std::vector<T>*>(l)->emplace_back(); }};

template <class T>
inline constexpr MapOps map_ops = {
    [](const void* m) { return static_cast<const std::map<std::string, T>*>(m)->size(); },
    [](void* m, std::string_view key) -> void* {
      return &static_cast<std::map<std::string, T>*>(m)->insert_or_assign(std::string(key), T()).first->second;
    },
    [](void* m, void* context, void (*visit)(void*, const std::string&, void*)) {
      for (auto& [key, value] : *static_cast<std::map<std::string, T>*>(m)) visit(context, key, &value);
    }};

// A struct with a table of its own: generated types and BOREAL_RECORD's.
template <class T>
concept Described = requires {
  { T::codec_shape() } -> std::same_as<const Shape&>;
};

namespace detail {
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_string_map = false;
template <class T>
inline constexpr bool is_string_map<std::map<std::string, T>> = true;
template <class T>
inline constexpr bool not_supported = false;

template <class T>
inline constexpr Shape scalar_shape = [] {
  if constexpr (std::is_same_v<T, bool>)
    return Shape{.kind = Kind::boolean, .name = "boolean"};
  else if constexpr (std::is_integral_v<T>)
    return Shape{.kind = Kind::integer, .name = "integer", .bytes = sizeof(T), .is_signed = std::is_signed_v<T>};
  else if constexpr (std::is_floating_point_v<T>)
    return Shape{.kind = Kind::number, .name = "number", .bytes = sizeof(T)};
  else if constexpr (std::is_same_v<T, std::string>)
    return Shape{.kind = Kind::string, .name = "string"};
  else if constexpr (std::is_same_v<T, Blob>)
    return Shape{.kind = Kind::blob, .name = "blob"};
  else if constexpr (std::is_same_v<T, Time>)
    return Shape{.kind = Kind::timestamp, .name = "timestamp"};
  else if constexpr (std::is_same_v<T, Duration>)
    return Shape{.kind = Kind::duration, .name = "duration"};
  else if constexpr (std::is_same_v<T, Document>)
    return Shape{.kind = Kind::document, .name = "document"};
  else if constexpr (std::is_same_v<T, std::unique_ptr<Source>>)
    return Shape{.kind = Kind::stream, .name = "stream"};
  else
    static_assert(not_supported<T>,
                  "this type has no shape: see the list at the head of codec/shape.h and store/record.h");
}();
}  // namespace detail

// The table of a type. Types that contain themselves are not supported.
template <class T>
const Shape& shape_of() {
  if constexpr (Described<T>) {
    return T::codec_shape();
  } else if constexpr (detail::is_vector<T>) {
    using Item = typename T::value_type;
    static_assert(!std::is_same_v<Item, bool>, "std::vector<bool> has no addressable items");
    static const Shape shape{.kind = Kind::list,
                             .name = "list",
                             .element = &shape_of<Item>(),
                             .element_name = "member",
                             .list = &list_ops<Item>};
    return shape;
  } else if constexpr (detail::is_string_map<T>) {
    using Item = typename T::mapped_type;
    static const Shape shape{.kind = Kind::map,
                             .name = "map",
                             .element = &shape_of<Item>(),
                             .element_name = "value",
                             .key_name = "key",
                             .map = &map_ops<Item>};
    return shape;
  } else {
    return detail::scalar_shape<T>;
  }
}

// A row for the member of a record.
template <class T>
Field record_field(std::string_view name, size_t offset) {
  Field field{.name = name, .member_name = name, .wire_name = name, .shape = nullptr, .offset = offset};
  if constexpr (detail::is_optional<T>) {
    field.shape = &shape_of<typename T::value_type>();
    field.optional = &optional_ops<typename T::value_type>;
  } else {
    field.shape = &shape_of<T>();
    field.required = true;
  }
  return field;
}

}  // namespace boreal::codec
