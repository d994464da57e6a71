#include "http/chunked.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace boreal::http {
namespace {

struct Decoded {
  int status = 0;  // of the refusal; 0: none
  bool done = false;
  std::string data;
  size_t consumed = 0;
};

Decoded decode(std::string_view text, size_t step, size_t max_data = 1000) {
  ChunkedDecoder decoder;
  Decoded out;
  while (out.consumed < text.size() && !decoder.done()) {
    const auto got = decoder.next(text.substr(out.consumed, step), max_data);
    if (!got) {
      out.status = got.error().status;
      return out;
    }
    out.data += got->data;
    out.consumed += got->consumed;
  }
  out.done = decoder.done();
  return out;
}

TEST(Chunked, TakesTheCodingOffHoweverItIsCut) {
  const std::string text =
      "5\r\nhello\r\n00B;name=\"v\"\r\n, bright \r\n\r\n5\r\nworld\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\nGET";
  for (size_t step = 1; step <= text.size(); ++step) {
    for (const size_t max_data : {1u, 3u, 1000u}) {
      const auto got = decode(text, step, max_data);
      ASSERT_EQ(got.status, 0);
      EXPECT_TRUE(got.done);
      EXPECT_EQ(got.data, "hello, bright \r\nworld");
      EXPECT_EQ(got.consumed, text.size() - 3);
    }
  }
}

TEST(Chunked, RefusesWhatReadersUnderstandDifferently) {
  using namespace std::string_literals;
  const std::pair<std::string, int> evil[] = {
      {"\r\n", 400},
      {"g\r\n", 400},
      {"-1\r\n", 400},
      {"0x5\r\nhello\r\n", 400},
      {" 5\r\nhello\r\n", 400},
      {"5 \r\nhello\r\n", 400},
      {"5\nhello\r\n", 400},
      {"5\r\nhello\n0\r\n\r\n", 400},
      {"5\r\nhelloX\r\n", 400},
      {"5\r\nhello0\r\n\r\n", 400},
      {"5;a\nb\r\nhello\r\n", 400},
      {"5;a\0\r\nhello\r\n"s, 400},
      {"5;\rX\r\nhello\r\n", 400},
      {"FFFFFFFFFFFFFFFFF\r\n", 413},
      {"10000000000000000\r\n", 413},
      {"0\r\nX-Sum 1\r\n\r\n", 400},
      {"0\r\nX-Sum : 1\r\n\r\n", 400},
      {"0\r\n folded: 1\r\n\r\n", 400},
      {"0\r\nX: 1\n\r\n", 400},
      {"0\r\n\n", 400},
      {"0\r\n\rX", 400},
      {"5;" + std::string(20'000, 'x'), 400},
      {"0\r\nX: " + std::string(10'000, 'x'), 431},
  };
  for (const auto& [text, status] : evil) {
    for (const size_t step : {size_t{1}, size_t{3}, text.size()})
      EXPECT_EQ(decode(text, step).status, status) << text.substr(0, 40);
  }
}

TEST(Chunked, ExtensionsAreBoundedOverTheWholeBody) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "1;" + std::string(250, 'x') + "\r\na\r\n";
  EXPECT_EQ(decode(text, text.size()).status, 400);
}

TEST(Chunked, TellsHowMuchDataComesNext) {
  ChunkedDecoder decoder;
  ASSERT_EQ(decoder.next("10\r\n", 100)->consumed, 4u);
  EXPECT_EQ(decoder.data_left(), 16u);
  decoder.took(15);
  EXPECT_EQ(decoder.data_left(), 1u);
  decoder.took(1);
  EXPECT_EQ(decoder.data_left(), 0u);
  EXPECT_FALSE(decoder.done());
  EXPECT_TRUE(decoder.next("\r\n0\r\n\r\n", 100).has_value());
  EXPECT_TRUE(decoder.done());
}

}  // namespace
}  // namespace boreal::http
