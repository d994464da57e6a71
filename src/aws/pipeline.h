// The way of a request, in one place and always in this order: admission, route, read, authenticate, parse and validate,
// authorize, handle, render, audit. docs/life-of-a-request.md walks through it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gate.h"
#include "aws/service.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/sync.h"
#include "http/message.h"

namespace boreal::aws {

// Counted once for every service and operation, from the tables; never per operation by hand.
struct OperationMetrics {
  uint64_t calls = 0;
  uint64_t client_errors = 0;
  uint64_t server_errors = 0;
  uint64_t total_us = 0;
};

class Pipeline {
 public:
  struct Options {
    size_t max_requests = 1024;            // in the house at a time; more are answered 503 SlowDown at once
    size_t max_body_bytes = 1 << 20;       // of an API call that is not S3 data
    std::vector<std::string> s3_hosts;     // "s3.localhost": BUCKET.s3.localhost is virtual-host style
  };

  Pipeline(Gate& gate, const Clock& clock, Random& random, Options options);

  // The service must outlive the pipeline.
  void add(Service& service);

  // Never fails: what goes wrong becomes an answer in the form of the protocol at hand.
  Task<http::Response> handle(http::Request& request);

  // service → operation → figures.
  const std::map<std::string, std::map<std::string, OperationMetrics>>& metrics() const { return metrics_; }

 private:
  struct Route;
  struct Exchange;
  Outcome<Route> route(http::Request& request) const;
  Task<Outcome<http::Response>> run(http::Request& request, Exchange& exchange);
  Task<Outcome<void>> read_body(http::Request& request, std::string& body) const;

  Gate& gate_;
  const Clock& clock_;
  Random& random_;
  Options options_;
  size_t running_ = 0;
  std::vector<Service*> services_;
  std::map<std::string, std::map<std::string, OperationMetrics>> metrics_;
};

}  // namespace boreal::aws
