// XML: a tree of elements to read, an appending writer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pugi {
struct xml_node_struct;
}

namespace boreal::xml {

struct Limits {
  size_t max_bytes = 4 << 20;
  size_t max_depth = 64;
  size_t max_elements = 100'000;
};

// One element of a Document; valid as long as that lives.
class Element {
 public:
  // Without the namespace prefix.
  std::string_view name() const;
  // The text directly inside, CDATA included, with entities resolved and white space kept.
  std::string text() const;
  // The attribute of that name, prefix included ("xsi:type").
  std::optional<std::string_view> attribute(std::string_view name) const;

  // for (auto child = element.first_child(); child; child = child->next()) ...
  std::optional<Element> first_child() const;
  std::optional<Element> next() const;
  // The first child of that name.
  std::optional<Element> child(std::string_view name) const;

 private:
  friend class Document;
  explicit Element(pugi::xml_node_struct* node) : node_(node) {}

  pugi::xml_node_struct* node_;
};

class Document {
 public:
  // Refuses what is not well-formed UTF-8 XML 1.0, and all that a data format does not need: document
  // types, entities of one's own, processing instructions. Errors are Errc::invalid or Errc::too_large.
  static Result<Document> parse(std::string_view text, const Limits& limits = {});

  ~Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;

  Element root() const;

 private:
  struct Tree;
  explicit Document(std::unique_ptr<Tree> tree);

  std::unique_ptr<Tree> tree_;
};

// What becomes of control characters, which XML 1.0 has not: U+FFFD, or their numbers, as in XML 1.1. These a strict
// reader refuses; a lenient one has the very text.
enum class Controls { replaced, numbered };

// Appends XML to a string that the caller owns. Bytes that are not UTF-8 become U+FFFD. Names are not checked: they
// come from tables, and must outlive their element.
class Writer {
 public:
  explicit Writer(std::string& out, Controls controls = Controls::replaced) : out_(out), controls_(controls) {}

  // <?xml version="1.0" encoding="UTF-8"?> and a new line.
  void declaration();
  void begin(std::string_view name);
  // Only directly after begin() or another attribute.
  void attribute(std::string_view name, std::string_view value);
  void text(std::string_view text);
  void end();

  // An element with nothing but text.
  void element(std::string_view name, std::string_view text);

 private:
  void close_tag();

  void escape(std::string_view text, bool in_attribute);

  std::string& out_;
  Controls controls_;
  std::vector<std::string_view> open_;
  bool in_tag_ = false;
};

}  // namespace boreal::xml
