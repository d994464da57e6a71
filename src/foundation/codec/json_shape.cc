#include "codec/json_shape.h"

#include <cmath>

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/shape_path.h"
#include "codec/time.h"

namespace boreal::codec {

namespace {

class ShapeWriter {
 public:
  ShapeWriter(const JsonStyle& style, std::string& out) : style_(style), json_(out) {}

  void write(const Shape& shape, const void* value, TimestampFormat format) {
    switch (shape.kind) {
      case Kind::boolean: return json_.boolean(*static_cast<const bool*>(value));
      case Kind::integer: return write_integer(shape, value);
      case Kind::number: return json_.float64(get_number(shape, value));
      case Kind::string: return json_.string(*static_cast<const std::string*>(value));
      case Kind::blob: return json_.string(base64_encode(static_cast<const Blob*>(value)->bytes));
      case Kind::timestamp: return write_time(*static_cast<const Time*>(value), format);
      case Kind::duration: return json_.integer(static_cast<const Duration*>(value)->count());
      case Kind::document: return write_document(*static_cast<const Document*>(value));
      case Kind::list: return write_list(shape, value, format);
      case Kind::map: return write_map(shape, value, format);
      case Kind::structure:
      case Kind::union_: return write_structure(shape, value);
      case Kind::stream: return json_.null();
    }
  }

 private:
  void write_integer(const Shape& shape, const void* value) {
    const int64_t number = get_integer(shape, value);
    if (shape.is_signed || number >= 0) return json_.integer(number);
    json_.unsigned_integer(static_cast<uint64_t>(number));
  }

  void write_time(Time time, TimestampFormat format) {
    if (style_.timestamps_in_ms) return json_.integer(time.ms);
    if (format == TimestampFormat::protocol_default) format = style_.timestamps;
    switch (format) {
      case TimestampFormat::iso8601:
        return json_.string(format_iso8601(time, time.ms % 1000 ? Fraction::milliseconds : Fraction::none));
      case TimestampFormat::http_date: return json_.string(format_http_date(time));
      default: return json_.raw(format_epoch_seconds(time));
    }
  }

  void write_document(const Document& document) {
    if (document.json.empty()) return json_.null();
    json_.raw(document.json);
  }

  void write_list(const Shape& shape, const void* list, TimestampFormat format) {
    json_.begin_array();
    for (size_t i = 0; i < list_size(shape, list); ++i)
      write(*shape.element, list_at(shape, list, i), inherit(*shape.element, format));
    json_.end_array();
  }

  void write_map(const Shape& shape, const void* map, TimestampFormat format) {
    json_.begin_object();
    each_entry(shape, map, [&](const std::string& key, const void* value) {
      json_.name(key);
      write(*shape.element, value, inherit(*shape.element, format));
    });
    json_.end_object();
  }

  void write_structure(const Shape& shape, const void* object) {
    json_.begin_object();
    for (const Field& field : shape.fields) {
      if (field.shape->kind == Kind::stream) continue;
      if (style_.bodies_only && field.location != Location::body) continue;
      const void* value = member(field, object);
      if (value == nullptr) continue;
      json_.name(field.wire_name);
      write(*field.shape, value, inherit(*field.shape, field.timestamp_format));
    }
    json_.end_object();
  }

  static TimestampFormat inherit(const Shape& shape, TimestampFormat outer) {
    return outer != TimestampFormat::protocol_default ? outer : shape.timestamp_format;
  }

  const JsonStyle& style_;
  json::Writer json_;
};

class ShapeReader {
 public:
  ShapeReader(std::string_view text, const JsonStyle& style, std::vector<std::string>* missing)
      : json_(text), style_(style), missing_(missing) {}

  Result<void> read_all(const Shape& shape, void* value) {
    const Path root;
    CHECK(read(shape, value, root));
    return json_.finish();
  }

 private:
  Result<void> read(const Shape& shape, void* value, const Path& path) {
    switch (shape.kind) {
      case Kind::list: return read_list(shape, value, path);
      case Kind::map: return read_map(shape, value, path);
      case Kind::structure:
      case Kind::union_: return read_structure(shape, value, path);
      default: break;
    }
    return placed(read_scalar(shape, value), path);
  }

  static Result<void> placed(Result<void> result, const Path& path) {
    if (result) return result;
    const std::string place = path.text();
    if (place.empty()) return result;
    return std::unexpected(std::move(result).error().within(place));
  }

