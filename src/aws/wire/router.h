// REST: from method, path and query to an operation, by the URI templates of the model's tables.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/service.h"
#include "aws/wire/wire.h"
#include "codec/percent.h"
#include "http/message.h"

namespace boreal::aws::wire {

class Router {
 public:
  explicit Router(const ServiceModel& model);

  // Several templates may match one request (S3's PutObject, CopyObject, UploadPart: all PUT /{Bucket}/{Key+}): the one
  // with the most query literals ("?acl") wins, then the one whose required query and header members are all there,
  // then the one with more of these, then the one with more literal path segments, then the one that is served.
  // REST-XML: a query that names two sub-resources ("?acl&policy") is refused, and so is one that the method has no
  // operation for.
  Outcome<Route> find(Protocol protocol, const http::Request& request) const;

 private:
  struct Template {
    const Operation* operation;
    std::vector<std::string_view> segments;                               // "backup-vaults", "{name}", "{Key+}"
    std::vector<std::pair<std::string_view, std::string_view>> literals;  // of the query; an empty value matches any
    std::vector<std::string_view> words;  // of the query that name what the operation is on: "acl", "uploadId"
    std::string_view method() const { return operation->method; }
  };
  struct Score;
  static bool match_path(const Template& candidate, std::string_view path,
                         std::vector<std::pair<std::string_view, std::string_view>>& labels);
  std::vector<std::string_view> sub_resources(std::string_view path, const std::vector<codec::NamedValue>& query) const;
  ApiError not_allowed(const http::Request& request, const std::vector<std::string_view>& named) const;
  static Score score(const Template& candidate, const http::Request& request,
                     const std::vector<codec::NamedValue>& query);

  std::vector<Template> templates_;      // by method
  std::vector<std::string_view> words_;  // of all of them, in order
  bool has_buckets_ = false;             // S3's are the only ones with a name for their whole path
};

}  // namespace boreal::aws::wire
