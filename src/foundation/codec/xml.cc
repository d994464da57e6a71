#include "codec/xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <pugixml.hpp>
#include <vector>

#include "base/text.h"
#include "codec/utf8.h"

namespace boreal::xml {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// XML 1.0, section 2.2. Surrogates do not occur in valid UTF-8.
bool is_char(uint32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return !(c >= 0xd800 && c <= 0xdfff) && c != 0xfffe && c != 0xffff && c <= 0x10ffff;
}

// By its number a control character may be named too, as in XML 1.1: the Writer does so.
bool is_referable(uint32_t c) { return is_char(c) || (c > 0 && c < 0x20); }

// U+FFFE and U+FFFF, the only characters above ASCII that XML has not.
bool is_noncharacter(std::string_view utf8) { return utf8 == "\xef\xbf\xbe" || utf8 == "\xef\xbf\xbf"; }

// pugixml is quick because it forgives: it takes unknown entities, any bytes, '<' in attributes, document
// types and text around the root. This pass over the text refuses these before pugixml sees them.
class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  Result<void> check() {
    CHECK(check_characters());
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // a byte order mark
    if (starts_with("<?xml") && at_ + 5 < text_.size() && is_space(text_[at_ + 5])) {
      CHECK(check_declaration());
    }
    while (at_ < text_.size()) {
      if (text_[at_] == '<') {
        CHECK(check_markup());
      } else if (depth_ == 0 && !is_space(text_[at_])) {
        return error("text outside of the root element");
      } else if (text_[at_] == '&') {
        CHECK(check_reference());
      } else if (starts_with("]]>")) {
        return error("]]> outside of a CDATA section");
      } else {
        ++at_;
      }
    }
    return {};
  }

 private:
  std::unexpected<Error> error(std::string_view what) const {
    return fail(Errc::invalid, fmt::format("XML, offset {}: {}", at_, what));
  }

  bool starts_with(std::string_view wanted) const { return text_.substr(at_, wanted.size()) == wanted; }

  Result<void> check_characters() {
    size_t length = 0;
    for (size_t i = 0; i < text_.size(); i += length) {
      length = codec::utf8_length(text_, i);
      bool valid = length == 1 ? is_char(static_cast<unsigned char>(text_[i]))
                               : length != 0 && !is_noncharacter(text_.substr(i, length));
      if (!valid) return fail(Errc::invalid, fmt::format("XML, offset {}: not a character of XML 1.0 in UTF-8", i));
    }
    return {};
  }

  Result<void> skip_past(std::string_view end, std::string_view what) {
    size_t found = text_.find(end, at_);
    if (found == std::string_view::npos) return error(fmt::format("{} without an end", what));
    at_ = found + end.size();
    return {};
  }

  Result<void> check_declaration() {
    size_t start = at_;
    CHECK(skip_past("?>", "XML declaration"));
    std::string_view declaration = text_.substr(start, at_ - start);
    size_t encoding = declaration.find("encoding");
    if (encoding == std::string_view::npos) return {};
    std::string value = to_upper(declaration.substr(encoding));
    bool accepted = value.find("UTF-8") != std::string::npos || value.find("US-ASCII") != std::string::npos;
    if (!accepted) return error("the encoding must be UTF-8");
    return {};
  }

  Result<void> check_markup() {
    if (starts_with("<!--")) {
      at_ += 4;
      CHECK(skip_past("--", "comment"));
      if (!starts_with(">")) return error("-- inside a comment");
      ++at_;
      return {};
    }
    if (depth_ > 0 && starts_with("<![CDATA[")) return skip_past("]]>", "CDATA section");
    if (starts_with("<!")) return error("document types are not accepted");
    if (starts_with("<?")) return error("processing instructions are not accepted");
    return check_tag();
  }

  Result<void> check_tag() {
    bool closing = starts_with("</");
    if (closing && depth_ == 0) return error("an end without a start");
    ++at_;
    while (at_ < text_.size() && text_[at_] != '>') {
      char c = text_[at_];
      if (c == '<') return error("'<' inside a tag");
      if (c == '"' || c == '\'') {
        CHECK(check_quoted(c));
      } else {
        ++at_;
      }
    }
    if (at_ == text_.size()) return error("the text ends inside a tag");
    if (closing) {
      --depth_;
    } else if (text_[at_ - 1] != '/') {
      ++depth_;
    }
    ++at_;
    return {};
  }

