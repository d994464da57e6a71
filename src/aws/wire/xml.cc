#include "aws/wire/xml.h"

#include <fmt/format.h>

#include "aws/wire/text.h"
#include "codec/shape_path.h"

namespace boreal::aws::wire {

using codec::Field;
using codec::Kind;
using codec::Location;
using codec::Path;
using codec::Seen;
using codec::Shape;
using codec::TimestampFormat;

namespace {

bool is_structure(const Shape& shape) { return shape.kind == Kind::structure || shape.kind == Kind::union_; }
bool is_child(const Field& field) {
  return field.location == Location::body && !field.xml_attribute && field.shape->kind != Kind::stream;
}

void write_value(xml::Writer& xml, const Shape& shape, const void* value, TimestampFormat format);

void write_list_items(xml::Writer& xml, const Shape& shape, const void* list, std::string_view name,
                      TimestampFormat format) {
  for (size_t i = 0; i < codec::list_size(shape, list); ++i) {
    // Items of several kinds in one order: unions, each of which is the element of the member that it has.
    if (!name.empty()) xml.begin(name);
    write_value(xml, *shape.element, codec::list_at(shape, list, i), format);
    if (!name.empty()) xml.end();
  }
}

void write_map_entries(xml::Writer& xml, const Shape& shape, const void* map, std::string_view name,
                       TimestampFormat format) {
  codec::each_entry(shape, map, [&](const std::string& key, const void* value) {
    xml.begin(name);
    xml.element(shape.key_name, key);
    xml.begin(shape.element_name);
    write_value(xml, *shape.element, value, format);
    xml.end();
    xml.end();
  });
}

// What stands between the tags.
void write_value(xml::Writer& xml, const Shape& shape, const void* value, TimestampFormat format) {
  switch (shape.kind) {
    case Kind::list: return write_list_items(xml, shape, value, shape.element_name, format);
    case Kind::map: return write_map_entries(xml, shape, value, "entry", format);
    case Kind::structure:
    case Kind::union_: return write_xml_members(xml, shape, value);
    case Kind::string: return xml.text(*static_cast<const std::string*>(value));
    default: return xml.text(write_text(shape, value, format, TimestampFormat::iso8601));
  }
}

void write_field(xml::Writer& xml, const Field& field, const void* value) {
  const Shape& shape = *field.shape;
  if (field.xml_text) return write_value(xml, shape, value, field.timestamp_format);
  if (field.flattened && shape.kind == Kind::list)
    return write_list_items(xml, shape, value, field.wire_name, field.timestamp_format);
  if (field.flattened && shape.kind == Kind::map)
    return write_map_entries(xml, shape, value, field.wire_name, field.timestamp_format);
  xml.begin(field.wire_name);
  if (!field.xml_namespace.empty()) {
    xml.attribute(field.xml_prefix.empty() ? "xmlns" : "xmlns:" + std::string(field.xml_prefix), field.xml_namespace);
  }
  write_value(xml, shape, value, field.timestamp_format);
  xml.end();
}

class XmlReader {
 public:
  explicit XmlReader(std::vector<std::string>* missing) : missing_(missing) {}

  Result<void> read_structure(const Shape& shape, void* object, const xml::Element& element, const Path& path) {
    Seen seen(shape);
    CHECK(read_attributes(shape, object, element, path, seen));
    for (auto child = element.first_child(); child; child = child->next()) {
      const Field* field = shape.find(child->name());
      if (field == nullptr || !is_child(*field)) return unknown(*child, path);
      CHECK(read_field(*field, object, *child, path, seen));
    }
    for (const Field& field : shape.fields) {
      if (!is_child(field) && !field.xml_attribute) seen.add(field);  // not to be looked for here
    }
    seen.report_missing(path, missing_);
    return {};
  }

 private:
  // What is asked for in words that are not known must not be passed over as if it had been done.
  static std::unexpected<Error> unknown(const xml::Element& element, const Path& path) {
    return fail(Errc::invalid, fmt::format("{}: there is no element '{}' here", path.text(), element.name()));
  }

