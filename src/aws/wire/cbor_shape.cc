#include "aws/wire/cbor_shape.h"

#include "codec/cbor.h"
#include "codec/shape_path.h"

namespace boreal::aws::wire {

using codec::Field;
using codec::Kind;
using codec::Path;
using codec::Seen;
using codec::Shape;

namespace {

void write(cbor::Writer& cbor, const Shape& shape, const void* value) {
  switch (shape.kind) {
    case Kind::boolean: return cbor.boolean(*static_cast<const bool*>(value));
    case Kind::integer: return cbor.integer(codec::get_integer(shape, value));
    case Kind::number: return cbor.float64(codec::get_number(shape, value));
    case Kind::string: return cbor.text(*static_cast<const std::string*>(value));
    case Kind::blob: return cbor.bytes(static_cast<const codec::Blob*>(value)->bytes);
    case Kind::timestamp: return cbor.timestamp(*static_cast<const Time*>(value));
    case Kind::duration: return cbor.integer(static_cast<const Duration*>(value)->count());
    case Kind::document: return cbor.text(static_cast<const codec::Document*>(value)->json);
    case Kind::stream: return cbor.null();
    case Kind::list:
      cbor.array(codec::list_size(shape, value));
      for (size_t i = 0; i < codec::list_size(shape, value); ++i)
        write(cbor, *shape.element, codec::list_at(shape, value, i));
      return;
    case Kind::map:
      cbor.map(shape.map->size(value));
      codec::each_entry(shape, value, [&](const std::string& key, const void* entry) {
        cbor.text(key);
        write(cbor, *shape.element, entry);
      });
      return;
    case Kind::structure:
    case Kind::union_:
      cbor.begin_map();
      for (const Field& field : shape.fields) {
        const void* at = codec::member(field, value);
        if (at == nullptr || field.shape->kind == Kind::stream) continue;
        cbor.text(field.wire_name);
        write(cbor, *field.shape, at);
      }
      return cbor.end();
  }
}

class CborReader {
 public:
  CborReader(std::string_view data, std::vector<std::string>* missing) : cbor_(as_bytes(data)), missing_(missing) {}

  Result<void> read_all(const Shape& shape, void* value) {
    const Path root;
    CHECK(read(shape, value, root));
    return cbor_.finish();
  }

 private:
  static Result<void> placed(Result<void> result, const Path& path) {
    const std::string place = path.text();
    if (result || place.empty()) return result;
    return std::unexpected(std::move(result).error().within(place));
  }

  Result<void> read(const Shape& shape, void* value, const Path& path) {
    switch (shape.kind) {
      case Kind::list: return read_list(shape, value, path);
      case Kind::map: return read_map(shape, value, path);
      case Kind::structure:
      case Kind::union_: return read_structure(shape, value, path);
      default: return placed(read_scalar(shape, value), path);
    }
  }

  Result<void> read_scalar(const Shape& shape, void* value) {
    switch (shape.kind) {
      case Kind::boolean: {
        TRY(*static_cast<bool*>(value), cbor_.boolean());
        return {};
      }
      case Kind::integer: {
        TRY(auto number, cbor_.integer());
        if (!codec::set_integer(shape, value, number)) return cbor_.error("the number does not fit its type");
        return {};
      }
      case Kind::number: {
        TRY(auto number, cbor_.float64());
        codec::set_number(shape, value, number);
        return {};
      }
      case Kind::string: {
        TRY(*static_cast<std::string*>(value), cbor_.text());
        return {};
      }
      case Kind::blob: {
        TRY(static_cast<codec::Blob*>(value)->bytes, cbor_.bytes());
        return {};
      }
      case Kind::timestamp: {
        TRY(*static_cast<Time*>(value), cbor_.timestamp());
        return {};
      }
      default: return cbor_.skip();
    }
  }

  Result<void> read_list(const Shape& shape, void* list, const Path& path) {
    CHECK(placed(cbor_.begin_array(), path));
    for (size_t i = 0;; ++i) {
      TRY(bool more, cbor_.next_element());
      if (!more) return {};
      TRY(bool is_null, cbor_.null_if_next());
      if (!is_null) CHECK(read(*shape.element, shape.list->append(list), path.element(i)));
    }
  }

  Result<void> read_map(const Shape& shape, void* map, const Path& path) {
    CHECK(placed(cbor_.begin_map(), path));
    while (true) {
      TRY(auto name, cbor_.next_key());
      if (!name) return {};
      const std::string key(*name);
      TRY(bool is_null, cbor_.null_if_next());
      if (!is_null) CHECK(read(*shape.element, shape.map->insert(map, key), path.entry(key)));
    }
  }

  Result<void> read_structure(const Shape& shape, void* object, const Path& path) {
    CHECK(placed(cbor_.begin_map(), path));
    Seen seen(shape);
    while (true) {
      TRY(auto name, cbor_.next_key());
      if (!name) break;
      const Field* field = shape.find(*name);
      TRY(bool is_null, cbor_.null_if_next());
      if (is_null) continue;
      if (field == nullptr) {
        CHECK(cbor_.skip());
        continue;
      }
      seen.add(*field);
      CHECK(read(*field->shape, make_member(*field, object), path.member(*field)));
    }
    seen.report_missing(path, missing_);
    return {};
  }

  cbor::Reader cbor_;
  std::vector<std::string>* missing_;
};

}  // namespace

void write_cbor(const Shape& shape, const void* value, std::string& out) {
  cbor::Writer cbor(out);
  write(cbor, shape, value);
}

Result<void> read_cbor(const Shape& shape, void* value, std::string_view data, std::vector<std::string>* missing) {
  return CborReader(data, missing).read_all(shape, value);
}

}  // namespace boreal::aws::wire