  Result<void> check_quoted(char quote) {
    ++at_;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '<') return error("'<' inside an attribute; write &lt;");
      if (text_[at_] == '&') {
        CHECK(check_reference());
      } else {
        ++at_;
      }
    }
    if (at_ == text_.size()) return error("the text ends inside an attribute");
    ++at_;
    return {};
  }

  // At '&': one of the five names, or the number of a character.
  Result<void> check_reference() {
    size_t semicolon = text_.substr(at_, 12).find(';');
    if (semicolon == std::string_view::npos) return error("'&' must be written as &amp;");
    std::string_view name = text_.substr(at_ + 1, semicolon - 1);
    bool known = name == "amp" || name == "lt" || name == "gt" || name == "quot" || name == "apos";
    if (!known) {
      if (!name.starts_with('#')) return error("unknown entity; there are amp, lt, gt, quot and apos");
      bool hex = name.starts_with("#x");
      std::string_view digits = name.substr(hex ? 2 : 1);
      uint32_t c = 0;
      auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), c, hex ? 16 : 10);
      if (code != std::errc() || end != digits.data() + digits.size() || !is_referable(c)) {
        return error("not the number of a character");
      }
    }
    at_ += semicolon + 1;
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t depth_ = 0;  // elements that are open
};

bool is_text(pugi::xml_node node) { return node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata; }

std::string_view local_name(std::string_view name) {
  size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_node element_from(pugi::xml_node node) {
  while (node && node.type() != pugi::node_element) node = node.next_sibling();
  return node;
}

std::optional<pugi::xml_node> next_in_document_order(pugi::xml_node node, pugi::xml_node root, size_t& depth) {
  if (auto child = element_from(node.first_child())) {
    ++depth;
    return child;
  }
  while (node != root) {
    if (auto sibling = element_from(node.next_sibling())) return sibling;
    node = node.parent();
    --depth;
  }
  return std::nullopt;
}

Result<void> check_element(pugi::xml_node element) {
  std::string_view name = element.name();
  if (name.starts_with(':') || name.ends_with(':') || local_name(name).find(':') != std::string_view::npos) {
    return fail(Errc::invalid, fmt::format("XML: the name {} has more than one prefix, or half of one", name));
  }
  // Sorted: looking for each among the others would take hours for as many as a document has room for.
  std::vector<std::string_view> attributes;
  for (const auto attribute : element.attributes()) attributes.emplace_back(attribute.name());
  std::ranges::sort(attributes);
  const auto twice = std::ranges::adjacent_find(attributes);
  if (twice == attributes.end()) return {};
  return fail(Errc::invalid, fmt::format("XML: <{}> has the attribute {} twice", element.name(), *twice));
}

// Checks on the tree: its one root, depth and size.
Result<pugi::xml_node> check_tree(const pugi::xml_document& document, const Limits& limits) {
  pugi::xml_node root = element_from(document.first_child());
  if (!root) return fail(Errc::invalid, "XML: there is no element");
  if (element_from(root.next_sibling())) return fail(Errc::invalid, "XML: there is more than one root element");
  size_t depth = 1;
  size_t count = 0;
  for (std::optional<pugi::xml_node> node = root; node; node = next_in_document_order(*node, root, depth)) {
    if (depth > limits.max_depth) {
      return fail(Errc::too_large, fmt::format("XML: nested more than {} deep", limits.max_depth));
    }
    if (++count > limits.max_elements) {
      return fail(Errc::too_large, fmt::format("XML: more than {} elements", limits.max_elements));
    }
    CHECK(check_element(*node));
  }
  return root;
}

std::optional<pugi::xml_node_struct*> pointer(pugi::xml_node node) {
  return node ? std::optional(node.internal_object()) : std::nullopt;
}

}  // namespace

struct Document::Tree {
  pugi::xml_document document;
  pugi::xml_node root;
};

Document::Document(std::unique_ptr<Tree> tree) : tree_(std::move(tree)) {}
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

Result<Document> Document::parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(Errc::too_large, fmt::format("XML of {} bytes; {} are accepted", text.size(), limits.max_bytes));
  }
  CHECK(Checker(text).check());
  auto tree = std::make_unique<Tree>();
  unsigned options =
      pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol | pugi::parse_wconv_attribute | pugi::parse_ws_pcdata;
  auto status = tree->document.load_buffer(text.data(), text.size(), options, pugi::encoding_utf8);
  if (!status) return fail(Errc::invalid, fmt::format("XML, offset {}: {}", status.offset, status.description()));
  TRY(tree->root, check_tree(tree->document, limits));
  return Document(std::move(tree));
}

