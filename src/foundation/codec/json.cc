#include "codec/json.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "codec/hex.h"
#include "codec/utf8.h"

namespace boreal::json {
namespace {

// Bytes that stand for themselves inside a string: ASCII without controls, quote and backslash.
constexpr std::array<bool, 256> plain = [] {
  std::array<bool, 256> table{};
  for (int c = 0x20; c < 0x80; ++c) table[c] = c != '"' && c != '\\';
  return table;
}();

bool is_plain(char c) { return plain[static_cast<unsigned char>(c)]; }

}  // namespace

std::unexpected<Error> Reader::error(std::string_view what) const {
  return fail(Errc::invalid, fmt::format("JSON, offset {}: {}", at_, what));
}

void Reader::skip_white_space() {
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    ++at_;
  }
}

Result<Kind> Reader::peek() {
  skip_white_space();
  if (at_ == text_.size()) return error("the text ends where a value should be");
  switch (text_[at_]) {
    case '{': return Kind::object;
    case '[': return Kind::array;
    case '"': return Kind::string;
    case 't':
    case 'f': return Kind::boolean;
    case 'n': return Kind::null;
    default: break;
  }
  if (is_digit(text_[at_]) || text_[at_] == '-') return Kind::number;
  return error("not the start of a value");
}

Result<void> Reader::begin(char bracket, std::string_view wanted) {
  skip_white_space();
  if (at_ == text_.size() || text_[at_] != bracket) return error(wanted);
  if (depth_ == max_depth_) return error(fmt::format("nested more than {} deep", max_depth_));
  ++at_;
  ++depth_;
  fresh_ = true;
  return {};
}

// Whether another item comes before `closing`, which is consumed if it comes.
Result<bool> Reader::next(char closing) {
  skip_white_space();
  if (at_ == text_.size()) return error("the text ends inside an array or object");
  if (text_[at_] == closing) {
    ++at_;
    --depth_;
    fresh_ = false;
    return false;
  }
  if (!fresh_) {
    if (text_[at_] != ',') return error(closing == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
    ++at_;
  }
  fresh_ = false;
  return true;
}

Result<void> Reader::begin_object() { return begin('{', "expected an object"); }

Result<std::optional<std::string_view>> Reader::next_member() {
  TRY(bool more, next('}'));
  if (!more) return std::nullopt;
  skip_white_space();
  if (at_ == text_.size() || text_[at_] != '"') return error("expected the name of a member, in quotes");
  TRY(std::string_view name, quoted());
  skip_white_space();
  if (at_ == text_.size() || text_[at_] != ':') return error("expected ':' after a member's name");
  ++at_;
  return name;
}

Result<void> Reader::begin_array() { return begin('[', "expected an array"); }

Result<bool> Reader::next_element() { return next(']'); }

Result<std::string_view> Reader::string() {
  skip_white_space();
  if (at_ == text_.size() || text_[at_] != '"') return error("expected a string");
  return quoted();
}

// From the opening quote to past the closing one. A view of the text when nothing had to be unescaped.
Result<std::string_view> Reader::quoted() {
  size_t start = ++at_;
  bool escaped = false;
  while (true) {
    size_t run = at_;
    while (at_ < text_.size() && is_plain(text_[at_])) ++at_;
    if (escaped) scratch_.append(text_, run, at_ - run);
    if (at_ == text_.size()) return error("the text ends inside a string");
    char c = text_[at_];
    if (c == '"') {
      ++at_;
      return escaped ? std::string_view(scratch_) : text_.substr(start, at_ - 1 - start);
    }
    if (c == '\\') {
      if (!escaped) scratch_.assign(text_, start, at_ - start);
      escaped = true;
      CHECK(escape());
      continue;
    }
    if (static_cast<unsigned char>(c) < 0x20) return error("a control character in a string must be escaped");
    size_t length = codec::utf8_length(text_, at_);
    if (length == 0) return error("not UTF-8");
    if (escaped) scratch_.append(text_, at_, length);
    at_ += length;
  }
}

// At a backslash; appends to scratch_ what it stands for.
Result<void> Reader::escape() {
  if (at_ + 1 >= text_.size()) return error("the text ends inside a string");
  char c = text_[at_ + 1];
  switch (c) {
    case '"':
    case '\\':
    case '/': break;
    case 'b': c = '\b'; break;
    case 'f': c = '\f'; break;
    case 'n': c = '\n'; break;
    case 'r': c = '\r'; break;
    case 't': c = '\t'; break;
    case 'u': {
      TRY(uint32_t unit, four_digits());
      if (unit >= 0xd800 && unit < 0xdc00) {
        if (text_.substr(at_, 1) != "\\") return error("half of a surrogate pair");
        TRY(uint32_t low, four_digits());
        if (low < 0xdc00 || low > 0xdfff) return error("half of a surrogate pair");
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
      } else if (unit >= 0xdc00 && unit <= 0xdfff) {
        return error("half of a surrogate pair");
      }
      codec::append_utf8(scratch_, unit);
      return {};
    }
    default: return error("unknown escape; there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX");
  }
  scratch_ += c;
  at_ += 2;
  return {};
}

// At "\u"; consumes it with its digits.
Result<uint32_t> Reader::four_digits() {
  if (text_.size() - at_ < 6 || text_[at_ + 1] != 'u') return error("expected \\u and four hexadecimal digits");
  uint32_t value = 0;
  for (size_t i = 2; i < 6; ++i) {
    int digit = codec::hex_digit(text_[at_ + i]);
    if (digit < 0) return error("expected \\u and four hexadecimal digits");
    value = value << 4 | static_cast<uint32_t>(digit);
  }
  at_ += 6;
  return value;
}

bool Reader::digits() {
  size_t start = at_;
  while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  return at_ > start;
}

Result<std::string_view> Reader::number() {
  skip_white_space();
  size_t start = at_;
  if (at_ < text_.size() && text_[at_] == '-') ++at_;
  size_t first = at_;
  if (!digits()) return error("expected a number");
  if (text_[first] == '0' && at_ - first > 1) return error("a number must not start with 0");
  if (at_ < text_.size() && text_[at_] == '.') {
    ++at_;
    if (!digits()) return error("expected a digit after '.'");
  }
  if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
    ++at_;
    if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
    if (!digits()) return error("expected a digit in the exponent");
  }
  return text_.substr(start, at_ - start);
}

