#include "aws/chunked.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cstring>
#include <map>

#include "base/testing.h"
#include "codec/hex.h"

namespace boreal::aws {
namespace {

// Hands out text in pieces of a given size.
class TextSource : public Source {
 public:
  TextSource(std::string text, size_t piece, bool sized = false)
      : text_(std::move(text)), piece_(piece), sized_(sized) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t count = std::min({buffer.size(), piece_, text_.size() - at_});
    std::memcpy(buffer.data(), text_.data() + at_, count);
    at_ += count;
    co_return count;
  }
  std::optional<uint64_t> size() const override {
    return sized_ ? std::optional<uint64_t>(text_.size()) : std::nullopt;
  }

 private:
  std::string text_;
  size_t piece_;
  bool sized_;
  size_t at_ = 0;
};

struct ReadBody {
  std::string data;  // what was handed on, also before a failure
  std::optional<AuthFailure> failure;
  std::optional<AuthError> error;  // the same, with all that it tells
  http::Headers trailers;
};

Task<ReadBody> read_all(std::unique_ptr<CheckedBody> body, size_t buffer_bytes) {
  ReadBody result;
  std::string buffer(buffer_bytes, '\0');
  while (true) {
    const auto count = co_await body->read(std::as_writable_bytes(std::span(buffer)));
    if (!count) {
      result.error = body->failure();
      result.failure = result.error->kind;
      break;
    }
    if (*count == 0) break;
    result.data.append(buffer, 0, *count);
  }
  result.trailers = body->trailers();
  co_return result;
}

ReadBody read(std::string wire, const BodyCheck& check, size_t piece = 1000, size_t buffer = 100) {
  TestExecutor executor;
  return executor.run(read_all(check_body(std::make_unique<TextSource>(std::move(wire), piece), check), buffer));
}

BodyCheck check_of(PayloadKind kind) {
  BodyCheck check;
  check.kind = kind;
  const CredentialScope scope{"20130524", "us-east-1", "s3"};
  check.key = derive_signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", scope);
  check.timestamp = "20130524T000000Z";
  check.scope = scope.to_string();
  check.seed_signature = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
  return check;
}

// The example in S3's API reference: 65 KiB of 'a' in chunks of 64 KiB.
TEST(SignedChunks, AgreeWithTheReferenceExample) {
  const auto check = check_of(PayloadKind::signed_chunks);
  const std::string body(66560, 'a');
  const auto wire = encode_chunks(body, 65536, check, {});
  EXPECT_EQ(wire.size(), 66824u);
  EXPECT_TRUE(
      wire.starts_with("10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"));
  EXPECT_NE(wire.find("400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n"),
            std::string::npos);
  EXPECT_TRUE(
      wire.ends_with("0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"));
  const auto result = read(wire, check);
  EXPECT_FALSE(result.failure);
  EXPECT_EQ(result.data, body);
}

// The example of the trailing header, with its own seed.
TEST(SignedChunks, TrailerAgreesWithTheReferenceExample) {
  auto check = check_of(PayloadKind::signed_chunks_and_trailer);
  check.seed_signature = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
  check.trailers = {"x-amz-checksum-crc32c"};
  http::Headers trailers;
  trailers.add("x-amz-checksum-crc32c", "sOO8/Q==");
  const auto wire = encode_chunks(std::string(66560, 'a'), 65536, check, trailers);
  EXPECT_NE(wire.find("b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"), std::string::npos);
  EXPECT_NE(wire.find("1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"), std::string::npos);
  EXPECT_NE(wire.find("2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"), std::string::npos);
  const auto result = read(wire, check);
  EXPECT_FALSE(result.failure);
  EXPECT_EQ(result.trailers.get("x-amz-checksum-crc32c"), "sOO8/Q==");
}

std::string sample() {
  std::string body;
  for (int i = 0; i < 40; ++i) body += "line " + std::to_string(i) + "\r\n";
  return body;
}

http::Headers crc_trailer() {
  http::Headers trailers;
  trailers.add("x-amz-checksum-crc32", "AAAAAA==");
  return trailers;
}

TEST(Chunks, ArriveWholeInPiecesOfAnySize) {
  for (const auto kind :
       {PayloadKind::signed_chunks, PayloadKind::signed_chunks_and_trailer, PayloadKind::unsigned_chunks_and_trailer}) {
    auto check = check_of(kind);
    http::Headers trailers;
    if (kind != PayloadKind::signed_chunks) {
      check.trailers = {"x-amz-checksum-crc32"};
      trailers = crc_trailer();
    }
    check.decoded_length = sample().size();
    check.min_chunk_bytes = 1;
    const auto wire = encode_chunks(sample(), 77, check, trailers);
    for (const size_t piece : {1, 2, 7, 64, 5000}) {
      for (const size_t buffer : {1, 5, 5000}) {
        const auto result = read(wire, check, piece, buffer);
        EXPECT_FALSE(result.failure);
        EXPECT_EQ(result.data, sample());
        EXPECT_EQ(result.trailers.size(), trailers.size());
      }
    }
    EXPECT_FALSE(
        read(encode_chunks("", 77, check_of(PayloadKind::signed_chunks), {}), check_of(PayloadKind::signed_chunks))
            .failure);
  }
}

TEST(SignedChunks, EveryBitCounts) {
  auto check = check_of(PayloadKind::signed_chunks_and_trailer);
  check.trailers = {"x-amz-checksum-crc32"};
  check.min_chunk_bytes = 1;
  const std::string body = "0123456789abcdefghij";
  const auto wire = encode_chunks(body, 10, check, crc_trailer());
  for (size_t i = 0; i < wire.size() * 8; ++i) {
    auto bad = wire;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << (i % 8)));
    const auto result = read(bad, check);
    // The digits of sizes and the names of trailers have no case: 'A' for 'a' is the same body.
    const size_t at = i / 8;
    const bool cased = std::isalpha(static_cast<unsigned char>(wire[at])) && i % 8 == 5;
    const bool caseless = wire.substr(at).starts_with("a;") || at >= wire.find("x-amz-checksum");
    const bool same = cased && caseless && result.data == body && !result.failure;
    EXPECT_TRUE(result.failure || same) << bad;
    EXPECT_TRUE(body.starts_with(result.data)) << bad;
  }
}

