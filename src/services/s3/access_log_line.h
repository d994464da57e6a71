// One record of a server access log.
// Source: S3 User Guide, "Amazon S3 server access log format".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "aws/caller.h"
#include "base/clock.h"
#include "http/message.h"
#include "s3/resources.h"

namespace boreal::s3 {

// What is not known is empty and written as '-'.
struct LogRecord {
  std::string bucket_owner;  // canonical id
  std::string bucket;
  Time time;  // when the request came
  std::string remote_ip;
  std::string requester;  // canonical id of an account, ARN of a user or session, AmazonS3; empty: anonymous
  std::string request_id;
  std::string operation;  // REST.GET.OBJECT
  std::string key;
  std::string request_line;  // GET /bucket/key HTTP/1.1
  int status = 0;
  std::string error_code;
  uint64_t bytes_sent = 0;
  std::optional<uint64_t> object_size;
  std::optional<uint64_t> total_ms;        // until the last byte was sent
  std::optional<uint64_t> turn_around_ms;  // until the first was
  std::string referrer;
  std::string user_agent;
  std::string version_id;  // of the request
  std::string host_id;
  std::string signature;       // SigV4, of forms SigV2 too; empty: anonymous
  std::string authentication;  // AuthHeader, QueryString; empty: anonymous, or a form
  std::string host;
  std::optional<net::TlsSession> tls;
};

// With its line end. Access point and ACL use are always '-'.
std::string log_line(const LogRecord& record);

// How records of requests write a key: encoded twice. Those of what DeleteObjects and lifecycle rules do have it
// encoded once. Source: Yelp Engineering, "S3 server access logs at scale", 2025.
std::string logged_key(std::string_view key);

// How access logs call an operation: REST.PUT.OBJECT of a PutObject that came as PUT.
std::string log_operation(std::string_view operation, std::string_view method, bool has_key, bool at_website);

// How access logs name who asks; empty for the anonymous.
std::string log_requester(const aws::Principal& principal);

// Where a log object with records of `event`'s day lies when it is written `now`.
std::string log_object_key(const api::LoggingEnabled& target, std::string_view account, std::string_view region,
                           std::string_view bucket, Time event, Time now, std::string_view unique);
// The names of log objects tell the day of the requests, so that each has those of one day.
bool is_dated_by_event(const api::LoggingEnabled& target);

// What request and answer alone tell; `path` is /BUCKET/KEY.
LogRecord log_record_of(const http::Request& request, const http::Response& response);

}  // namespace boreal::s3
