// A bucket at another endpoint (another boreal, AWS, any server of S3), and requests to it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/context.h"
#include "aws/sigv4.h"
#include "base/stream.h"
#include "base/sync.h"
#include "http/client.h"
#include "http/message.h"
#include "io/pool.h"
#include "net/stream_group.h"

namespace boreal::s3 {

// As configured. The name that replication rules have for it is the key that it lies under.
struct RemoteBucket {
  std::string endpoint;              // "https://s3.eu-west-1.amazonaws.com", "http://127.0.0.1:4567"
  std::string region = "us-east-1";  // that requests are signed for
  std::string addressing = "path";   // or "virtual": the bucket is in the host name
  std::string access_key_id;
  std::string secret_access_key;
  std::string bucket;                            // its name there; empty: the same
  std::string account;                           // whose buckets here are sent there
  std::shared_ptr<net::TlsClientContext> trust;  // of an https endpoint
};
using RemoteBuckets = std::map<std::string, RemoteBucket>;

struct Endpoint {
  bool tls = false;
  std::string host;
  uint16_t port = 0;
  std::string authority;  // as the Host field has it: without a port that goes without saying
};
// Errc::invalid for what is no http or https URL of a host and an optional port.
Result<Endpoint> parse_endpoint(std::string_view url);

// Thread rule: the loop.
class Remote {
 public:
  Remote(aws::ServiceContext context, std::string name, RemoteBucket bucket);

  struct Request {
    std::string method;
    std::string key;  // empty: the bucket itself
    std::vector<std::pair<std::string, std::string>> query;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    Source* stream = nullptr;  // instead of body; has a size()
  };
  struct Answer {
    int status = 0;
    http::Headers headers;
    std::string body;
    std::string code;  // of a refusal: "NoSuchBucket"; empty where none came
    std::string message;
    bool ok() const { return status >= 200 && status < 300; }
    std::string header(std::string_view name) const { return std::string(headers.get(name).value_or("")); }
  };
  // Waits while as many requests as a bucket elsewhere is asked at a time are under way.
  // Errc::unavailable when there is no answer, whatever the reason; Errc::cancelled after stop(). The error of a stream
  // is that stream's own.
  Task<Result<Answer>> send(Request request);

  static constexpr size_t requests_at_once = 8;
  const std::string& name() const { return name_; }
  const std::string& account() const { return bucket_.account; }
  // Ends what is under way.
  void stop() {
    streams_.close();
    kept_.clear();
  }

 private:
  Task<Result<std::vector<net::Address>>> addresses();
  http::Headers sign(const Request& request, const std::string& path, const std::string& query,
                     std::unique_ptr<Source>& chunks);

  aws::ServiceContext context_;
  const std::string name_;
  const RemoteBucket bucket_;
  Endpoint endpoint_;
  std::string host_;  // asked for, with the bucket where that is in it
  std::vector<net::Address> addresses_;
  int64_t looked_up_ns_ = 0;
  io::Pool names_{1};  // looks the host up, which may take long: not where disk work waits
  Semaphore turns_{requests_at_once};
  net::StreamGroup streams_;
  http::KeptConnections kept_;
};

// Whether an answer that is not ok() would be the same another time. An error: it may pass; Errc::unavailable: and not
// for this request alone.
Result<void> check_final(const Remote::Answer& answer);
// "403 AccessDenied: …"
std::string refusal_text(const Remote::Answer& answer);

}  // namespace boreal::s3
