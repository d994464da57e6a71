#include "aws/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "aws/service.h"
#include "base/text.h"
#include "codec/hex.h"
#include "codec/percent.h"
#include "codec/time.h"

namespace boreal::aws {
namespace {

using testing::HasSubstr;

constexpr auto secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const Time now = *codec::parse_basic("20150830T123600Z");
const SigningCredentials credentials{"AKIDEXAMPLE", secret, ""};

// A request that owns its parts.
struct Request {
  std::string method = "GET";
  std::string path = "/";
  std::string query;
  http::Headers headers;
  std::string body;
  RequestView view() const { return {method, path, query, headers}; }
};

std::string hash_of(const std::string& body) { return codec::hex_encode(crypto::Sha256::of(body)); }

AuthResult<BodyCheck> check(const Request& request, Canon canon, std::string_view service, Time at = now,
                            std::string_view region = "us-east-1") {
  SigningKeyCache keys;
  TRY(const auto signature, parse_signature(request.view(), canon));
  if (signature.mode == SigningMode::anonymous) return std::unexpected(AuthError{AuthFailure::missing, "anonymous"});
  if (signature.access_key != credentials.access_key) {
    return std::unexpected(AuthError{AuthFailure::unknown_key, "nobody's key"});
  }
  return verify_signature(
      signature, request.view(),
      {.canon = canon, .service = service, .region = region, .secret = secret, .now = at, .body = &request.body}, keys);
}

void add_signature(Request& request, const SignOptions& options, const SigningCredentials& who = credentials) {
  for (const auto& [name, value] : sign(request.view(), who, options)) request.headers.set(name, value);
}

Request s3_put(std::string payload_hash = "UNSIGNED-PAYLOAD") {
  Request request{.method = "PUT", .path = "/bucket/some%20key", .query = "versionId=v1&x-id=PutObject"};
  request.headers.add("Host", "s3.local");
  request.headers.add("x-amz-meta-color", "dark  green");
  add_signature(request, {Canon::s3, "s3", "us-east-1", now, std::move(payload_hash)});
  return request;
}

Request rds_call() {
  Request request{.method = "POST", .body = "Action=DescribeDBClusters"};
  request.headers.add("Host", "rds.local");
  request.headers.add("X-Amz-Target", "nothing");
  add_signature(request, {Canon::standard, "rds", "us-east-1", now, hash_of(request.body)});
  return request;
}

Request presigned_get(int64_t expires_s = 300) {
  Request request{.path = "/bucket/key", .query = "response-content-type=text%2Fplain"};
  request.headers.add("Host", "s3.local");
  request.query =
      presign(request.view(), credentials, {Canon::s3, "s3", "us-east-1", now, "UNSIGNED-PAYLOAD"}, expires_s);
  return request;
}

AuthFailure failure_of(const AuthResult<BodyCheck>& result) {
  EXPECT_FALSE(result);
  return result.error().kind;
}

struct Vector {
  std::string name, method, path, query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool normalized, expires;
  std::string header_signature, query_signature;
};
const std::vector<Vector> vectors = {
#include "aws/testdata/sigv4_vectors.inc"
};

Request request_of(const Vector& row) {
  Request request{.method = row.method, .path = row.path, .query = row.query, .body = row.body};
  request.headers.add("Host", "example.amazonaws.com");
  for (const auto& [name, value] : row.headers) request.headers.add(name, value);
  return request;
}

std::vector<std::string> names_of(const Request& request) {
  std::vector<std::string> names;
  for (const auto& [field, value] : request.headers) {
    std::string name(field);
    std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
    names.push_back(name);
  }
  std::ranges::sort(names);
  const auto [first, last] = std::ranges::unique(names);
  names.erase(first, last);
  return names;
}

std::string computed(const Request& request, const Vector& row) {
  const CredentialScope scope{"20150830", "us-east-1", "service"};
  const auto canonical = canonical_request(request.view(), row.normalized ? Canon::standard : Canon::s3,
                                           names_of(request), hash_of(row.body));
  EXPECT_TRUE(canonical);
  return sign_text(derive_signing_key(secret, scope), string_to_sign("20150830T123600Z", scope, *canonical));
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ";") + name;
  return text;
}

TEST(SigV4Vectors, HeaderForm) {
  int seen = 0;
  for (const auto& row : vectors) {
    if (row.header_signature.empty()) continue;
    auto request = request_of(row);
    request.headers.add("X-Amz-Date", "20150830T123600Z");
    EXPECT_EQ(computed(request, row), row.header_signature) << row.name;
    const auto names = joined(names_of(request));
    request.headers.add(
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" + names +
            ", Signature=" + row.header_signature);
    if (row.normalized) EXPECT_TRUE(check(request, Canon::standard, "service")) << row.name;
    ++seen;
  }
  EXPECT_EQ(seen, 35);
}

TEST(SigV4Vectors, QueryForm) {
  int seen = 0;
  for (const auto& row : vectors) {
    if (row.query_signature.empty()) continue;
    auto request = request_of(row);
    if (!request.query.empty()) request.query += '&';
    request.query +=
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_request"
        "&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=" +
        codec::percent_encode(joined(names_of(request)));
    if (row.expires) request.query += "&X-Amz-Expires=3600";
    request.query += "&X-Amz-Signature=" + row.query_signature;
    EXPECT_EQ(computed(request, row), row.query_signature) << row.name;
    request.headers.add("X-Amz-Date", "20150830T123600Z");  // the suite leaves it in, unsigned
    if (row.normalized && row.expires) EXPECT_TRUE(check(request, Canon::standard, "service")) << row.name;
    ++seen;
  }
  EXPECT_EQ(seen, 35);
}

TEST(SigV4, SignedRequestsAreBelieved) {
  const auto s3 = check(s3_put(), Canon::s3, "s3");
  ASSERT_TRUE(s3) << s3.error().message;
  EXPECT_EQ(s3->kind, PayloadKind::unsigned_bytes);
  EXPECT_EQ(check(s3_put(hash_of("x")), Canon::s3, "s3")->sha256, hash_of("x"));
  EXPECT_EQ(check(s3_put("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), Canon::s3, "s3")->kind, PayloadKind::signed_chunks);
  EXPECT_TRUE(check(rds_call(), Canon::standard, "rds"));
  EXPECT_TRUE(check(presigned_get(), Canon::s3, "s3"));
  EXPECT_EQ(failure_of(check(Request{}, Canon::s3, "s3")), AuthFailure::missing);
}

TEST(SigV4, DateHeaderCounts) {
  auto request = rds_call();
  Request dated{.method = "POST", .body = request.body};
  dated.headers.add("Host", "rds.local");
  dated.headers.add("Date", "Sun, 30 Aug 2015 12:36:00 GMT");
  const CredentialScope scope{"20150830", "us-east-1", "rds"};
  const auto canonical = canonical_request(dated.view(), Canon::standard, {"date", "host"}, hash_of(dated.body));
  dated.headers.add(
      "Authorization",
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/rds/aws4_request,SignedHeaders=date;host,Signature=" +
          sign_text(derive_signing_key(secret, scope), string_to_sign("20150830T123600Z", scope, *canonical)));
  EXPECT_TRUE(check(dated, Canon::standard, "rds"));
}

// A client that sends ISO-8859-1 has signed the characters, as UTF-8.
TEST(SigV4, HeadersBeyondAscii) {
  const auto canonical_of = [](std::string value) {
    Request request;
    request.headers.add("x-amz-meta-name", std::move(value));
    return *canonical_request(request.view(), Canon::s3, {"x-amz-meta-name"}, "UNSIGNED-PAYLOAD");
  };
  EXPECT_EQ(canonical_of("Gr\xfc\xdf"
                         "e"),
            canonical_of("Gr\u00fc\u00dfe"));
  EXPECT_NE(canonical_of("Gr\xfc"), canonical_of("Gru"));
}

// Flips every bit of `part`, one at a time; each must be refused, unless the change means the same.
void expect_every_flip_refused(const Request& good, std::string Request::* part, Canon canon,
                               std::string_view service) {
  ASSERT_TRUE(check(good, canon, service));
  for (size_t i = 0; i < (good.*part).size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Request bad = good;
      (bad.*part)[i] = static_cast<char>((bad.*part)[i] ^ (1 << bit));
      const bool same_meaning = canon == Canon::s3 && codec::percent_decode_leniently(bad.*part) ==
                                                          codec::percent_decode_leniently(good.*part);
      if (!same_meaning) EXPECT_FALSE(check(bad, canon, service)) << bad.*part;
    }
  }
}

TEST(SigV4Attacks, EveryBitOfMethodPathQueryAndBodyCounts) {
  for (auto part : {&Request::method, &Request::path, &Request::query}) {
    expect_every_flip_refused(s3_put(), part, Canon::s3, "s3");
    expect_every_flip_refused(rds_call(), part, Canon::standard, "rds");
  }
  expect_every_flip_refused(rds_call(), &Request::body, Canon::standard, "rds");
  for (auto part : {&Request::method, &Request::path, &Request::query})
    expect_every_flip_refused(presigned_get(), part, Canon::s3, "s3");
}

TEST(SigV4Attacks, EveryBitOfEveryHeaderCounts) {
  const auto good = s3_put();
  for (const auto& [name, value] : good.headers) {
    for (size_t i = 0; i < value.size() * 8; ++i) {
      Request bad = good;
      std::string changed(value);
      changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << (i % 8)));
      bad.headers.set(std::string(name), changed);
      // The names of the signed headers have no case.
      const bool is_name = i / 8 >= value.find("host;") && i / 8 < value.find(", Signature=");
      const bool same_meaning = is_name && equal_ignoring_case(changed, value);
      if (!same_meaning) EXPECT_FALSE(check(bad, Canon::s3, "s3")) << name << ": " << changed;
    }
  }
}

TEST(SigV4Attacks, ScopeAndTime) {
  EXPECT_EQ(failure_of(check(s3_put(), Canon::s3, "rds")), AuthFailure::scope_service);
  EXPECT_EQ(failure_of(check(s3_put(), Canon::s3, "s3", now, "eu-west-1")), AuthFailure::scope_region);
  EXPECT_TRUE(check(s3_put(), Canon::s3, "s3", now, ""));
  EXPECT_TRUE(check(s3_put(), Canon::s3, "s3", now + std::chrono::minutes(15)));
  EXPECT_EQ(failure_of(check(s3_put(), Canon::s3, "s3", now + std::chrono::milliseconds(900'001))),
            AuthFailure::skewed);
  EXPECT_EQ(failure_of(check(s3_put(), Canon::s3, "s3", now - std::chrono::milliseconds(900'001))),
            AuthFailure::skewed);
  auto of_another_day = parse_signature(s3_put().view(), Canon::s3).value();
  of_another_day.scope.date = "20150831";
  const VerifyOptions options{.canon = Canon::s3, .service = "s3", .region = "us-east-1", .now = now};
  EXPECT_EQ(check_claims(of_another_day, options).error().kind, AuthFailure::scope_date);
  EXPECT_TRUE(check(presigned_get(), Canon::s3, "s3", now + std::chrono::seconds(300)));
  EXPECT_EQ(failure_of(check(presigned_get(), Canon::s3, "s3", now + std::chrono::seconds(301))), AuthFailure::expired);
  EXPECT_EQ(failure_of(check(presigned_get(), Canon::s3, "s3", now - std::chrono::minutes(16))),
            AuthFailure::not_yet_valid);
  EXPECT_TRUE(check(presigned_get(604'800), Canon::s3, "s3"));
  EXPECT_EQ(failure_of(check(presigned_get(0), Canon::s3, "s3")), AuthFailure::expired);
  for (const int64_t wrong : {int64_t{-1}, int64_t{604'801}}) {
    EXPECT_EQ(failure_of(check(presigned_get(wrong), Canon::s3, "s3")), AuthFailure::malformed_query) << wrong;
  }
}

TEST(SigV4Attacks, UnsignedHeadersAreNotSmuggledIn) {
  auto request = s3_put();
  request.headers.add("x-amz-acl", "public-read");
  const auto refused = check(request, Canon::s3, "s3");
  EXPECT_EQ(failure_of(refused), AuthFailure::header_not_signed);
  EXPECT_EQ(refused.error().fields[0].second, "x-amz-acl");
  request = s3_put();
  request.headers.add("X-Boreal-Replica", "one");  // our own count like AWS's
  EXPECT_EQ(failure_of(check(request, Canon::s3, "s3")), AuthFailure::header_not_signed);
  request = presigned_get();
  request.headers.add("X-Amz-Copy-Source", "other/key");
  EXPECT_EQ(failure_of(check(request, Canon::s3, "s3")), AuthFailure::header_not_signed);
  request = s3_put();
  request.headers.add("x-amz-meta-color", "red");  // a second value of a signed header
  EXPECT_EQ(failure_of(check(request, Canon::s3, "s3")), AuthFailure::mismatch);

  Request target{.method = "POST"};
  target.headers.add("Host", "kms.local");
  add_signature(target, {Canon::standard, "kms", "us-east-1", now, hash_of("")});
  target.headers.add("X-Amz-Target", "TrentService.ScheduleKeyDeletion");
  EXPECT_EQ(failure_of(check(target, Canon::standard, "kms")), AuthFailure::header_not_signed);
}

TEST(SigV4Attacks, HostMustBeSigned) {
  Request request{.method = "GET"};
  add_signature(request, {Canon::standard, "rds", "us-east-1", now, hash_of("")});  // there is no host to sign
  request.headers.add("Host", "rds.local");
  EXPECT_EQ(failure_of(check(request, Canon::standard, "rds")), AuthFailure::header_not_signed);
}

TEST(SigV4Attacks, TwoMechanismsAreRefused) {
  auto request = s3_put();
  request.query += "&" + presigned_get().query;
  EXPECT_EQ(failure_of(check(request, Canon::s3, "s3")), AuthFailure::two_mechanisms);
  request = s3_put();
  request.query += "&%58-Amz-Signature=00";  // the name in disguise
  EXPECT_EQ(failure_of(check(request, Canon::s3, "s3")), AuthFailure::two_mechanisms);
  request = s3_put();
  request.headers.add("Authorization", std::string(*request.headers.get("Authorization")));
  EXPECT_EQ(failure_of(check(request, Canon::s3, "s3")), AuthFailure::not_served);
  EXPECT_EQ(failure_of(check(request, Canon::standard, "s3")), AuthFailure::malformed);
}

// The second is signed like any other parameter, but says nothing.
TEST(SigV4Attacks, TheFirstOfDoubledParametersCounts) {
  auto request = presigned_get();
  request.query += "&X-Amz-Expires=604800";
  EXPECT_EQ(failure_of(check(request, Canon::s3, "s3")), AuthFailure::mismatch);
  EXPECT_EQ(parse_signature(request.view(), Canon::s3)->expires_s,
            parse_signature(presigned_get().view(), Canon::s3)->expires_s);
  EXPECT_EQ(parse_signature(request.view(), Canon::standard).error().kind, AuthFailure::malformed_query);
}

TEST(SigV4Attacks, StreamingNeedsAHeaderSignature) {
  for (const std::string mode : {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}) {
    Request request{.method = "PUT", .path = "/bucket/key"};
    request.headers.add("Host", "s3.local");
    request.headers.add("x-amz-content-sha256", mode);
    const auto checked = [&] {
      request.query.clear();
      request.query = presign(request.view(), credentials, {Canon::s3, "s3", "us-east-1", now, mode}, 60);
      return check(request, Canon::s3, "s3");
    };
    EXPECT_EQ(failure_of(checked()), AuthFailure::decoded_length) << mode;
    request.headers.add("x-amz-decoded-content-length", "5");
    // In a URL it is a digest like another, though of nothing: no frames are taken (CVE-2026-41145).
    ASSERT_TRUE(checked());
    EXPECT_EQ(checked()->kind, PayloadKind::sha256);
    EXPECT_EQ(checked()->sha256, mode);
  }
  Request anonymous{.method = "PUT"};
  anonymous.headers.add("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  EXPECT_EQ(failure_of(anonymous_body(anonymous.view())), AuthFailure::payload_mode);
  anonymous.headers.set("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
  EXPECT_EQ(anonymous_body(anonymous.view())->kind, PayloadKind::unsigned_chunks_and_trailer);
}

TEST(SigV4, WhatHasNoBodyIsNotHeldToADigest) {
  for (const std::string method : {"GET", "HEAD", "PUT", "DELETE"}) {
    Request request{.method = method};
    request.headers.add("x-amz-content-sha256", std::string(64, '0'));
    const bool is_held = method == "PUT" || method == "DELETE";
    EXPECT_EQ(anonymous_body(request.view())->kind, is_held ? PayloadKind::sha256 : PayloadKind::unsigned_bytes);
    request.headers.set("x-amz-content-sha256", "invalid");
    EXPECT_EQ(failure_of(anonymous_body(request.view())), AuthFailure::payload_hash_malformed);
  }
}

TEST(SigV4, TrailersAreNamedOneByOne) {
  const auto named = [](std::string_view value) {
    Request request{.method = "PUT"};
    request.headers.add("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    request.headers.add("x-amz-trailer", value);
    return anonymous_body(request.view());
  };
  for (const std::string good : {"x-amz-checksum-crc32", "X-Amz-Checksum-CRC32 ,", "x-amz-checksum-crc32,,"})
    EXPECT_THAT(named(good)->trailers, testing::ElementsAre("x-amz-checksum-crc32")) << good;
  for (const std::string bad :
       {"foo", ", x-amz-checksum-crc32", "x-amz-checksum-crc32, ,", "x-amz-checksum-crc32, foo"})
    EXPECT_EQ(failure_of(named(bad)), AuthFailure::body_unsupported) << bad;
}

TEST(SigV4, DecodedLengthIsANumber) {
  for (const std::string length : {"junk", "", "-1", "5x", "99999999999999999999"}) {
    Request request;
    request.headers.add("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    request.headers.add("x-amz-decoded-content-length", length);
    const auto refused = anonymous_body(request.view());
    ASSERT_FALSE(refused) << length;
    const auto told = to_api_error(refused.error(), Protocol::rest_xml, Canon::s3);
    EXPECT_EQ(told.code, "MissingContentLength") << length;
    EXPECT_EQ(told.status, 411);
  }
}

TEST(SigV4Attacks, UnsignedPayloadIsForS3Only) {
  Request request{.method = "POST", .body = "Action=DeleteDBCluster"};
  request.headers.add("Host", "rds.local");
  request.headers.add("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
  add_signature(request, {Canon::standard, "rds", "us-east-1", now, "UNSIGNED-PAYLOAD"});
  EXPECT_EQ(failure_of(check(request, Canon::standard, "rds")), AuthFailure::payload_mode);
  auto bare = s3_put("not-a-digest");
  EXPECT_EQ(failure_of(check(bare, Canon::s3, "s3")), AuthFailure::payload_hash_malformed);
}

TEST(SigV4Parse, RefusesByName) {
  const std::string scope = "Credential=AKID/20150830/us-east-1/s3/aws4_request";
  for (const auto& [authorization, kind] : std::vector<std::pair<std::string, AuthFailure>>{
           {"AWS AKID:c2lnbmF0dXJl", AuthFailure::version_2},
           {"AWS4-ECDSA-P256-SHA256 Credential=a", AuthFailure::not_served},
           {"Basic dXNlcjpwYXNz", AuthFailure::unknown_scheme},
           {"AWS nonsense", AuthFailure::unknown_scheme},
           {"AWS4-HMAC-SHA256", AuthFailure::unknown_scheme},
           {"AWS4-HMAC-SHA256 " + scope + ", SignedHeaders-host, Signature=0", AuthFailure::malformed},
           {"AWS4-HMAC-SHA256 Credentials=a, SignedHeaders=host, Signature=0", AuthFailure::malformed},
           {"AWS4-HMAC-SHA256 " + scope + ", SignedHeaders=host", AuthFailure::malformed},
           {"AWS4-HMAC-SHA256 " + scope + ", SignedHeaders=host, Signature=0, Extra=1", AuthFailure::malformed},
           {"AWS4-HMAC-SHA256 " + scope + ", SignedHeaders=host, Signature=0, Signature=1", AuthFailure::malformed},
           {"AWS4-HMAC-SHA256 " + scope + ", SignedHeaders=, Signature=0", AuthFailure::malformed},
           {"AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/s3, SignedHeaders=host, Signature=0",
            AuthFailure::malformed},
           {"AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/s3/aws4, SignedHeaders=host, Signature=0",
            AuthFailure::malformed},
           {"AWS4-HMAC-SHA256 Credential=AK ID/20150830/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
            AuthFailure::malformed},
       }) {
    Request request;
    request.headers.add("Authorization", authorization);
    request.headers.add("X-Amz-Date", "20150830T123600Z");
    const auto parsed = parse_signature(request.view(), Canon::s3);
    ASSERT_FALSE(parsed) << authorization;
    EXPECT_EQ(parsed.error().kind, kind) << authorization << ": " << parsed.error().message;
  }
  Request request{.query = "AWSAccessKeyId=AKID&Signature=x&Expires=1"};
  EXPECT_EQ(parse_signature(request.view(), Canon::s3).error().kind, AuthFailure::version_2);
  Request empty;
  empty.headers.add("Authorization", " ");
  EXPECT_EQ(parse_signature(empty.view(), Canon::s3)->mode, SigningMode::anonymous);
  EXPECT_EQ(parse_signature(empty.view(), Canon::standard).error().kind, AuthFailure::unknown_scheme);
  Request undated;
  undated.headers.add("Authorization", "AWS4-HMAC-SHA256 " + scope + ", SignedHeaders=host, Signature=0");
  undated.headers.add("X-Amz-Date", "yesterday");
  EXPECT_EQ(parse_signature(undated.view(), Canon::s3).error().kind, AuthFailure::missing_date);
  EXPECT_EQ(parse_signature(undated.view(), Canon::standard).error().kind, AuthFailure::malformed);
}

TEST(SigV4Parse, S3SortsTheSignedHeaders) {
  for (const std::string names : {"host;x", "x;host", "Host;X", "x;host;x"}) {
    Request request;
    request.headers.add("Authorization",
                        "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/s3/aws4_request, SignedHeaders=" + names +
                            ", Signature=0");
    request.headers.add("X-Amz-Date", "20150830T123600Z");
    const auto parsed = parse_signature(request.view(), Canon::s3);
    ASSERT_TRUE(parsed) << names;
    EXPECT_EQ(parsed->signed_headers, (std::vector<std::string>{"host", "x"})) << names;
    EXPECT_EQ(parse_signature(request.view(), Canon::standard).has_value(), names == "host;x") << names;
  }
}

TEST(SigV4Form, PolicySignature) {
  const CredentialScope scope{"20150830", "us-east-1", "s3"};
  FormSignature form{.policy = "eyJleHBpcmF0aW9uIjoiMjAxNSJ9",
                     .algorithm = "AWS4-HMAC-SHA256",
                     .credential = "AKIDEXAMPLE/" + scope.to_string(),
                     .date = "20150830T123600Z"};
  form.signature = sign_text(derive_signing_key(secret, scope), form.policy);
  SigningKeyCache keys;
  const VerifyOptions options{.canon = Canon::s3, .service = "s3", .secret = secret, .now = now};
  const auto signature = parse_form_signature(form);
  ASSERT_TRUE(signature);
  EXPECT_EQ(signature->access_key, "AKIDEXAMPLE");
  EXPECT_TRUE(verify_form_signature(*signature, form, options, keys));
  for (size_t i = 0; i < form.policy.size() * 8; ++i) {
    auto bad = form;
    bad.policy[i / 8] = static_cast<char>(bad.policy[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(verify_form_signature(*signature, bad, options, keys));
  }
  const VerifyOptions elsewhere{
      .canon = Canon::s3, .service = "s3", .region = "eu-west-1", .secret = secret, .now = now};
  EXPECT_EQ(verify_form_signature(*signature, form, elsewhere, keys).error().kind, AuthFailure::malformed_form);
  for (auto [field, wrong] : {std::pair(&FormSignature::algorithm, "AWS4-HMAC-SHA1"),
                              {&FormSignature::credential, "AKIDEXAMPLE/20150830/us-east-1/s3"},
                              {&FormSignature::credential, "AKIDEXAMPLE/20150831/us-east-1/s3/aws4_request"},
                              {&FormSignature::date, "2015-08-30"}}) {
    auto bad = form;
    bad.*field = wrong;
    EXPECT_EQ(parse_form_signature(bad).error().kind, AuthFailure::malformed_form) << wrong;
  }
  form.algorithm = "AWS4-ECDSA-P256-SHA256";
  EXPECT_EQ(parse_form_signature(form).error().kind, AuthFailure::not_served);
}

// HMAC-SHA1 of the policy, in base64, computed with Python's hmac.
TEST(SigV4Form, TheOlderSignature) {
  FormSignature form{.policy = "eyJleHBpcmF0aW9uIjoiMjAxNSJ9",
                     .credential = "AKIDEXAMPLE",
                     .signature = "iEmZE/0K1LmTQoKrXptB03DvNmw=",
                     .version_2 = true};
  SigningKeyCache keys;
  const VerifyOptions options{.canon = Canon::s3, .service = "s3", .secret = "secret", .now = now};
  const auto signature = parse_form_signature(form);
  ASSERT_TRUE(signature);
  EXPECT_EQ(signature->access_key, "AKIDEXAMPLE");
  EXPECT_TRUE(verify_form_signature(*signature, form, options, keys));
  form.policy[0] = 'f';
  EXPECT_EQ(verify_form_signature(*signature, form, options, keys).error().kind, AuthFailure::mismatch);
}

TEST(SigningKeyCache, IsBoundedAndSeesANewSecret) {
  SigningKeyCache keys(3);
  CredentialScope scope{"20150830", "us-east-1", "s3"};
  const auto first = keys.find("AKID", "one", scope).key;
  EXPECT_EQ(first, derive_signing_key("one", scope));
  EXPECT_EQ(keys.size(), 0u);  // not yet proven right
  keys.remember("AKID", "one", scope, first);
  EXPECT_TRUE(keys.find("AKID", "one", scope).remembered);
  EXPECT_EQ(keys.find("AKID", "one", scope).key, first);
  EXPECT_FALSE(keys.find("AKID", "two", scope).remembered);
  EXPECT_EQ(keys.find("AKID", "two", scope).key, derive_signing_key("two", scope));
  for (int day = 10; day < 30; ++day) {
    scope.date = "201508" + std::to_string(day);
    keys.remember("AKID", "one", scope, keys.find("AKID", "one", scope).key);
    EXPECT_LE(keys.size(), 3u);
  }
}

TEST(SigV4Errors, AreInTheServicesWords) {
  const auto code = [](AuthFailure kind, Protocol protocol, Canon canon = Canon::standard) {
    const auto error = to_api_error({kind, "why"}, protocol, canon);
    return error.code + " " + std::to_string(error.status);
  };
  EXPECT_EQ(code(AuthFailure::missing, Protocol::query), "MissingAuthenticationToken 403");
  EXPECT_EQ(code(AuthFailure::missing, Protocol::json), "MissingAuthenticationTokenException 400");
  EXPECT_EQ(code(AuthFailure::malformed, Protocol::query), "IncompleteSignature 400");
  EXPECT_EQ(code(AuthFailure::unknown_key, Protocol::query), "InvalidClientTokenId 403");
  EXPECT_EQ(code(AuthFailure::unknown_key, Protocol::json), "UnrecognizedClientException 400");
  EXPECT_EQ(code(AuthFailure::unknown_key, Protocol::rest_json), "UnrecognizedClientException 403");
  EXPECT_EQ(code(AuthFailure::unknown_key, Protocol::ec2), "AuthFailure 401");
  EXPECT_EQ(code(AuthFailure::mismatch, Protocol::query), "SignatureDoesNotMatch 403");
  EXPECT_EQ(code(AuthFailure::mismatch, Protocol::json), "InvalidSignatureException 400");
  EXPECT_EQ(code(AuthFailure::expired_token, Protocol::query), "ExpiredToken 403");
  EXPECT_EQ(code(AuthFailure::not_served, Protocol::query), "NotImplemented 501");
  const auto s3 = [&](AuthFailure kind) { return code(kind, Protocol::rest_xml, Canon::s3); };
  EXPECT_EQ(s3(AuthFailure::unknown_key), "InvalidAccessKeyId 403");
  EXPECT_EQ(s3(AuthFailure::mismatch), "SignatureDoesNotMatch 403");
  EXPECT_EQ(s3(AuthFailure::skewed), "RequestTimeTooSkewed 403");
  EXPECT_EQ(s3(AuthFailure::expired), "AccessDenied 403");
  EXPECT_EQ(s3(AuthFailure::malformed_query), "AuthorizationQueryParametersError 400");
  EXPECT_EQ(s3(AuthFailure::scope_region), "AuthorizationHeaderMalformed 400");
  EXPECT_EQ(s3(AuthFailure::payload_mismatch), "XAmzContentSHA256Mismatch 400");
  const auto incomplete = to_api_error({AuthFailure::body_malformed, "why"}, Protocol::rest_xml, Canon::s3);
  EXPECT_EQ(incomplete.message, "The request body terminated unexpectedly");
  EXPECT_THAT(incomplete.fields, testing::ElementsAre(testing::Pair("Detail", "why")));

  auto request = s3_put();
  request.method = "DELETE";
  const auto refused = check(request, Canon::s3, "s3");
  ASSERT_FALSE(refused);
  const auto error = to_api_error(refused.error(), Protocol::rest_xml, Canon::s3);
  std::vector<std::string> names;
  for (const auto& field : error.fields) names.push_back(field.first);
  EXPECT_THAT(names, testing::ElementsAre("AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes",
                                          "CanonicalRequest", "CanonicalRequestBytes"));
  auto call = rds_call();
  call.body += "x";
  EXPECT_THAT(to_api_error(check(call, Canon::standard, "rds").error(), Protocol::query, Canon::standard).message,
              HasSubstr("The Canonical String for this request should have been\n'POST\n/\n"));
}

}  // namespace
}  // namespace boreal::aws
