// The way of a request, in one place and always in this order: admission, service, body, authenticate, operation,
// parse and validate, authorize, handle, render, figures. docs/life-of-a-request.md walks through it.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "aws/gate.h"
#include "aws/service.h"
#include "aws/wire/wire.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "http/message.h"
#include "io/pool.h"

namespace boreal::aws {

// Upper bounds of the buckets that times are counted in; the last has none.
inline constexpr std::array<uint64_t, 16> time_bounds_us = {
    100,    250,     500,     1'000,   2'500,     5'000,     10'000,    25'000,
    50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};

// Counted for every operation, from the tables.
struct OperationFigures {
  uint64_t calls = 0;
  uint64_t client_errors = 0;
  uint64_t server_errors = 0;
  uint64_t total_us = 0;                                       // until the answer was ready to be sent
  std::array<uint64_t, time_bounds_us.size() + 1> times = {};  // how many calls took so long, by bucket
};

class Pipeline {
 public:
  struct Options {
    std::string default_region;  // of callers that name none
    // In the house at a time; more are answered 503 at once. As many again may still send who they are.
    size_t max_requests = 1024;
    size_t max_body_bytes = 1 << 20;    // of a call whose body is not data
    size_t max_s3_xml_bytes = 4 << 20;  // CompleteMultipartUpload names 10,000 parts
    // Of all bodies together whose senders are not known yet, beyond 16 KiB of each. Who would have more is answered
    // 503: nobody fills the memory without being known.
    size_t max_strangers_bytes = 128 << 20;
    bool keys_are_public = false;         // known to every web page: those are let in to S3 only, by our own names
    std::vector<std::string> own_names;   // then: further ones (own_names.h)
    bool log_requests = false;            // as info; else they are logged as debug
    std::vector<std::string> s3_domains;  // "s3.example.com": BUCKET.s3.example.com names a bucket (virtual_host.h)
    io::Pool* pool = nullptr;             // reads the long bodies; outlives the pipeline. None: the loop does
  };

  Pipeline(Gate& gate, const Clock& clock, Random& random, Options options);

  // The service must outlive the pipeline.
  void add(Service& service);

  // Never fails: what goes wrong becomes an answer in the form of the protocol at hand.
  Task<http::Response> handle(http::Request& request);

  // "service:Operation" → figures.
  std::map<std::string, OperationFigures, std::less<>> figures() const;

 private:
  struct Room {
    Service* service;
    wire::Wire wire;
    bool is_s3;        // signed and read as S3 is
    bool has_buckets;  // S3 itself, not S3 Control
  };
  struct Exchange;  // what is known of one request so far

  Room* find_room(const http::Request& request, std::string& scope_service);
  Task<Outcome<http::Response>> run(http::Request& request, Exchange& exchange);
  Call make_call(http::Request& request, const Exchange& exchange, const Caller& caller) const;
  // Whether the caller may do all that the call does.
  Task<Outcome<void>> judge(Call& call, Exchange& exchange, const Value& input);
  // The same before the body is read, which has no say in it: who may not do it has nothing long read and parsed.
  Task<Outcome<void>> judge_by_head(http::Request& request, Exchange& exchange, const Caller& caller);
  Task<Outcome<Value>> call(http::Request& request, Exchange& exchange, const Caller& caller, Value input);
  template <class Work>
  Task<std::invoke_result_t<Work>> apart_if_long(const std::string& body, Work work) const;
  Task<Outcome<std::string>> read_body(http::Request& request, const Exchange& exchange, size_t max_bytes);
  // SlowDown: there is no place; it has none any more.
  Outcome<void> move_to(Exchange& exchange, size_t& count) const;
  void rewrite_virtual_host(http::Request& request, Exchange& exchange) const;
  void count(const Exchange& exchange, int status);
  log::Level level_of_requests() const { return options_.log_requests ? log::Level::info : log::Level::debug; }
  bool logs_requests() const { return log::level() <= level_of_requests(); }
  void log_answer(const Exchange& exchange, std::string code, const http::Request& request,
                  http::Response& response) const;

  Gate& gate_;
  const Clock& clock_;
  Random& random_;
  Options options_;
  size_t running_ = 0;
  // Strangers whose bodies are awaited. They may take any time, so they hold no place of those who are known, or whose
  // requests have come.
  size_t sending_ = 0;
  size_t strangers_bytes_ = 0;
  std::vector<std::unique_ptr<Room>> rooms_;
  std::unordered_map<const Operation*, OperationFigures> figures_;
};

}  // namespace boreal::aws
