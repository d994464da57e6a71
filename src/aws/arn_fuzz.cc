// Any text as an ARN and as a pattern for one: what is parsed writes itself again, and a pattern's two ways of matching
// agree. First line: the pattern; the rest: the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "aws/arn.h"

namespace {

// What '*' and '?' mean, said plainly: exponential, so for short ones only.
bool fits(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') return fits(pattern.substr(1), text) || (!text.empty() && fits(pattern, text.substr(1)));
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) && fits(pattern.substr(1), text.substr(1));
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
  if (pattern.size() <= 8 && text.size() <= 12 && matches != fits(pattern, text)) std::abort();
  return 0;
}