  Result<void> read_scalar(const Shape& shape, void* value) {
    switch (shape.kind) {
      case Kind::boolean: {
        TRY(*static_cast<bool*>(value), json_.boolean());
        return {};
      }
      case Kind::integer: return read_integer(shape, value);
      case Kind::number: return read_number(shape, value);
      case Kind::string: {
        TRY(*static_cast<std::string*>(value), json_.string());
        return {};
      }
      case Kind::blob: {
        TRY(auto text, json_.string());
        TRY(static_cast<Blob*>(value)->bytes, base64_decode(text));
        return {};
      }
      case Kind::timestamp: return read_time(*static_cast<Time*>(value));
      case Kind::duration: {
        TRY(auto ms, json_.integer());
        *static_cast<Duration*>(value) = Duration(ms);
        return {};
      }
      case Kind::document: {
        TRY(static_cast<Document*>(value)->json, json_.raw());
        return {};
      }
      default: return json_.skip();  // a stream never comes inside of JSON
    }
  }

  Result<void> read_integer(const Shape& shape, void* value) {
    if (!shape.is_signed && shape.bytes == 8) {
      TRY(auto number, json_.unsigned_integer());
      if (!set_integer(shape, value, static_cast<int64_t>(number))) return json_.error("a smaller number is expected");
      return {};
    }
    TRY(auto number, json_.integer());
    if (!set_integer(shape, value, number)) return json_.error("the number does not fit its type");
    return {};
  }

  Result<void> read_number(const Shape& shape, void* value) {
    TRY(auto kind, json_.peek());
    if (kind != json::Kind::string) {
      TRY(auto number, json_.float64());
      set_number(shape, value, number);
      return {};
    }
    TRY(auto text, json_.string());
    if (text == "NaN")
      set_number(shape, value, std::nan(""));
    else if (text == "Infinity")
      set_number(shape, value, HUGE_VAL);
    else if (text == "-Infinity")
      set_number(shape, value, -HUGE_VAL);
    else
      return json_.error("a number is expected");
    return {};
  }

  Result<void> read_time(Time& time) {
    if (style_.timestamps_in_ms) {
      TRY(time.ms, json_.integer());
      return {};
    }
    TRY(auto kind, json_.peek());
    if (kind == json::Kind::number) {
      TRY(auto text, json_.number());
      TRY(time, parse_epoch_seconds(text));
      return {};
    }
    TRY(auto text, json_.string());
    auto parsed = parse_iso8601(text);
    if (!parsed) parsed = parse_http_date(text);
    if (!parsed) return json_.error("a timestamp is expected");
    time = *parsed;
    return {};
  }

  Result<void> read_list(const Shape& shape, void* list, const Path& path) {
    CHECK(placed(json_.begin_array(), path));
    for (size_t i = 0;; ++i) {
      TRY(bool more, json_.next_element());
      if (!more) return {};
      TRY(bool is_null, json_.null_if_next());
      if (is_null) continue;
      CHECK(read(*shape.element, shape.list->append(list), path.element(i)));
    }
  }

  Result<void> read_map(const Shape& shape, void* map, const Path& path) {
    CHECK(placed(json_.begin_object(), path));
    while (true) {
      TRY(auto name, json_.next_member());
      if (!name) return {};
      const std::string key(*name);
      TRY(bool is_null, json_.null_if_next());
      if (is_null) continue;
      CHECK(read(*shape.element, shape.map->insert(map, key), path.entry(key)));
    }
  }

  Result<void> read_structure(const Shape& shape, void* object, const Path& path) {
    CHECK(placed(json_.begin_object(), path));
    Seen seen(shape);
    while (true) {
      TRY(auto name, json_.next_member());
      if (!name) break;
      const Field* field = shape.find(*name);
      TRY(bool is_null, json_.null_if_next());
      if (is_null) continue;
      if (field == nullptr || (style_.bodies_only && field->location != Location::body)) {
        CHECK(json_.skip());
        continue;
      }
      seen.add(*field);
      CHECK(read(*field->shape, make_member(*field, object), path.member(*field)));
    }
    report_missing(shape, seen, path);
    return {};
  }

  // What travels outside of the body is missed, or not, by whoever reads it there.
  void report_missing(const Shape& shape, Seen& seen, const Path& path) {
    if (style_.bodies_only) {
      for (const Field& field : shape.fields) {
        if (field.location != Location::body) seen.add(field);
      }
    }
    seen.report_missing(path, missing_);
  }

  json::Reader json_;
  const JsonStyle& style_;
  std::vector<std::string>* missing_;
};

}  // namespace

void write_json(const Shape& shape, const void* value, const JsonStyle& style, std::string& out) {
  ShapeWriter(style, out).write(shape, value, shape.timestamp_format);
}

std::string write_json(const Shape& shape, const void* value, const JsonStyle& style) {
  std::string out;
  write_json(shape, value, style, out);
  return out;
}

Result<void> read_json(const Shape& shape, void* value, std::string_view text, const JsonStyle& style,
                       std::vector<std::string>* missing) {
  return ShapeReader(text, style, missing).read_all(shape, value);
}

}  // namespace boreal::codec
