#include "http/parser.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace boreal::http {
namespace {

struct Parsed {
  int status = 0;  // 0: taken
  size_t size = 0;
  RequestHead head;
  std::shared_ptr<const std::string> text;  // what the views of head are into
};

constexpr HeadLimits small{.line_bytes = 100, .header_bytes = 200, .header_count = 5};

// As the server does, with the bytes coming in pieces of `step`.
Parsed parse(std::string_view given, size_t step, HeadLimits limits = {}) {
  HeadScanner scanner(limits);
  Parsed out{.text = std::make_shared<const std::string>(given)};
  const std::string_view text = *out.text;
  for (size_t have = std::min(step, text.size());; have = std::min(have + step, text.size())) {
    const auto size = scanner.scan(text.substr(0, have));
    if (!size) return {.status = size.error().status};
    if (*size > 0) {
      out.size = *size;
      break;
    }
    if (have == text.size()) return {.status = -1};  // more is needed
  }
  const auto parsed = parse_request_head(text.substr(scanner.start(), out.size - scanner.start()), out.head);
  if (!parsed) return {.status = parsed.error().status};
  return out;
}

std::string get(std::string_view fields) { return "GET / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n"; }

TEST(Parser, TakesOrdinaryHeads) {
  const std::string text =
      "PUT /b/k%20x?partNumber=1&uploadId=a HTTP/1.1\r\nHost: S3.example:4566\r\nContent-Length: 12\r\nX-Empty:\r\n"
      "x-two: \t a  b \t\r\nexpect: 100-Continue\r\n\r\nbody";
  const auto got = parse(text, text.size());
  ASSERT_EQ(got.status, 0);
  EXPECT_EQ(got.size, text.size() - 4);
  EXPECT_EQ(got.head.method, "PUT");
  EXPECT_EQ(got.head.target, "/b/k%20x?partNumber=1&uploadId=a");
  EXPECT_EQ(got.head.path, "/b/k%20x");
  EXPECT_EQ(got.head.query, "partNumber=1&uploadId=a");
  EXPECT_EQ(got.head.host, "S3.example:4566");
  EXPECT_EQ(got.head.content_length, 12u);
  EXPECT_TRUE(got.head.expects_continue);
  EXPECT_TRUE(got.head.keep_alive);
  ASSERT_EQ(got.head.fields.size(), 5u);
  EXPECT_EQ(got.head.fields[2].second, "");
  EXPECT_EQ(got.head.fields[3].second, "a  b");
}

TEST(Parser, Targets) {
  const auto target = [](const std::string& text) {
    auto got = parse("OPTIONS " + text + " HTTP/1.1\r\nHost: h\r\n\r\n", 1000);
    return std::to_string(got.status) + " " + std::string(got.head.host) + " " + std::string(got.head.path) + " " +
           std::string(got.head.query);
  };
  EXPECT_EQ(target("/"), "0 h / ");
  EXPECT_EQ(target("*"), "0 h * ");
  EXPECT_EQ(target("/a?b?c"), "0 h /a b?c");
  EXPECT_EQ(target("//a//../b"), "0 h //a//../b ");
  EXPECT_EQ(target("http://other:1/p?q"), "0 other:1 /p q");
  EXPECT_EQ(target("HTTPS://other"), "0 other / ");
  EXPECT_EQ(target("http://other?q"), "0 other / q");
  for (const char* bad :
       {"", "a", "http:///x", "http://a@b/x", "ftp://x/", "/a#b", "/a\x7f", "/\xc3\xa4", "/a b", "/a\tb"}) {
    EXPECT_EQ(target(bad).substr(0, 3), "400") << bad;
  }
}

// Else the host that is signed would not be the host that is asked.
TEST(Parser, TheHostFieldSaysWhatTheTargetSays) {
  const auto field = [](const std::string& target, const std::string& host) {
    auto got = parse("GET " + target + " HTTP/1.1\r\na: b\r\nHost: " + host + "\r\nc: d\r\n\r\n", 1000);
    EXPECT_EQ(got.status, 0);
    return got.head.fields.size() == 3 ? std::string(got.head.fields[1].second) : "";
  };
  EXPECT_EQ(field("http://b.s3.localhost/k", "a.s3.localhost"), "b.s3.localhost");
  EXPECT_EQ(field("http://b.s3.localhost:4566/k", ""), "b.s3.localhost:4566");
  EXPECT_EQ(field("http://b.s3.localhost/k", "B.S3.localhost"), "B.S3.localhost") << "as it was signed";
  EXPECT_EQ(field("/k", "a.s3.localhost"), "a.s3.localhost");
}

TEST(Parser, Versions) {
  const auto version = [](const std::string& text) {
    return parse("GET / " + text + "\r\nHost: h\r\n\r\n", 1000).status;
  };
  EXPECT_EQ(version("HTTP/1.1"), 0);
  EXPECT_EQ(version("HTTP/1.0"), 0);
  EXPECT_EQ(version("HTTP/1.2"), 505);
  EXPECT_EQ(version("HTTP/2.0"), 505);
  EXPECT_EQ(version("HTTP/0.9"), 505);
  for (const char* bad : {"", "HTTP/1", "HTTP/1.10", "http/1.1", "HTTP/1.1 ", "HTTP/11", "ICY/1.1"})
    EXPECT_EQ(version(bad), 400) << bad;
  EXPECT_EQ(parse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 1000).status, 505);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n", 1000).head.keep_alive);
  EXPECT_FALSE(parse(get("Connection: foo , CLOSE\r\n"), 1000).head.keep_alive);
  EXPECT_TRUE(parse(get("Connection: keep-alive\r\n"), 1000).head.keep_alive);
}

