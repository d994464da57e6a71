// UTF-8, strictly as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace boreal::codec {

// Bytes (1 to 4) of the character that starts at `at`; 0 when none does. `at` < text.size().
size_t utf8_length(std::string_view text, size_t at);

bool is_utf8(std::string_view text);

// How many characters the text has, which is UTF-8.
size_t utf8_characters(std::string_view text);

// `code_point` must be a Unicode scalar value (no surrogate).
void append_utf8(std::string& out, uint32_t code_point);

}  // namespace boreal::codec
