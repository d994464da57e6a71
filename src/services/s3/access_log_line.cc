#include "s3/access_log_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "codec/percent.h"
#include "codec/time.h"
#include "s3/names.h"

namespace boreal::s3 {

namespace {

struct Named {
  std::string_view operation;
  std::string_view resource;
};
// What does not stand here is BUCKET or OBJECT, as its path is.
constexpr Named resources[] = {
    {"AbortMultipartUpload", "UPLOAD"},
    {"CompleteMultipartUpload", "UPLOAD"},
    {"CreateMultipartUpload", "UPLOADS"},
    {"DeleteBucketAnalyticsConfiguration", "ANALYTICS"},
    {"DeleteBucketCors", "CORS"},
    {"DeleteBucketEncryption", "ENCRYPTION"},
    {"DeleteBucketIntelligentTieringConfiguration", "INTELLIGENT_TIERING"},
    {"DeleteBucketInventoryConfiguration", "INVENTORY"},
    {"DeleteBucketLifecycle", "LIFECYCLE"},
    {"DeleteBucketMetricsConfiguration", "METRICS"},
    {"DeleteBucketOwnershipControls", "OWNERSHIP_CONTROLS"},
    {"DeleteBucketPolicy", "BUCKETPOLICY"},
    {"DeleteBucketReplication", "REPLICATION"},
    {"DeleteBucketTagging", "TAGGING"},
    {"DeleteBucketWebsite", "WEBSITE"},
    {"DeleteObjectTagging", "OBJECT_TAGGING"},
    {"DeleteObjects", "MULTI_OBJECT_DELETE"},
    {"DeletePublicAccessBlock", "PUBLIC_ACCESS_BLOCK"},
    {"GetBucketAccelerateConfiguration", "ACCELERATE"},
    {"GetBucketAcl", "ACL"},
    {"GetBucketAnalyticsConfiguration", "ANALYTICS"},
    {"GetBucketCors", "CORS"},
    {"GetBucketEncryption", "ENCRYPTION"},
    {"GetBucketIntelligentTieringConfiguration", "INTELLIGENT_TIERING"},
    {"GetBucketInventoryConfiguration", "INVENTORY"},
    {"GetBucketLifecycleConfiguration", "LIFECYCLE"},
    {"GetBucketLocation", "LOCATION"},
    {"GetBucketLogging", "LOGGING_STATUS"},
    {"GetBucketMetricsConfiguration", "METRICS"},
    {"GetBucketNotificationConfiguration", "NOTIFICATION"},
    {"GetBucketOwnershipControls", "OWNERSHIP_CONTROLS"},
    {"GetBucketPolicy", "BUCKETPOLICY"},
    {"GetBucketPolicyStatus", "POLICY_STATUS"},
    {"GetBucketReplication", "REPLICATION"},
    {"GetBucketRequestPayment", "REQUEST_PAYMENT"},
    {"GetBucketTagging", "TAGGING"},
    {"GetBucketVersioning", "VERSIONING"},
    {"GetBucketWebsite", "WEBSITE"},
    {"GetObjectAcl", "ACL"},
    {"GetObjectAttributes", "OBJECT_ATTRIBUTES"},
    {"GetObjectLegalHold", "LEGAL_HOLD"},
    {"GetObjectLockConfiguration", "OBJECT_LOCK_CONFIGURATION"},
    {"GetObjectRetention", "RETENTION"},
    {"GetObjectTagging", "OBJECT_TAGGING"},
    {"GetPublicAccessBlock", "PUBLIC_ACCESS_BLOCK"},
    {"ListBucketAnalyticsConfigurations", "ANALYTICS"},
    {"ListBucketIntelligentTieringConfigurations", "INTELLIGENT_TIERING"},
    {"ListBucketInventoryConfigurations", "INVENTORY"},
    {"ListBucketMetricsConfigurations", "METRICS"},
    {"ListMultipartUploads", "UPLOADS"},
    {"ListObjectVersions", "BUCKETVERSIONS"},
    {"ListParts", "UPLOAD"},
    {"PutBucketAccelerateConfiguration", "ACCELERATE"},
    {"PutBucketAcl", "ACL"},
    {"PutBucketAnalyticsConfiguration", "ANALYTICS"},
    {"PutBucketCors", "CORS"},
    {"PutBucketEncryption", "ENCRYPTION"},
    {"PutBucketIntelligentTieringConfiguration", "INTELLIGENT_TIERING"},
    {"PutBucketInventoryConfiguration", "INVENTORY"},
    {"PutBucketLifecycleConfiguration", "LIFECYCLE"},
    {"PutBucketLogging", "LOGGING_STATUS"},
    {"PutBucketMetricsConfiguration", "METRICS"},
    {"PutBucketNotificationConfiguration", "NOTIFICATION"},
    {"PutBucketOwnershipControls", "OWNERSHIP_CONTROLS"},
    {"PutBucketPolicy", "BUCKETPOLICY"},
    {"PutBucketReplication", "REPLICATION"},
    {"PutBucketRequestPayment", "REQUEST_PAYMENT"},
    {"PutBucketTagging", "TAGGING"},
    {"PutBucketVersioning", "VERSIONING"},
    {"PutBucketWebsite", "WEBSITE"},
    {"PutObjectAcl", "ACL"},
    {"PutObjectLegalHold", "LEGAL_HOLD"},
    {"PutObjectLockConfiguration", "OBJECT_LOCK_CONFIGURATION"},
    {"PutObjectRetention", "RETENTION"},
    {"PutObjectTagging", "OBJECT_TAGGING"},
    {"PutPublicAccessBlock", "PUBLIC_ACCESS_BLOCK"},
    {"RestoreObject", "RESTORE"},
    {"UpdateObjectEncryption", "ENCRYPTION"},
    {"UploadPart", "PART"},
};

// [06/Feb/2019:00:00:38 +0000]
std::string log_time(Time time) {
  constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::string text = codec::format_iso8601(time);
  const std::string_view iso = text;
  const auto month = static_cast<size_t>((iso[5] - '0') * 10 + (iso[6] - '0') - 1);
  return fmt::format("[{}/{}/{}:{} +0000]", iso.substr(8, 2), months[month], iso.substr(0, 4), iso.substr(11, 8));
}

// Whatever a client sent stays one field: blanks (outside of quotes), quotes and what is not printable are escaped.
std::string field(std::string_view text, bool quoted) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '"' || (c == ' ' && !quoted)) {
      out += fmt::format("%{:02X}", byte);
    } else {
      out += c;
    }
  }
  if (out.empty()) out = "-";
  return quoted ? '"' + out + '"' : out;
}

