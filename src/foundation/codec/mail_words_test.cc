#include "codec/mail_words.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace boreal::codec {
namespace {

using namespace std::string_view_literals;

// As S3 answered in February 2026.
TEST(MailWords, WhatS3Told) {
  const std::pair<std::string_view, std::string_view> pairs[] = {
      {"ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="},
      {"test_—_file%E2%80%94_é_2?.pdf", "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?="},
      {"\0\1\2\3"sv, "=?UTF-8?B?AAECAw==?="},
      {"\xef\xbf\xbd\xef\xbf\xbd", "=?UTF-8?B?77+977+9?="},
  };
  for (const auto& [text, word] : pairs) {
    EXPECT_EQ(mail_word(text), word);
    EXPECT_EQ(decode_mail_words(word), text);
    EXPECT_FALSE(is_mail_safe(text));
  }
  EXPECT_TRUE(is_mail_safe("! \"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\t"));
}

TEST(MailWords, Decoded) {
  const std::pair<const char*, const char*> pairs[] = {
      {"=?UTF-8?Q?actually-ascii?=", "actually-ascii"},
      {"=?utf-8?b?YWJj?=", "abc"},
      {"=?ISO-8859-1*de?q?Gr=fc=DFe_x?=", "Grüße x"},
      {"=?us-ascii?Q?a?=", "a"},
      {"=?UTF-8?Q?\?=", ""},
      {"=?UTF-8?Q?a?= \t=?UTF-8?B?Yg==?=  c  =?UTF-8?Q?d?= ", "ab  c  d "},
      {"a  =?UTF-8?Q?b?=", "a  b"},
  };
  for (const auto& [word, text] : pairs) EXPECT_EQ(decode_mail_words(word), text) << word;
}

TEST(MailWords, WhatIsNoneStays) {
  for (const char* text : {"",
                           "plain  text ",
                           "=?",
                           "=?=",
                           "=?\?=",
                           "=?UTF-8?Q?=",
                           "=?UTF-8?Q?a",
                           "=?UTF-8?Q?a?b?=",
                           "=?UTF-8?X?a?=",
                           "=?UTF-8?Q?=4?=",
                           "=?UTF-8?Q?=4g?=",
                           "=?UTF-8?Q?a b?=",
                           "=?UTF-8?B?=GGG?=",
                           "=?UTF-8?B?YWJ?=",
                           "=?UTF-8?Q?=FF?=",
                           "=?us-ascii?Q?=FF?=",
                           "=?KOI8-R?Q?a?=",
                           "x=?UTF-8?Q?a?=",
                           "=?UTF-8?Q?a?=x",
                           "=??Q?a?="}) {
    EXPECT_EQ(decode_mail_words(text), text);
  }
}

TEST(MailWords, WhateverIsEncodedComesBack) {
  SeededRandom random(7);
  constexpr std::string_view pieces[] = {"a", " ", "=?", "?=", "_", "=", "\t", "\r\n", "\x7f", "é", "語", "👑"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (uint64_t i = random.u64() % 12; i > 0; --i) text += pieces[random.u64() % std::size(pieces)];
    const std::string word = mail_word(text);
    EXPECT_TRUE(is_mail_safe(word)) << word;
    EXPECT_EQ(decode_mail_words(word), text) << word;
  }
}

}  // namespace
}  // namespace boreal::codec