namespace {

template <class T>
std::optional<T> convert(std::string_view text) {
  T value{};
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<int64_t> Reader::integer() {
  TRY(std::string_view text, number());
  auto value = convert<int64_t>(text);
  if (!value) return error(fmt::format("{} is not a whole number of 64 bits", text.substr(0, 40)));
  return *value;
}

Result<uint64_t> Reader::unsigned_integer() {
  TRY(std::string_view text, number());
  auto value = convert<uint64_t>(text);
  if (!value) return error(fmt::format("{} is not a whole number from 0 to 2^64-1", text.substr(0, 40)));
  return *value;
}

Result<double> Reader::float64() {
  TRY(std::string_view text, number());
  auto value = convert<double>(text);
  if (!value) return error(fmt::format("{} does not fit into a double", text.substr(0, 40)));
  return *value;
}

Result<void> Reader::word(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) return error(fmt::format("expected {}", word));
  at_ += word.size();
  return {};
}

Result<bool> Reader::boolean() {
  skip_white_space();
  if (text_.substr(at_, 1) != "t" && text_.substr(at_, 1) != "f") return error("expected true or false");
  bool value = text_[at_] == 't';
  CHECK(word(value ? "true" : "false"));
  return value;
}

Result<void> Reader::null() {
  skip_white_space();
  return word("null");
}

Result<bool> Reader::null_if_next() {
  TRY(Kind kind, peek());
  if (kind != Kind::null) return false;
  CHECK(null());
  return true;
}

// Recursion is bounded by max_depth_.
Result<void> Reader::skip() {
  TRY(Kind kind, peek());
  switch (kind) {
    case Kind::null: return null();
    case Kind::boolean: CHECK(boolean()); return {};
    case Kind::number: CHECK(number()); return {};
    case Kind::string: CHECK(string()); return {};
    case Kind::array:
      CHECK(begin_array());
      while (true) {
        TRY(bool more, next_element());
        if (!more) return {};
        CHECK(skip());
      }
    case Kind::object:
      CHECK(begin_object());
      while (true) {
        TRY(auto name, next_member());
        if (!name) return {};
        CHECK(skip());
      }
  }
  return {};
}

Result<std::string_view> Reader::raw() {
  skip_white_space();
  size_t start = at_;
  CHECK(skip());
  return text_.substr(start, at_ - start);
}

Result<void> Reader::finish() {
  skip_white_space();
  if (at_ != text_.size()) return error("something follows the value");
  return {};
}

void append_quoted(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  size_t at = 0;
  while (at < text.size()) {
    size_t run = at;
    while (at < text.size() && is_plain(text[at])) ++at;
    out.append(text, run, at - run);
    if (at == text.size()) break;
    char c = text[at];
    size_t length = 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += digits[c >> 4];
          out += digits[c & 15];
        } else if ((length = codec::utf8_length(text, at)) != 0) {
          out.append(text, at, length);
        } else {
          out += "\\ufffd";
          length = 1;
        }
    }
    at += length;
  }
  out += '"';
}

void Writer::separate() {
  if (comma_due_) out_ += ',';
  comma_due_ = true;
}

void Writer::open(char bracket) {
  separate();
  out_ += bracket;
  comma_due_ = false;
}

void Writer::close(char bracket) {
  out_ += bracket;
  comma_due_ = true;
}

void Writer::name(std::string_view name) {
  separate();
  append_quoted(out_, name);
  out_ += ':';
  comma_due_ = false;
}

void Writer::string(std::string_view value) {
  separate();
  append_quoted(out_, value);
}

void Writer::raw(std::string_view json) {
  separate();
  out_ += json;
}

namespace {

template <class T>
std::string_view digits_of(T value, std::array<char, 32>& buffer) {
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

}  // namespace

void Writer::integer(int64_t value) {
  std::array<char, 32> buffer;
  raw(digits_of(value, buffer));
}

void Writer::unsigned_integer(uint64_t value) {
  std::array<char, 32> buffer;
  raw(digits_of(value, buffer));
}

void Writer::float64(double value) {
  if (std::isnan(value)) return string("NaN");
  if (std::isinf(value)) return string(value > 0 ? "Infinity" : "-Infinity");
  std::array<char, 32> buffer;
  raw(digits_of(value, buffer));
}

}  // namespace boreal::json
