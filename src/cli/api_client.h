// A small client of AWS's APIs, for commands that stand something up: it signs, sends, and reads what it needs.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/sigv4.h"
#include "base/result.h"
#include "codec/json_value.h"
#include "net/stream.h"

namespace boreal::cli {

struct ApiAnswer {
  int status = 0;
  std::string body;
  std::string error_code;  // empty when it succeeded
  std::string error_message;
  bool ok() const { return status >= 200 && status < 300; }
  // The text of the first XML element of that name, or the JSON member (top level or one below); empty: none.
  std::string find(std::string_view name) const;
};

// Every call blocks until its answer.
class ApiClient {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;

  ApiClient(net::Address server, std::string region, aws::SigningCredentials credentials)
      : server_(std::move(server)), region_(std::move(region)), credentials_(std::move(credentials)) {}

  // Query and EC2 protocols: a form with Action and Version.
  Result<ApiAnswer> query(const std::string& service, const std::string& version, const std::string& action, const Parameters& parameters);
  // JSON 1.1; target "TrentService.CreateKey".
  Result<ApiAnswer> json(const std::string& service, const std::string& target, const json::Value& body);
  // REST: the path is as it goes on the wire.
  Result<ApiAnswer> rest(const std::string& service, const std::string& method, const std::string& path, const std::string& query,
                         const std::string& body, const std::string& content_type);

 private:
  struct Exchange {
    std::string method, path, query, body, service;
    std::vector<std::pair<std::string, std::string>> headers;
  };
  Result<ApiAnswer> send(Exchange exchange);

  net::Address server_;
  std::string region_;
  aws::SigningCredentials credentials_;
};

}  // namespace boreal::cli
