// The words of RFC 2047: text of any characters where only ASCII may stand.
#pragma once

#include <string>
#include <string_view>

namespace boreal::codec {

// UTF-8 as one word: in Q when it is mostly printable ASCII, in base64 otherwise.
std::string mail_word(std::string_view text);

// White space apart, none of its characters needs a word.
bool is_mail_safe(std::string_view text);

// Every word in `text` as the UTF-8 that it stands for; the white space between two of them is theirs and goes. What
// is no word, is encoded badly, or has another character set than UTF-8, ISO-8859-1 and US-ASCII stays as it is.
std::string decode_mail_words(std::string_view text);

}  // namespace boreal::codec
