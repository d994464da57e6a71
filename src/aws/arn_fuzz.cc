// Any text as an ARN and as a pattern for one: what is parsed writes itself again, and a pattern's two ways of matching
// agree. First line: the pattern; the rest: the text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "aws/arn.h"
#include "codec/utf8.h"

namespace {

std::string_view behind_character(std::string_view text) {
  return text.substr(std::max<size_t>(boreal::codec::utf8_length(text, 0), 1));
}

// What '*' and '?' mean, said plainly: exponential, so for short ones only.
bool fits(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  const std::string_view rest = pattern.substr(1);
  if (pattern[0] == '*') return fits(rest, text) || (!text.empty() && fits(pattern, behind_character(text)));
  if (text.empty()) return false;
  if (pattern[0] == '?') return fits(rest, behind_character(text));
  return pattern[0] == text[0] && fits(rest, text.substr(1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal::aws;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(input.find('\n'), input.size());
  const std::string_view pattern = input.substr(0, line);
  const std::string_view text = input.substr(std::min(line + 1, input.size()));
  if (const auto arn = Arn::parse(text); arn && arn->to_string() != text) std::abort();
  if (Arn::parse(text) && !split_arn(text)) std::abort();
  (void)arn_matches(pattern, text);
  if (!arn_matches("*", text)) std::abort();
  const Glob glob(pattern);
  const bool matches = glob.matches(text);
  if (matches && !glob.matches_ignoring_case(text)) std::abort();
  // Of a pattern that is no UTF-8 a part may end within a character, which runs do not.
  const bool is_plain = boreal::codec::is_utf8(pattern) && pattern.size() <= 8 && text.size() <= 12;
  if (is_plain && matches != fits(pattern, text)) std::abort();
  return 0;
}