template <class Number>
std::string number(std::optional<Number> value) {
  return value ? std::to_string(*value) : "-";
}

std::string text_of(const http::Headers& headers, std::string_view name) {
  return std::string(headers.get(name).value_or(""));
}

std::string error_code_of(const http::Response& response) {
  if (response.status < 300) return {};
  if (const auto code = response.headers.get("x-amz-error-code")) return std::string(*code);
  const size_t begin = response.body.find("<Code>");
  const size_t end = response.body.find("</Code>");
  if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
  return response.body.substr(begin + 6, end - begin - 6);
}

std::optional<uint64_t> number_of(const http::Headers& headers, std::string_view name) {
  const auto text = headers.get(name);
  const auto value = text ? parse_uint(*text) : Result<uint64_t>(fail(Errc::not_found, ""));
  return value ? std::optional(*value) : std::nullopt;
}

// The whole object's: of a range, what stands behind its slash; of a put, what was sent.
std::optional<uint64_t> object_size_of(const http::Request& request, const http::Response& response) {
  if (response.status >= 300) return std::nullopt;
  if (request.method == "PUT") {
    const auto decoded = number_of(request.headers, "x-amz-decoded-content-length");
    return decoded ? decoded : request.content_length;
  }
  if (const auto range = response.headers.get("content-range")) {
    const auto size = parse_uint(range->substr(range->rfind('/') + 1));
    return size ? std::optional(*size) : std::nullopt;
  }
  if (response.stream != nullptr) return response.stream->size();
  return response.head_length;
}

}  // namespace