Element Document::root() const { return Element(tree_->root.internal_object()); }

std::string_view Element::name() const { return local_name(pugi::xml_node(node_).name()); }

std::string Element::text() const {
  std::string text;
  for (auto child = pugi::xml_node(node_).first_child(); child; child = child.next_sibling()) {
    if (is_text(child)) text += child.value();
  }
  return text;
}

std::optional<std::string_view> Element::attribute(std::string_view name) const {
  for (auto attribute : pugi::xml_node(node_).attributes()) {
    if (attribute.name() == name) return attribute.value();
  }
  return std::nullopt;
}

std::optional<Element> Element::first_child() const {
  auto found = pointer(element_from(pugi::xml_node(node_).first_child()));
  return found ? std::optional(Element(*found)) : std::nullopt;
}

std::optional<Element> Element::next() const {
  auto found = pointer(element_from(pugi::xml_node(node_).next_sibling()));
  return found ? std::optional(Element(*found)) : std::nullopt;
}

std::optional<Element> Element::child(std::string_view name) const {
  auto child = first_child();
  while (child && child->name() != name) child = child->next();
  return child;
}

namespace {

// The characters that stand for themselves everywhere: printable ASCII without markup. Most text is nothing else.
constexpr auto plain_characters = [] {
  std::array<bool, 256> plain{};
  for (int c = ' '; c <= '~'; ++c) plain[c] = c != '&' && c != '<' && c != '>' && c != '"';
  return plain;
}();

size_t plain_run(std::string_view text, size_t begin) {
  size_t end = begin;
  while (end < text.size() && plain_characters[static_cast<unsigned char>(text[end])]) ++end;
  return end - begin;
}

}  // namespace

void Writer::escape(std::string_view text, bool in_attribute) {
  size_t length = 0;
  for (size_t i = 0; i < text.size(); i += length) {
    length = plain_run(text, i);
    if (length > 0) {
      out_.append(text, i, length);
      continue;
    }
    length = codec::utf8_length(text, i);
    char c = text[i];
    if (length != 1) {
      bool valid = length != 0 && !is_noncharacter(text.substr(i, length));
      out_ += valid ? text.substr(i, length) : "\xef\xbf\xbd";
      length = std::max<size_t>(length, 1);
    } else if (c == '&') {
      out_ += "&amp;";
    } else if (c == '<') {
      out_ += "&lt;";
    } else if (c == '>') {
      out_ += "&gt;";
    } else if (c == '"' && in_attribute) {
      out_ += "&quot;";
    } else if (c == '\r' || (in_attribute && (c == '\n' || c == '\t'))) {
      // A reader would turn the bare character into another one.
      fmt::format_to(std::back_inserter(out_), "&#{};", static_cast<int>(c));
    } else if (is_char(static_cast<unsigned char>(c))) {
      out_ += c;
    } else if (controls_ == Controls::numbered) {
      fmt::format_to(std::back_inserter(out_), "&#x{:x};", static_cast<int>(c));
    } else {
      out_ += "\xef\xbf\xbd";
    }
  }
}

void Writer::declaration() { out_ += "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"; }

void Writer::close_tag() {
  if (in_tag_) out_ += '>';
  in_tag_ = false;
}

void Writer::begin(std::string_view name) {
  close_tag();
  out_ += '<';
  out_ += name;
  open_.push_back(name);
  in_tag_ = true;
}

void Writer::attribute(std::string_view name, std::string_view value) {
  out_ += ' ';
  out_ += name;
  out_ += "=\"";
  escape(value, true);
  out_ += '"';
}

void Writer::text(std::string_view text) {
  if (text.empty()) return;
  close_tag();
  escape(text, false);
}

void Writer::end() {
  if (in_tag_) {
    out_ += "/>";
  } else {
    out_ += "</";
    out_ += open_.back();
    out_ += '>';
  }
  in_tag_ = false;
  open_.pop_back();
}

void Writer::element(std::string_view name, std::string_view value) {
  begin(name);
  text(value);
  end();
}

}  // namespace boreal::xml
