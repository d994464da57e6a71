#include "aws/arn.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "codec/utf8.h"

namespace boreal::aws {
namespace {

constexpr char32_t any_run = 0x110000;
constexpr char32_t any_one = 0x110001;
constexpr char32_t first_byte = 0x110100;  // bytes that are no UTF-8, each by itself

constexpr char32_t lower(char32_t c) { return c >= U'A' && c <= U'Z' ? c + (U'a' - U'A') : c; }
constexpr char32_t same(char32_t c) { return c; }

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// The character that begins the text, which loses it.
char32_t take_character(std::string_view& text) {
  const auto byte_at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t length = codec::utf8_length(text, 0);
  char32_t character = length == 0 ? first_byte + byte_at(0) : byte_at(0) & (length == 1 ? 0x7f : 0x7f >> length);
  for (size_t i = 1; i < length; ++i) character = character << 6 | (byte_at(i) & 0x3f);
  text.remove_prefix(std::max<size_t>(length, 1));
  return character;
}

template <class Fold>
bool is_symbol_of(char32_t symbol, char32_t character, Fold fold) {
  return symbol == any_one || fold(symbol) == fold(character);
}

// In what follows a text is a view of characters, or of bytes that are all ASCII.

// Whether the text begins with the segment: symbols without a run. The text is long enough.
template <class Text, class Fold>
bool begins_with(Text text, std::u32string_view segment, Fold fold) {
  for (size_t i = 0; i < segment.size(); ++i) {
    if (!is_symbol_of(segment[i], text[i], fold)) return false;
  }
  return true;
}

// Finds a segment in long texts. Parts that are alike would make a plain search begin anew again and again: here all
// beginnings are followed at once, as bits of a row. Bit i says that the text up to here ends in the segment's first
// i + 1 symbols.
template <class Fold>
class LongSearch {
 public:
  LongSearch(std::u32string_view segment, Fold fold)
      : fold_(fold), words_((segment.size() + bits - 1) / bits), last_(segment.size() - 1) {
    std::vector<size_t> wildcards;
    for (size_t i = 0; i < segment.size(); ++i) {
      if (segment[i] == any_one) {
        wildcards.push_back(i);
      } else {
        set(row_of(fold(segment[i])), i);
      }
    }
    for (const size_t i : wildcards) {
      for (auto& row : rows_) set(row.second, i);
      set(others_, i);
    }
  }

  // Where it stands first; npos: nowhere.
  template <class Text>
  size_t find_in(Text text) const {
    std::vector<uint64_t> reached(words_);
    for (size_t at = 0; at < text.size(); ++at) {
      const auto found = rows_.find(fold_(text[at]));
      const auto& row = found == rows_.end() ? others_ : found->second;
      uint64_t carry = 1;
      for (size_t word = 0; word < words_; ++word) {
        const uint64_t out = reached[word] >> (bits - 1);
        reached[word] = (reached[word] << 1 | carry) & row[word];
        carry = out;
      }
      if (reached.back() & uint64_t{1} << last_ % bits) return at - last_;
    }
    return Text::npos;
  }

 private:
  using Row = std::vector<uint64_t>;
  static constexpr size_t bits = 64;

  Row& row_of(char32_t character) { return rows_.try_emplace(character, words_).first->second; }
  static void set(Row& row, size_t i) { row[i / bits] |= uint64_t{1} << i % bits; }