// However large it is, and though it is handed on as it comes: its end comes with the verdict.
TEST(SignedChunks, AreOfAnySize) {
  const auto check = check_of(PayloadKind::signed_chunks);
  const std::string body(20 << 20, 'a');
  auto wire = encode_chunks(body, body.size(), check, {});
  const auto whole = read(wire, check, SIZE_MAX, 256 << 10);
  EXPECT_FALSE(whole.failure);
  EXPECT_TRUE(whole.data == body);
  wire[wire.find("\r\n") + 2] = 'b';
  const auto wrong = read(wire, check, SIZE_MAX, 256 << 10);
  EXPECT_EQ(wrong.failure, AuthFailure::chunk_mismatch);
  EXPECT_LT(wrong.data.size(), body.size());
}

TEST(SignedChunks, OrderAndNumberCount) {
  auto check = check_of(PayloadKind::signed_chunks);
  check.min_chunk_bytes = 1;
  const std::string one = encode_chunks("aaaaaaaaaabbbbbbbbbb", 10, check, {});
  const size_t chunk = one.find("\r\n") + 2 + 10 + 2;
  const auto first = one.substr(0, chunk), second = one.substr(chunk, chunk), end = one.substr(2 * chunk);
  EXPECT_FALSE(read(first + second + end, check).failure);
  EXPECT_EQ(read(second + first + end, check).failure, AuthFailure::chunk_mismatch);
  EXPECT_EQ(read(first + end, check).failure, AuthFailure::chunk_mismatch);
  EXPECT_EQ(read(first + first + second + end, check).failure, AuthFailure::chunk_mismatch);
  EXPECT_EQ(read(first + second, check).failure, AuthFailure::body_incomplete);
  EXPECT_EQ(read(one.substr(0, chunk + 20), check).failure, AuthFailure::body_incomplete);
  EXPECT_EQ(read(first + second + end + "x", check).failure, AuthFailure::body_malformed);
  EXPECT_EQ(read("", check).failure, AuthFailure::body_incomplete);
}

