#include "http/message.h"

#include <gtest/gtest.h>

#include "http/detail/answer.h"

namespace boreal::http {
namespace {

TEST(Headers, KeepsOrderAndComparesWithoutCase) {
  Headers headers;
  headers.add("X-One", "1");
  headers.add("x-two", "");
  headers.add("x-ONE", "3");
  EXPECT_EQ(headers.get("x-one"), "1");
  EXPECT_EQ(headers.get("X-TWO"), "");
  EXPECT_FALSE(headers.has("x"));
  EXPECT_EQ(headers.count("x-one"), 2u);
  headers.set("X-ONE", "new");
  EXPECT_EQ(headers.count("x-one"), 1u);
  EXPECT_EQ(headers.get("x-one"), "new");
  EXPECT_EQ(headers[0].second, "new");
  headers.set("y", "added");
  EXPECT_EQ(headers.size(), 3u);
}

TEST(Headers, ValuesMayComeFromThemselves) {
  Headers headers;
  headers.add("a", "some longer value, past any small buffer");
  for (int i = 0; i < 100; ++i) headers.add(headers[static_cast<size_t>(i)].first, *headers.get("a"));
  for (const auto [name, value] : headers) {
    EXPECT_EQ(name, "a");
    EXPECT_EQ(value, "some longer value, past any small buffer");
  }
  headers.set(*headers.get("a"), "x");
  EXPECT_EQ(headers.size(), 102u);
  headers.set("a", *headers.get("a"));
  EXPECT_EQ(headers.size(), 2u);
}

TEST(Answer, FieldsThatBreakOutOfTheirLineAreSeen) {
  Headers headers;
  headers.add("Location", "/a");
  EXPECT_FALSE(detail::has_bad_field(headers));
  headers.set("Location", "/a\r\nSet-Cookie: x");
  EXPECT_TRUE(detail::has_bad_field(headers));
  headers.set("Location", "/a\nb");
  EXPECT_TRUE(detail::has_bad_field(headers));
  Headers name;
  name.add("A: b\r\nC", "d");
  EXPECT_TRUE(detail::has_bad_field(name));
}

std::string head_of(Response response, std::string_view method) {
  std::string out;
  const auto framing = detail::framing_of(response, method, false, true);
  detail::write_head(out, response, framing, "now");
  return out;
}

TEST(Answer, Framing) {
  EXPECT_EQ(head_of({.status = 200, .body = "abc"}, "GET"),
            "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(head_of({.status = 200, .head_length = 99}, "HEAD"),
            "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 99\r\n\r\n");
  EXPECT_EQ(head_of({.status = 204}, "DELETE"), "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n");
  EXPECT_EQ(head_of({.status = 304}, "GET"), "HTTP/1.1 304 Not Modified\r\nDate: now\r\n\r\n");
  Response own{.status = 299};
  own.headers.add("content-LENGTH", "7");
  own.headers.add("ETag", "x");
  EXPECT_EQ(head_of(std::move(own), "GET"), "HTTP/1.1 299 \r\nDate: now\r\nContent-Length: 0\r\nETag: x\r\n\r\n");
}

}  // namespace
}  // namespace boreal::http