  Result<void> read_attributes(const Shape& shape, void* object, const xml::Element& element, const Path& path,
                               Seen& seen) {
    for (const Field& field : shape.fields) {
      if (field.xml_attribute) {
        const auto text = element.attribute(field.wire_name);
        if (!text) continue;
        seen.add(field);
        CHECK(read_scalar(*field.shape, make_member(field, object), *text, path.member(field)));
      } else if (field.xml_text) {
        seen.add(field);
        CHECK(read_scalar(*field.shape, make_member(field, object), element.text(), path.member(field)));
      }
    }
    return {};
  }

  Result<void> read_field(const Field& field, void* object, const xml::Element& child, const Path& path, Seen& seen) {
    const bool repeats = field.flattened && (field.shape->kind == Kind::list || field.shape->kind == Kind::map);
    if (!repeats && seen.has(field)) return fail(Errc::invalid, path.member(field).text() + " is there twice");
    void* value =
        repeats && seen.has(field) ? const_cast<void*>(codec::member(field, object)) : make_member(field, object);
    seen.add(field);
    const Path at = path.member(field);
    if (!repeats) return read(*field.shape, value, child, at);
    if (field.shape->kind == Kind::map) return read_entry(*field.shape, value, child, at);
    const size_t size = codec::list_size(*field.shape, value);
    return read(*field.shape->element, field.shape->list->append(value), child, at.element(size));
  }

  Result<void> read(const Shape& shape, void* value, const xml::Element& element, const Path& path) {
    if (is_structure(shape)) return read_structure(shape, value, element, path);
    if (shape.kind == Kind::list) {
      size_t index = 0;
      for (auto item = element.first_child(); item; item = item->next()) {
        if (item->name() != shape.element_name) return unknown(*item, path);
        CHECK(read(*shape.element, shape.list->append(value), *item, path.element(index++)));
      }
      return {};
    }
    if (shape.kind == Kind::map) {
      for (auto entry = element.first_child(); entry; entry = entry->next()) {
        if (entry->name() != "entry") return unknown(*entry, path);
        CHECK(read_entry(shape, value, *entry, path));
      }
      return {};
    }
    if (element.first_child()) return fail(Errc::invalid, path.text() + ": text is expected, not elements");
    return read_scalar(shape, value, element.text(), path);
  }

  Result<void> read_entry(const Shape& shape, void* map, const xml::Element& entry, const Path& path) {
    const auto key = entry.child(shape.key_name);
    if (!key) return fail(Errc::invalid, path.text() + ": an entry has no " + std::string(shape.key_name));
    const std::string name = key->text();
    void* value = shape.map->insert(map, name);
    const auto element = entry.child(shape.element_name);
    return element ? read(*shape.element, value, *element, path.entry(name)) : Result<void>();
  }

  Result<void> read_scalar(const Shape& shape, void* value, std::string_view text, const Path& path) {
    auto read = read_text(shape, value, text);
    if (!read) return std::unexpected(std::move(read).error().within(path.text()));
    return {};
  }

  std::vector<std::string>* missing_;
};

}  // namespace

void write_xml_members(xml::Writer& xml, const Shape& shape, const void* object) {
  for (const Field& field : shape.fields) {
    if (!field.xml_attribute) continue;
    if (const void* value = codec::member(field, object)) {
      xml.attribute(field.wire_name, write_text(*field.shape, value, field.timestamp_format, TimestampFormat::iso8601));
    }
  }
  for (const Field& field : shape.fields) {
    if (!is_child(field)) continue;
    if (const void* value = codec::member(field, object)) write_field(xml, field, value);
  }
}

Result<void> read_xml_members(const Shape& shape, void* object, const xml::Element& element,
                              std::vector<std::string>* missing) {
  const Path root;
  return XmlReader(missing).read_structure(shape, object, element, root);
}

}  // namespace boreal::aws::wire