TEST(Chunks, BrokenFramingIsRefused) {
  auto check = check_of(PayloadKind::unsigned_chunks_and_trailer);
  for (const std::string bad :
       {"\r\n", "g\r\n", "-1\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "5\r\nhelloo\r\n0\r\n\r\n", "1234567890123\r\n",
        "5;chunk-signature=0\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n"}) {
    EXPECT_EQ(read(bad, check).failure, AuthFailure::body_malformed) << bad;
  }
  EXPECT_EQ(read(std::string(100'000, '1'), check).failure, AuthFailure::body_malformed);
  EXPECT_EQ(read("1000000\r\nx", check).failure, AuthFailure::body_incomplete);
  const auto is_signed = check_of(PayloadKind::signed_chunks);
  const std::string signature(64, '0');
  EXPECT_EQ(read("1000001;chunk-signature=" + signature + "\r\nx", is_signed).failure, AuthFailure::body_incomplete);
  for (const std::string none : {"1;\r\nx\r\n", "1;chunk-signature\r\nx\r\n", "1;chunk-signature= \r\nx\r\n"})
    EXPECT_EQ(read(none, is_signed).failure, AuthFailure::body_malformed) << none;
  for (const auto& wrong : {signature.substr(1), signature + "0", std::string("invalid")}) {
    EXPECT_EQ(read("1;chunk-signature=" + wrong + "\r\nx\r\n", is_signed).failure, AuthFailure::chunk_mismatch)
        << wrong;
  }
  EXPECT_EQ(read("5\r\nhello\r\n0\r\n\r\n", check_of(PayloadKind::signed_chunks)).failure, AuthFailure::body_malformed);
}

TEST(Chunks, BrokenTrailersAreRefused) {
  auto check = check_of(PayloadKind::unsigned_chunks_and_trailer);
  for (const std::string bad :
       {"0\r\nx-other:1\r\n\r\n", "0\r\nno colon\r\n\r\n", "0\r\nx-amz-trailer-signature:0\r\n\r\n"}) {
    EXPECT_EQ(read(bad, check).failure, AuthFailure::trailer_malformed) << bad;
  }
  check.trailers = {"x-amz-checksum-crc32"};
  EXPECT_EQ(read("0\r\n\r\n", check).failure, AuthFailure::trailer_malformed);  // the announced trailer is missing
  EXPECT_EQ(read("0\r\n\r\nx-amz-checksum-crc32:a\r\n", check).failure, AuthFailure::trailer_malformed);
  EXPECT_EQ(read("0\r\nx-amz-checksum-crc32:a", check).failure, AuthFailure::body_incomplete);
  EXPECT_EQ(read("0\r\nx-amz-checksum-crc32:a\r", check).failure, AuthFailure::body_incomplete);
}

TEST(Chunks, UnsignedEndsAreTakenAsAwsTakesThem) {
  auto check = check_of(PayloadKind::unsigned_chunks_and_trailer);
  for (const std::string end : {"", "\r\n", "\r\n\r\n", "\r\njunk", "\r\nno: trailer\r\n"}) {
    for (const size_t piece : {1, 7, 1000}) {
      const auto result = read("5\r\nhello\r\n0\r\n" + end, check, piece);
      EXPECT_FALSE(result.failure) << end;
      EXPECT_EQ(result.data, "hello");
    }
  }
  check.trailers = {"x-amz-checksum-crc32"};
  const auto twice = read("0\r\nx-amz-checksum-crc32:a\r\nx-amz-checksum-crc32:b\r\n", check);
  EXPECT_FALSE(twice.failure);
  EXPECT_EQ(twice.trailers.get("x-amz-checksum-crc32"), "b");
}

TEST(SignedChunks, ParametersMayBeSpaced) {
  const auto check = check_of(PayloadKind::signed_chunks);
  const auto good = encode_chunks("hello", 10, check, {});
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string wire = good;
    for (size_t at = wire.find(from); at != std::string::npos; at = wire.find(from, at + to.size()))
      wire.replace(at, from.size(), to);
    return read(wire, check).failure;
  };
  EXPECT_FALSE(with(";chunk-signature", " ; chunk-signature"));
  EXPECT_FALSE(with("chunk-signature=", "chunk-signature = "));
  EXPECT_EQ(with(";chunk-signature", ";extra=1;chunk-signature"), AuthFailure::chunk_mismatch);
  EXPECT_EQ(with("chunk-signature", "chunk-signatura"), AuthFailure::chunk_mismatch);
  EXPECT_EQ(with("\r\nhello", ";extra=1\r\nhello"), AuthFailure::body_malformed);
}

TEST(SignedChunks, WrongSignaturesTellWhatWasSigned) {
  auto check = check_of(PayloadKind::signed_chunks_and_trailer);
  check.trailers = {"x-amz-checksum-crc32"};
  check.access_key = "AKIDEXAMPLE";
  check.canonical_request = "PUT\n/";
  const auto first_line = [&](const std::string& wire) {
    const auto error = read(wire, check).error;
    if (!error || error->kind != AuthFailure::chunk_mismatch) return std::string();
    std::map<std::string, std::string> fields(error->fields.begin(), error->fields.end());
    EXPECT_EQ(fields["AWSAccessKeyId"], "AKIDEXAMPLE");
    EXPECT_EQ(fields["SignatureProvided"], std::string(64, '0'));
    EXPECT_EQ(fields["CanonicalRequestBytes"], "50 55 54 0a 2f");
    EXPECT_TRUE(fields["StringToSignBytes"].starts_with("41 57 53 34 "));
    return fields["StringToSign"].substr(0, fields["StringToSign"].find('\n'));
  };
  auto wire = encode_chunks("hello", 10, check, crc_trailer());
  const std::string zeros(64, '0');
  const size_t trailer = wire.find("x-amz-trailer-signature:") + 24;
  EXPECT_EQ(first_line(std::string(wire).replace(wire.find('=') + 1, 64, zeros)), "AWS4-HMAC-SHA256-PAYLOAD");
  EXPECT_EQ(first_line(std::string(wire).replace(trailer, 64, zeros)), "AWS4-HMAC-SHA256-TRAILER");
  // Without a signature it is no trailer that is wrong, but one that has not ended.
  EXPECT_EQ(read(wire.substr(0, wire.find("x-amz-trailer-signature")), check).failure, AuthFailure::body_incomplete);
  EXPECT_EQ(read(wire.substr(0, wire.find("x-amz-trailer-signature")) + "\r\n", check).failure,
            AuthFailure::body_incomplete);
}

TEST(Chunks, OnlyTheLastMayBeSmall) {
  struct Row {
    size_t body, chunk;
    bool is_good;
  };
  constexpr Row rows[] = {
      {8193, 8192, true}, {100, 100, true}, {16384, 8192, true}, {8192, 8191, false}, {101, 100, false}};
  for (const auto kind : {PayloadKind::signed_chunks, PayloadKind::unsigned_chunks_and_trailer}) {
    const auto check = check_of(kind);
    for (const Row& row : rows) {
      const auto failure = read(encode_chunks(std::string(row.body, 'a'), row.chunk, check, {}), check).failure;
      EXPECT_EQ(failure, row.is_good ? std::nullopt : std::optional(AuthFailure::chunk_too_small)) << row.chunk;
    }
  }
}

TEST(Chunks, DecodedLengthIsChecked) {
  auto check = check_of(PayloadKind::unsigned_chunks_and_trailer);
  check.decoded_length = 5;
  EXPECT_FALSE(read("5\r\nhello\r\n0\r\n\r\n", check).failure);
  using Fields = std::vector<std::pair<std::string, std::string>>;
  const auto few = read("4\r\nhell\r\n0\r\n\r\n", check);
  EXPECT_EQ(few.failure, AuthFailure::body_length);
  EXPECT_EQ(few.error->fields, (Fields{{"NumberBytesExpected", "5"}, {"NumberBytesProvided", "4"}}));
  check.min_chunk_bytes = 1;
  const auto many = read("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", check);
  EXPECT_EQ(many.failure, AuthFailure::body_length);
  EXPECT_EQ(many.error->fields, (Fields{{"NumberBytesExpected", "5"}, {"NumberBytesProvided", "6"}}));
}

TEST(PlainBody, DigestIsCheckedBeforeTheLastByte) {
  BodyCheck check;
  check.kind = PayloadKind::sha256;
  check.sha256 = codec::hex_encode(crypto::Sha256::of("hello world"));
  EXPECT_EQ(read("hello world", check).data, "hello world");
  EXPECT_FALSE(read("hello world", check).failure);
  EXPECT_EQ(read("hello worle", check, 3).failure, AuthFailure::payload_mismatch);
  TestExecutor executor;
  const auto sized =
      executor.run(read_all(check_body(std::make_unique<TextSource>("hello worle", 4, true), check), 100));
  EXPECT_EQ(sized.failure, AuthFailure::payload_mismatch);
  EXPECT_EQ(sized.data, "hello wo");  // whoever counts the bytes never gets them all
  check.sha256 = codec::hex_encode(crypto::Sha256::of("hello world"));
  std::ranges::transform(check.sha256, check.sha256.begin(), [](unsigned char c) { return std::toupper(c); });
  EXPECT_FALSE(read("hello world", check).failure);
  const auto wrong = read("hello worle", check);
  EXPECT_EQ(wrong.error->fields.front(), std::pair(std::string("ClientComputedContentSHA256"), check.sha256));
  check.kind = PayloadKind::unsigned_bytes;
  EXPECT_EQ(read("anything", check).data, "anything");
}

}  // namespace
}  // namespace boreal::aws
