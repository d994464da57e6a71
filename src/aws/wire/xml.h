// Shaped values as XML: the answers of the query protocols, and both ways for REST-XML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/shape.h"
#include "codec/xml.h"

namespace boreal::aws::wire {

// The body members of a structure, inside an element that is open; attributes come first, so nothing may be in it yet.
void write_xml_members(xml::Writer& xml, const codec::Shape& shape, const void* object);

// Reads the body members of a structure from inside `element`. Elements that are unknown or there twice are an error.
Result<void> read_xml_members(const codec::Shape& shape, void* object, const xml::Element& element,
                              std::vector<std::string>* missing);

}  // namespace boreal::aws::wire