  const Fold fold_;
  const size_t words_;
  const size_t last_;
  std::unordered_map<char32_t, Row> rows_;  // of each character that is named: which symbols it may be
  Row others_ = Row(words_);                // of all others
};

// Where the segment stands first in the text.
template <class Text, class Fold>
size_t find_segment(Text text, std::u32string_view segment, Fold fold) {
  constexpr size_t short_search = 1 << 14;
  if (segment.size() > text.size()) return Text::npos;
  if (segment.empty()) return 0;
  if (text.size() * segment.size() > short_search) return LongSearch(segment, fold).find_in(text);
  for (size_t at = 0; at + segment.size() <= text.size(); ++at) {
    if (begins_with(text.substr(at), segment, fold)) return at;
  }
  return Text::npos;
}

template <class Text, class Fold>
bool fits(std::u32string_view symbols, Text text, Fold fold) {
  const size_t first = symbols.find(any_run);
  if (first == symbols.npos) return text.size() == symbols.size() && begins_with(text, symbols, fold);
  // What stands before the first run begins the text, what stands behind the last ends it.
  const size_t last = symbols.rfind(any_run);
  const auto head = symbols.substr(0, first);
  const auto tail = symbols.substr(last + 1);
  if (text.size() < head.size() + tail.size() || !begins_with(text, head, fold)) return false;
  if (!begins_with(text.substr(text.size() - tail.size()), tail, fold)) return false;
  text = text.substr(head.size(), text.size() - head.size() - tail.size());
  // Of each segment between, the first place is as good as any: it leaves the most for the others.
  for (symbols = symbols.substr(first, last - first); !symbols.empty();) {
    symbols.remove_prefix(1);
    const auto segment = symbols.substr(0, symbols.find(any_run));
    const size_t at = find_segment(text, segment, fold);
    if (at == Text::npos) return false;
    text.remove_prefix(at + segment.size());
    symbols.remove_prefix(segment.size());
  }
  return true;
}

template <class Fold>
bool match(std::u32string_view symbols, std::string_view text, Fold fold) {
  if (is_ascii(text)) return fits(symbols, text, fold);
  std::u32string characters;
  characters.reserve(text.size());
  while (!text.empty()) characters += take_character(text);
  return fits(symbols, std::u32string_view(characters), fold);
}

}  // namespace

std::string Arn::to_string() const {
  std::string text = "arn:";
  for (const auto* part : {&partition, &service, &region, &account}) text.append(*part).push_back(':');
  return text += resource;
}

std::optional<Arn> Arn::parse(std::string_view text) {
  const auto parts = split_arn(text);
  if (!parts || (*parts)[0] != "arn" || (*parts)[1].empty() || (*parts)[2].empty() || (*parts)[5].empty()) return {};
  const auto part = [&](size_t i) { return std::string((*parts)[i]); };
  return Arn{part(1), part(2), part(3), part(4), part(5)};
}

std::optional<std::array<std::string_view, 6>> split_arn(std::string_view text) {
  std::array<std::string_view, 6> parts;
  for (size_t i = 0; i < 5; ++i) {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) return {};
    parts[i] = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  parts[5] = text;
  return parts;
}

void Glob::add_pattern(std::string_view pattern) {
  while (!pattern.empty()) {
    const char32_t character = take_character(pattern);
    if (character == U'*') {
      add_any_run();
    } else {
      symbols_ += character == U'?' ? any_one : character;
    }
  }
}

void Glob::add_literal(std::string_view text) {
  while (!text.empty()) symbols_ += take_character(text);
}

void Glob::add_any_run() {
  if (symbols_.empty() || symbols_.back() != any_run) symbols_ += any_run;  // two in a row are one
}

bool Glob::matches(std::string_view text) const { return match(symbols_, text, same); }

bool Glob::matches_ignoring_case(std::string_view text) const { return match(symbols_, text, lower); }

bool arn_matches(std::string_view pattern, std::string_view arn) {
  if (pattern == "*") return true;
  const auto wanted = split_arn(pattern);
  const auto given = split_arn(arn);
  if (wanted && given) {
    for (size_t i = 0; i < 6; ++i) {
      if (!Glob((*wanted)[i]).matches((*given)[i])) return false;
    }
    return true;
  }
  if (wanted || !pattern.ends_with('*')) return false;
  // Fewer than six parts: those before the last colon by themselves, the rest against all that follows.
  while (true) {
    const size_t colon = pattern.find(':');
    if (colon == std::string_view::npos) return Glob(pattern).matches(arn);
    const size_t arn_colon = arn.find(':');
    if (arn_colon == std::string_view::npos) return false;
    if (!Glob(pattern.substr(0, colon)).matches(arn.substr(0, arn_colon))) return false;
    pattern.remove_prefix(colon + 1);
    arn.remove_prefix(arn_colon + 1);
  }
}

}  // namespace boreal::aws