struct Evil {
  const char* name;
  std::string text;
  int status;
};

std::vector<Evil> evil_heads() {
  using namespace std::string_literals;
  return {
      {"both framings", get("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"both framings, other order", get("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), 400},
      {"differing lengths", get("Content-Length: 3\r\nContent-Length: 4\r\n"), 400},
      {"length list", get("Content-Length: 3, 3\r\n"), 400},
      {"signed length", get("Content-Length: +3\r\n"), 400},
      {"negative length", get("Content-Length: -3\r\n"), 400},
      {"hex length", get("Content-Length: 0x3\r\n"), 400},
      {"empty length", get("Content-Length: \r\n"), 400},
      {"length with a blank inside", get("Content-Length: 1 2\r\n"), 400},
      {"huge length", get("Content-Length: 18446744073709551616\r\n"), 413},
      {"unknown coding", get("Transfer-Encoding: gzip\r\n"), 501},
      {"stacked codings", get("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"chunked with a vertical tab", get("Transfer-Encoding: \x0b"s + "chunked\r\n"), 400},
      {"chunked twice", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"chunked in quotes", get("Transfer-Encoding: \"chunked\"\r\n"), 501},
      {"hidden identity", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400},
      {"coding in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"blank before colon", get("Content-Length : 3\r\n"), 400},
      {"folded line", get("X: a\r\n b\r\n"), 400},
      {"folded first line", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
      {"no colon", get("X\r\n"), 400},
      {"no name", get(": x\r\n"), 400},
      {"bad name", get("X(y): x\r\n"), 400},
      {"NUL in a value", get("X: a\0b\r\n"s), 400},
      {"NUL in a name", get("X\0: b\r\n"s), 400},
      {"bare CR in a value", get("X: a\rY: b\r\n"), 400},
      {"CR CR LF", get("X: a\r\r\n"), 400},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
      {"bare LF after a field", "GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
      {"CR in the request line", "GET /\r HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"two hosts", get("Host: h\r\n"), 400},
      {"no host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400},
      {"bad host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"host with user", "GET / HTTP/1.1\r\nHost: u@b\r\n\r\n", 400},
      {"two blanks", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"bad method", "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"TLS hello", "\x16\x03\x01\x02"s, 400},
      {"leading blank", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"CONNECT", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
      {"two empty lines in front", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
  };
}

TEST(Parser, RefusesEvilHeadsHoweverTheyAreCut) {
  for (const auto& evil : evil_heads()) {
    for (const size_t step : {size_t{1}, size_t{2}, size_t{7}, evil.text.size()}) {
      EXPECT_EQ(parse(evil.text, step).status, evil.status) << evil.name << " in pieces of " << step;
    }
  }
}

TEST(Parser, EveryCutOfAGoodHeadGivesTheSame) {
  const std::string text =
      "\r\nPOST /a?b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\nA: b\r\n\r\nrest\r\n\r\n";
  for (size_t step = 1; step <= text.size(); ++step) {
    const auto got = parse(text, step);
    ASSERT_EQ(got.status, 0) << step;
    EXPECT_EQ(got.size, text.find("rest"));
    EXPECT_TRUE(got.head.chunked);
    EXPECT_EQ(got.head.fields.size(), 3u);
    EXPECT_FALSE(got.head.content_length);
  }
  for (size_t size = 0; size < text.find("rest"); ++size) EXPECT_EQ(parse(text.substr(0, size), 1).status, -1) << size;
}

TEST(Parser, SameLengthTwiceIsOneLength) {
  EXPECT_EQ(parse(get("Content-Length: 3\r\nContent-Length: 3\r\n"), 100).head.content_length, 3u);
}

TEST(Parser, LimitsAreSeenBeforeTheEnd) {
  const std::string long_line = "GET /" + std::string(200, 'x');
  EXPECT_EQ(parse(long_line, 1, small).status, 414);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(250, 'x'), 1, small).status, 431);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n", 1, small).status, 431);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: h\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n", 1, small).status, 0);
}

TEST(ResponseParser, TakesAndRefuses) {
  ResponseHead head;
  EXPECT_TRUE(parse_response_head("HTTP/1.1 204 No Content\r\nA: b\r\n\r\n", head));
  EXPECT_EQ(head.status, 204);
  EXPECT_TRUE(parse_response_head("HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", head));
  EXPECT_EQ(head.content_length, 5u);
  for (const char* bad :
       {"HTTP/1.1 20\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 2000\r\n\r\n", "HTTP/1.1 0x2 OK\r\n\r\n", "\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 099 x\r\n\r\n"}) {
    EXPECT_FALSE(parse_response_head(bad, head)) << bad;
  }
}

}  // namespace
}  // namespace boreal::http
