#include "aws/sigv2.h"

#include <gtest/gtest.h>

#include "codec/time.h"

namespace boreal::aws {
namespace {

// Key and requests of the user guide's examples; hosts that name a bucket are in the path already.
constexpr auto access_key = "AKIAIOSFODNN7EXAMPLE";
constexpr auto secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

struct Request {
  std::string method = "GET";
  std::string path = "/johnsmith/photos/puppy.jpg";
  std::string query;
  http::Headers headers;
  RequestView view() const { return {method, path, query, headers}; }
};

Request dated(std::string method, std::string path, std::string_view date, std::string_view signature,
              std::string query = "") {
  Request request{.method = std::move(method), .path = std::move(path), .query = std::move(query)};
  request.headers.add("Host", "s3.us-west-1.amazonaws.com");
  request.headers.add("Date", date);
  request.headers.add("Authorization", std::string("AWS ") + access_key + ":" + std::string(signature));
  return request;
}

// How it fails; empty: it is right.
std::string outcome(const Request& request, std::string_view now) {
  SigningKeyCache keys;
  const auto signature = parse_signature(request.view(), Canon::s3);
  if (!signature) return signature.error().message;
  EXPECT_TRUE(signature->version_2);
  EXPECT_EQ(signature->access_key, access_key);
  const auto verified =
      verify_signature(*signature, request.view(),
                       {.canon = Canon::s3, .service = "s3", .secret = secret, .now = *codec::parse_basic(now)}, keys);
  return verified ? "" : verified.error().message;
}

TEST(SigV2, ExamplesOfTheGuide) {
  EXPECT_EQ(outcome(dated("GET", "/johnsmith/photos/puppy.jpg", "Tue, 27 Mar 2007 19:36:42 +0000",
                          "bWq2s1WEIj+Ydj0vQ697zp+IXMU="),
                    "20070327T193642Z"),
            "");
  auto put =
      dated("PUT", "/johnsmith/photos/puppy.jpg", "Tue, 27 Mar 2007 21:15:45 +0000", "MyyxeRY7whkBe+bq8fHCL/2kKUg=");
  put.headers.add("Content-Type", "image/jpeg");
  EXPECT_EQ(outcome(put, "20070327T211545Z"), "");
  EXPECT_EQ(outcome(dated("GET", "/johnsmith/", "Tue, 27 Mar 2007 19:42:41 +0000",
                          "htDYFYduRNen8P9ZfE/s9SuKy0U=", "prefix=photos&max-keys=50&marker=puppy"),
                    "20070327T194241Z"),
            "");
  EXPECT_EQ(
      outcome(dated("GET", "/johnsmith/", "Tue, 27 Mar 2007 19:44:46 +0000", "c2WLPFtWHVgbEmeEG93a4cG37dM=", "acl"),
              "20070327T194446Z"),
      "");
  EXPECT_EQ(
      outcome(dated("GET", "/johnsmith", "Tue, 27 Mar 2007 19:44:46 +0000", "c2WLPFtWHVgbEmeEG93a4cG37dM=", "acl"),
              "20070327T194446Z"),
      "");
}

TEST(SigV2, FieldsOfAmazon) {
  Request upload = dated("PUT", "/static.johnsmith.net/db-backup.dat.gz", "Tue, 27 Mar 2007 21:06:08 +0000",
                         "ilyl83RwaSoYIEdixDQcA4OnAnc=");
  upload.headers.add("x-amz-acl", "public-read");
  upload.headers.add("content-type", "application/x-download");
  upload.headers.add("Content-MD5", "4gJE4saaMU4BqNR0kLY+lw==");
  upload.headers.add("X-Amz-Meta-ReviewedBy", "joe@johnsmith.net");
  upload.headers.add("X-Amz-Meta-ReviewedBy", "jane@johnsmith.net");
  upload.headers.add("X-Amz-Meta-FileChecksum", "0x02661779");
  upload.headers.add("X-Amz-Meta-ChecksumAlgorithm", "crc32");
  EXPECT_EQ(outcome(upload, "20070327T210608Z"), "");
  upload.headers.add("x-amz-meta-more", "1");
  EXPECT_NE(outcome(upload, "20070327T210608Z"), "");
}

TEST(SigV2, Urls) {
  Request url{.query =
                  "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"};
  url.headers.add("Host", "s3.us-west-1.amazonaws.com");
  EXPECT_EQ(outcome(url, "20070329T034020Z"), "");
  EXPECT_EQ(outcome(url, "20070329T034021Z"), "Request has expired");
  for (const char* more : {"acl", "%61cl", "versionId=1", "response-content-type=x", "x-amz-acl=public-read"}) {
    Request changed = url;
    changed.query += std::string("&") + more;
    EXPECT_NE(outcome(changed, "20070329T034020Z"), "") << more;
  }
  url.query = "Signature=x&Expires=1";
  EXPECT_EQ(outcome(url, "20070329T034020Z"),
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters");
}

TEST(SigV2, TimesAndStrangers) {
  const auto request =
      dated("GET", "/johnsmith/photos/puppy.jpg", "Tue, 27 Mar 2007 19:36:42 +0000", "bWq2s1WEIj+Ydj0vQ697zp+IXMU=");
  EXPECT_EQ(outcome(request, "20070327T195142Z"), "");
  EXPECT_NE(outcome(request, "20070327T195143Z"), "");
  EXPECT_NE(outcome(request, "20070327T192141Z"), "");
  auto replica = request;
  replica.headers.add("X-Boreal-Replica", "1");
  EXPECT_NE(outcome(replica, "20070327T193642Z"), "");
  EXPECT_FALSE(is_version_2(Request{.query = "prefix=AWSAccessKeyId=1"}.view()));
}

}  // namespace
}  // namespace boreal::aws
