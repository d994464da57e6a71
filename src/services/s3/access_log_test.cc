#include <gtest/gtest.h>

#include "codec/time.h"
#include "s3/access_log_line.h"
#include "s3/text_source.h"

namespace boreal::s3 {
namespace {

Time at(std::string_view iso) { return *codec::parse_iso8601(iso); }

TEST(AccessLogLine, HasItsFieldsInOrder) {
  LogRecord record;
  record.bucket_owner = "0af1";
  record.bucket = "shop";
  record.time = at("2019-02-06T00:00:38.999Z");
  record.remote_ip = "192.0.2.3";
  record.requester = "arn:aws:iam::000000000000:user/bob";
  record.request_id = "R1";
  record.operation = "REST.GET.OBJECT";
  record.key = "a%20b";
  record.request_line = "GET /shop/a%20b HTTP/1.1";
  record.status = 200;
  record.bytes_sent = 10;
  record.object_size = 20;
  record.total_ms = 7;
  record.turn_around_ms = 5;
  record.user_agent = "agent";
  record.host_id = "H1";
  record.signature = "SigV4";
  record.authentication = "AuthHeader";
  record.host = "localhost:4566";
  EXPECT_EQ(
      log_line(record),
      "0af1 shop [06/Feb/2019:00:00:38 +0000] 192.0.2.3 arn:aws:iam::000000000000:user/bob R1 REST.GET.OBJECT a%20b "
      "\"GET /shop/a%20b HTTP/1.1\" 200 - 10 20 7 5 \"-\" \"agent\" - H1 SigV4 - AuthHeader localhost:4566 - - -\n");
}

TEST(AccessLogLine, TellsTheSessionOfTls) {
  http::Request request;
  request.path = "/shop/k";
  request.host = "h";
  request.tls = net::TlsSession{.version = "1.2", .cipher = "ECDHE-RSA-AES128-GCM-SHA256"};
  const std::string line = log_line(log_record_of(request, http::Response()));
  EXPECT_TRUE(line.ends_with(" - ECDHE-RSA-AES128-GCM-SHA256 - h TLSv1.2 - -\n")) << line;
}

TEST(AccessLogLine, WhatAClientSendsStaysInItsField) {
  LogRecord record;
  record.user_agent = "a\" 200 - \"b";
  record.key = "two words";
  record.version_id = "\n\xff";
  const std::string line = log_line(record);
  EXPECT_NE(line.find("\"a%22 200 - %22b\""), std::string::npos) << line;
  EXPECT_NE(line.find(" two%20words "), std::string::npos) << line;
  EXPECT_NE(line.find(" %0A%FF "), std::string::npos) << line;
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(AccessLogLine, Operations) {
  EXPECT_EQ(log_operation("PutObject", "PUT", true, false), "REST.PUT.OBJECT");
  EXPECT_EQ(log_operation("PutObject", "POST", false, false), "REST.POST.BUCKET");
  EXPECT_EQ(log_operation("ListObjectsV2", "GET", false, false), "REST.GET.BUCKET");
  EXPECT_EQ(log_operation("GetBucketVersioning", "GET", false, false), "REST.GET.VERSIONING");
  EXPECT_EQ(log_operation("UploadPart", "PUT", true, false), "REST.PUT.PART");
  EXPECT_EQ(log_operation("UploadPartCopy", "PUT", true, false), "REST.COPY.PART");
  EXPECT_EQ(log_operation("GetObject", "GET", true, true), "WEBSITE.GET.OBJECT");
  EXPECT_EQ(log_operation("", "GET", true, false), "REST.GET.OBJECT");
  EXPECT_EQ(log_operation("", "OPTIONS", true, false), "REST.OPTIONS.PREFLIGHT");
  EXPECT_EQ(log_operation("ListBucketInventoryConfigurations", "GET", false, false), "REST.GET.INVENTORY");
  EXPECT_EQ(log_operation("RestoreObject", "POST", true, false), "REST.POST.RESTORE");
}

TEST(AccessLogLine, ReadsRequestAndAnswer) {
  http::Request request;
  request.method = "GET";
  request.target = "/shop/a%2Fb?versionId=v1&X-Amz-Signature=x";
  request.path = "/shop/a%2Fb";
  request.query = "versionId=v1&X-Amz-Signature=x";
  http::Response response;
  response.status = 206;
  response.headers.set("Content-Range", "bytes 0-9/1000");
  response.stream = std::make_unique<TextSource>("0123456789");
  auto record = log_record_of(request, response);
  EXPECT_EQ(record.bucket, "shop");
  EXPECT_EQ(record.key, "a/b");
  EXPECT_EQ(record.version_id, "v1");
  EXPECT_EQ(record.authentication, "QueryString");
  EXPECT_EQ(record.object_size, 1000u);
  EXPECT_EQ(record.error_code, "");
  response = {};
  response.status = 404;
  response.body = "<Error><Code>NoSuchKey</Code></Error>";
  record = log_record_of(request, response);
  EXPECT_EQ(record.error_code, "NoSuchKey");
  EXPECT_EQ(record.bytes_sent, response.body.size());
  EXPECT_FALSE(record.object_size);
}

TEST(AccessLogLine, KeysOfLogObjects) {
  api::LoggingEnabled target;
  target.target_prefix = "p/";
  const Time event = at("2026-11-21T23:59:59Z");
  const Time now = at("2026-11-22T00:04:05Z");
  const auto key = [&] { return log_object_key(target, "000000000000", "us-east-1", "shop", event, now, "ABC"); };
  EXPECT_EQ(key(), "p/2026-11-22-00-04-05-ABC");
  target.target_object_key_format.emplace().partitioned_prefix.emplace();
  EXPECT_EQ(key(), "p/000000000000/us-east-1/shop/2026/11/22/2026-11-22-00-04-05-ABC");
  target.target_object_key_format->partitioned_prefix->partition_date_source = "EventTime";
  EXPECT_EQ(key(), "p/000000000000/us-east-1/shop/2026/11/21/2026-11-21-00-00-00-ABC");
}

}  // namespace
}  // namespace boreal::s3