std::string log_line(const LogRecord& r) {
  const std::string fields[] = {field(r.bucket_owner, false),
                                field(r.bucket, false),
                                log_time(r.time),
                                field(r.remote_ip, false),
                                field(r.requester, false),
                                field(r.request_id, false),
                                field(r.operation, false),
                                field(r.key, false),
                                field(r.request_line, true),
                                r.status == 0 ? "-" : std::to_string(r.status),
                                field(r.error_code, false),
                                r.bytes_sent == 0 ? "-" : std::to_string(r.bytes_sent),
                                number(r.object_size),
                                number(r.total_ms),
                                number(r.turn_around_ms),
                                field(r.referrer, true),
                                field(r.user_agent, true),
                                field(r.version_id, false),
                                field(r.host_id, false),
                                field(r.signature, false),
                                field(r.tls ? r.tls->cipher : "", false),
                                field(r.authentication, false),
                                field(r.host, false),
                                r.tls ? fmt::format("TLSv{}", r.tls->version) : "-",
                                "-",
                                "-"};
  return join(fields, " ") + "\n";
}

std::string logged_key(std::string_view key) {
  return codec::percent_encode(codec::percent_encode(key, codec::Slash::keep), codec::Slash::keep);
}

std::string log_operation(std::string_view operation, std::string_view method, bool has_key, bool at_website) {
  if (operation == "CopyObject") return "REST.COPY.OBJECT";
  if (operation == "UploadPartCopy") return "REST.COPY.PART";
  if (method == "OPTIONS") return "REST.OPTIONS.PREFLIGHT";
  std::string_view resource = has_key ? "OBJECT" : "BUCKET";
  const auto* found = std::ranges::find(resources, operation, &Named::operation);
  if (found != std::end(resources)) resource = found->resource;
  return fmt::format("{}.{}.{}", at_website ? "WEBSITE" : "REST", method, resource);
}

std::string log_requester(const aws::Principal& principal) {
  switch (principal.kind) {
    case aws::Principal::Kind::anonymous: return {};
    case aws::Principal::Kind::root: return canonical_id(principal.account);
    case aws::Principal::Kind::service: return principal.service;
    case aws::Principal::Kind::user:
    case aws::Principal::Kind::assumed_role: return principal.arn;
  }
  return {};
}

bool is_dated_by_event(const api::LoggingEnabled& target) {
  const auto& format = target.target_object_key_format;
  return format && format->partitioned_prefix && format->partitioned_prefix->partition_date_source == "EventTime";
}

std::string log_object_key(const api::LoggingEnabled& target, std::string_view account, std::string_view region,
                           std::string_view bucket, Time event, Time now, std::string_view unique) {
  const auto& format = target.target_object_key_format;
  const bool by_event = is_dated_by_event(target);
  const std::string iso = codec::format_iso8601(by_event ? event : now);
  std::string time = by_event ? "00:00:00" : iso.substr(11, 8);
  std::ranges::replace(time, ':', '-');
  const std::string name = fmt::format("{}-{}-{}", iso.substr(0, 10), time, unique);
  if (!format || !format->partitioned_prefix) return target.target_prefix + name;
  return fmt::format("{}{}/{}/{}/{}/{}/{}/{}", target.target_prefix, account, region, bucket, iso.substr(0, 4),
                     iso.substr(5, 2), iso.substr(8, 2), name);
}

LogRecord log_record_of(const http::Request& request, const http::Response& response) {
  LogRecord record;
  record.remote_ip = request.peer.host;
  record.request_id = text_of(response.headers, "x-amz-request-id");
  record.host_id = text_of(response.headers, "x-amz-id-2");
  record.bucket = bucket_of(request.path);
  record.key = logged_key(key_of(request.path));
  record.request_line = fmt::format("{} {} HTTP/1.1", request.method, request.target);
  record.status = response.status;
  record.error_code = error_code_of(response);
  if (request.method != "HEAD" && response.stream == nullptr) record.bytes_sent = response.body.size();
  if (!record.key.empty()) record.object_size = object_size_of(request, response);
  record.referrer = text_of(request.headers, "referer");
  record.user_agent = text_of(request.headers, "user-agent");
  if (const auto query = codec::parse_query(request.query)) {
    for (const auto& pair : *query) {
      if (pair.name == "versionId") record.version_id = pair.value;
      if (pair.name == "X-Amz-Signature") record.authentication = "QueryString";
    }
  }
  if (request.headers.has("authorization")) record.authentication = "AuthHeader";
  record.host = request.host;
  record.tls = request.tls;
  return record;
}

}  // namespace boreal::s3
