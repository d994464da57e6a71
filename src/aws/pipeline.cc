#include "aws/pipeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws/own_names.h"
#include "aws/region.h"
#include "aws/request_log.h"
#include "aws/virtual_host.h"
#include "base/counted.h"
#include "base/text.h"
#include "codec/mail_words.h"
#include "codec/percent.h"
#include "codec/utf8.h"

namespace boreal::aws {

namespace {

// What is longer keeps all others waiting while it is read, and is worth asking first whether it may come.
constexpr size_t long_body_bytes = 64 << 10;
// Of S3's documents that bear on whether they are let in: tags, a retention, a bucket's first configuration.
constexpr size_t max_judged_bytes = 128 << 10;
// Of a body that is read: announcing costs nothing, there is room for about twice of what has come.
constexpr size_t first_room = 16 << 10;

// What the credential scope says, unproven: KEY/20261122/us-east-1/s3/aws4_request. Empty when there is none.
struct Scope {
  std::string region, service;
};
Scope find_scope(const http::Request& request) {
  std::string credential;
  if (const auto authorization = request.headers.get("authorization")) {
    const size_t at = authorization->find("Credential=");
    if (at != std::string_view::npos) {
      const std::string_view rest = authorization->substr(at + 11);
      credential = rest.substr(0, rest.find_first_of(", "));
    }
  } else if (const auto query = codec::parse_query(request.query)) {
    // As whoever checks the signature reads it, however the name is encoded.
    const auto found = std::ranges::find(*query, "X-Amz-Credential", &codec::NamedValue::name);
    if (found != query->end()) credential = found->value;
  }
  Scope scope;
  size_t begin = 0;
  for (int part = 0; part < 4 && begin <= credential.size(); ++part) {
    const size_t slash = std::min(credential.find('/', begin), credential.size());
    if (part == 2) scope.region = credential.substr(begin, slash - begin);
    if (part == 3) scope.service = credential.substr(begin, slash - begin);
    begin = slash + 1;
  }
  // A scope of version 4A has no region. That version is refused where the signature is read, in its service's form.
  if (scope.service == "aws4_request") scope = {.region = {}, .service = std::move(scope.region)};
  return scope;
}

// S3 Control signs as S3 does. Its paths begin with its version, which may be a bucket's name too; but it cannot do
// without the account in a header, which S3 has no use for, and AWS has a host for it.
bool is_for_s3_control(const http::Request& request) {
  return request.path.starts_with("/v20180820/") &&
         (request.headers.has("x-amz-account-id") || request.host.find(".s3-control") != std::string::npos);
}

// The protocol of a request whose service is not ours, so that its client understands the refusal.
Protocol guess_protocol(const http::Request& request) {
  if (request.headers.has("x-amz-target")) return Protocol::json;
  if (request.headers.get("smithy-protocol") == "rpc-v2-cbor") return Protocol::cbor;
  const auto type = request.headers.get("content-type").value_or("");
  if (type.starts_with("application/x-www-form-urlencoded")) return Protocol::query;
  return type.starts_with("application/json") ? Protocol::rest_json : Protocol::rest_xml;
}

// S3 alone wants the digest of the body in a header, and only its paths lead anywhere but to "/": a scope that names
// another service is wrong then, not the request.
bool is_meant_for_s3(const http::Request& request) {
  return request.path.size() > 1 && guess_protocol(request) == Protocol::rest_xml &&
         (request.headers.has("x-amz-content-sha256") || request.query.find("X-Amz-Signature=") != std::string::npos);
}

// Whoever makes a URL may put headers into its query: x-amz-acl=public-read there is that header. It is signed like the
// rest of the query; a header that came too is the one that counts. Checksums there are of the empty body that the URL
// was made with, so that S3 takes no notice of them.
void adopt_query_headers(http::Request& request) {
  constexpr std::string_view of_signature[] = {"algorithm",     "credential", "date",           "expires",
                                               "signedheaders", "signature",  "security-token", "content-sha256"};
  const auto query = codec::parse_query(request.query);
  if (!query) return;
  for (const auto& [name, value] : *query) {
    const std::string header = to_lower(name);
    if (!header.starts_with("x-amz-") || request.headers.has(header)) continue;
    const std::string_view word = std::string_view(header).substr(6);
    const bool is_metadata = word.starts_with("meta-");  // whatever it is called
    const bool is_skipped = std::ranges::find(of_signature, word) != std::end(of_signature) ||
                            (word.contains("checksum") && !is_metadata) || word == "trailer";
    const bool is_text = value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos;
    // A query holds UTF-8, and a header Latin-1; but metadata may have the words of RFC 2047.
    const bool is_wide = is_metadata && !codec::is_mail_safe(value) && codec::is_utf8(value);
    // No header has blanks around its value: where some of us saw them and others not, one word would be two.
    if (!is_skipped && is_text) request.headers.add(header, trim(is_wide ? codec::mail_word(value) : value));
  }
}

// The body that the input reads from stays the pipeline's, so that it can be asked afterwards why it failed.
class BorrowedSource final : public Source {
 public:
  BorrowedSource(Source& inner, std::optional<Error>& failure) : inner_(inner), failure_(failure) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    auto got = co_await inner_.read(buffer);
    if (got) co_return got;
    failure_ = std::move(got).error();
    co_return fail(Errc::cancelled, failure_->message());
  }
  Executor* home() const override { return inner_.home(); }
  std::optional<uint64_t> size() const override { return inner_.size(); }

 private:
  Source& inner_;
  std::optional<Error>& failure_;
};

// Sent by a script, a form or a link of a web page; what people type into the address bar is their own.
bool is_of_a_page(const http::Request& request) {
  return request.headers.has("origin") || request.headers.get("sec-fetch-site").value_or("none") != "none";
}

// A form of a browser may be one of S3's uploads, which say in their fields who sends them.
bool is_form(const http::Request& request) {
  return request.method == "POST" &&
         to_lower(request.headers.get("content-type").value_or("")).starts_with("multipart/form-data");
}

// Its bytes have not all come yet: who reads them waits for the client.
bool is_awaited(const std::unique_ptr<Source>& body) { return body && body->home() != nullptr; }

ApiError too_busy() {
  return ApiError("SlowDown", 503, "Please reduce your request rate: too many requests are under way.");
}

// What one holds, for as long as it lives, of something that all share.
class Share {
 public:
  explicit Share(size_t& all) : all_(all) {}
  Share(const Share&) = delete;
  ~Share() { all_ -= held_; }
  // False: all would hold more than `most` then.
  bool grow_to(size_t wanted, size_t most) {
    if (wanted <= held_) return true;
    if (all_ + (wanted - held_) > most) return false;
    all_ += wanted - held_;
    held_ = wanted;
    return true;
  }

 private:
  size_t& all_;
  size_t held_ = 0;
};

// A body that did not come, or not to its end, is its client's fault.
ApiError incomplete_body(const Error& error) {
  if (error.code() == Errc::timeout) {
    return ApiError("RequestTimeout", 400,
                    "Your socket connection to the server was not read from or written to within the timeout period.");
  }
  return ApiError("IncompleteBody", 400, "The body ended before it was complete: " + error.message());
}

}  // namespace

struct Pipeline::Exchange {
  std::string request_id;
  std::optional<Counted> place;
  const size_t* counted_in = nullptr;  // what it has its place in
  int64_t started_ns = 0;
  Room* room = nullptr;
  Protocol protocol = Protocol::rest_xml;
  wire::Route route;
  std::string region;
  std::unique_ptr<Source> body;       // S3: behind the BorrowedSource in the request
  CheckedBody* checked = nullptr;     // the same, when it is signed
  std::optional<Error> body_failure;  // why it could not be read to its end
  bool is_host_read = false;          // S3: a bucket's name in it is in the path now
  std::string caller, resource;       // of the log's line, if there is to be one
  http::Headers headers;              // the handler's own
  int status = 0;                     // the handler's own; 0: the model's
};

Pipeline::Pipeline(Gate& gate, const Clock& clock, Random& random, Options options)
    : gate_(gate), clock_(clock), random_(random), options_(std::move(options)) {}

void Pipeline::add(Service& service) {
  const ServiceModel& model = service.model();
  rooms_.push_back(std::make_unique<Room>(
      Room{&service, wire::Wire(model), model.signing_name == "s3", model.endpoint_prefix == "s3"}));
}

Task<http::Response> Pipeline::handle(http::Request& request) {
  Exchange exchange;
  exchange.request_id = random_.uuid();
  exchange.started_ns = monotonic_ns();
  std::optional<Outcome<http::Response>> outcome;
  if (auto place = move_to(exchange, running_); place) {
    outcome = co_await run(request, exchange);
  } else {
    exchange.protocol = guess_protocol(request);
    outcome = refuse(std::move(place).error());
  }
  http::Response response;
  if (*outcome) {
    response = std::move(**outcome);
  } else if (exchange.room) {
    response = exchange.room->wire.refuse(exchange.protocol, outcome->error(), exchange.request_id);
  } else {
    response = wire::refuse(exchange.protocol, outcome->error(), exchange.request_id);
  }
  if (exchange.room) exchange.room->service->finish(request, response);
  count(exchange, response.status);
  if (logs_requests()) log_answer(exchange, *outcome ? "" : outcome->error().code, request, response);
  co_return response;
}

// Work on a body: where that is long not on the loop, which all others wait for.
template <class Work>
Task<std::invoke_result_t<Work>> Pipeline::apart_if_long(const std::string& body, Work work) const {
  if (options_.pool == nullptr || body.size() <= long_body_bytes) co_return work();
  co_return co_await options_.pool->run(std::move(work));
}

Outcome<void> Pipeline::move_to(Exchange& exchange, size_t& count) const {
  if (exchange.counted_in == &count) return {};
  exchange.place.reset();
  exchange.counted_in = nullptr;
  if (count >= options_.max_requests) return refuse(too_busy());
  exchange.place.emplace(count);
  exchange.counted_in = &count;
  return {};
}

void Pipeline::log_answer(const Exchange& exchange, std::string code, const http::Request& request,
                          http::Response& response) const {
  const Operation* operation = exchange.route.operation;
  RequestLine line;
  line.from = request.peer.to_string();
  line.caller = exchange.caller;
  line.operation = operation ? fmt::format("{}:{}", operation->service, operation->name) : request.method;
  line.resource = exchange.resource;
  // Of S3 known of refused requests too. As it was written; what is in the query is not.
  if (exchange.room && exchange.room->has_buckets) {
    std::string path = request.path;
    const auto bucket = exchange.is_host_read ? std::nullopt : bucket_of_host(request.host, options_.s3_domains);
    if (bucket) path = "/" + std::string(*bucket) + path;
    if (path.size() > 1) line.resource = "arn:aws:s3:::" + path.substr(1);
  }
  line.code = std::move(code);
  line.request_id = exchange.request_id;
  line.status = response.status;
  line.bytes_in = request.content_length.value_or(0);
  line.started_ns = exchange.started_ns;
  log_request(level_of_requests(), std::move(line), request, response);
}

Pipeline::Room* Pipeline::find_room(const http::Request& request, std::string& scope_service) {
  const auto by_signing_name = [&](std::string_view name) -> Room* {
    const auto found = std::ranges::find_if(rooms_, [&](const auto& room) {
      return room->service->model().signing_name == name &&
             (!room->is_s3 || room->has_buckets != is_for_s3_control(request));
    });
    return found == rooms_.end() ? nullptr : found->get();
  };
  if (!scope_service.empty()) {
    Room* room = by_signing_name(scope_service);
    const Protocol spoken = room != nullptr ? room->wire.detect(request) : Protocol::query;
    const bool is_rest = spoken == Protocol::rest_xml || spoken == Protocol::rest_json;
    return !is_rest && is_meant_for_s3(request) ? by_signing_name("s3") : room;
  }
  if (const auto target = request.headers.get("x-amz-target")) {
    const std::string_view prefix = target->substr(0, target->rfind('.'));
    for (const auto& room : rooms_) {
      if (room->service->model().target_prefix == prefix) return room.get();
    }
    return nullptr;
  }
  // Unsigned and without a target: S3's, or a form to STS, whose callers may have no key yet.
  const bool is_form = guess_protocol(request) == Protocol::query && request.method == "POST" && request.path == "/";
  Room* sts = is_form ? by_signing_name("sts") : nullptr;
  return sts != nullptr ? sts : by_signing_name("s3");
}

Task<Outcome<http::Response>> Pipeline::run(http::Request& request, Exchange& exchange) {
  Scope scope = find_scope(request);
  exchange.room = find_room(request, scope.service);
  exchange.region = is_region_name(scope.region) ? scope.region : options_.default_region;
  if (exchange.room == nullptr) {
    exchange.protocol = guess_protocol(request);
    co_return refuse(
        ApiError("NotImplemented", 501, fmt::format("boreal does not serve the service '{}'.", scope.service)));
  }
  Room& room = *exchange.room;
  exchange.protocol = room.wire.detect(request);
  if (options_.keys_are_public && !is_no_strangers(request.host, options_.own_names)) {
    co_return refuse(ApiError("AccessDenied", 403, strange_name(request.host)));
  }
  if (options_.keys_are_public && !room.has_buckets && is_of_a_page(request)) {
    co_return refuse(ApiError("AccessDenied", 403,
                              "Web pages are let in to S3 only: the keys of boreal dev are known to every page."));
  }
  // Where no signature covers the path, it may be read as it is meant at once; a preflight carries the URL's.
  const bool is_unsigned = scope.service.empty() || request.method == "OPTIONS";
  if (room.has_buckets && is_unsigned) rewrite_virtual_host(request, exchange);
  if (is_awaited(request.body) && (!room.is_s3 || is_form(request))) CO_CHECK(move_to(exchange, sending_));
  if (auto early = co_await room.service->intercept(request, gate_, exchange.request_id)) co_return std::move(*early);

  std::string body;
  if (!room.is_s3) {
    CO_TRY(body, co_await read_body(request, exchange, options_.max_body_bytes));
    // Not for lack of a signature, which some operations have no use for.
    if (scope.service.empty()) {
      auto asked = room.wire.route(exchange.protocol, request, body);
      if (asked && !asked->operation->served) {
        exchange.route = std::move(*asked);
        co_return refuse(not_implemented(*exchange.route.operation));
      }
    }
  }
  CO_TRY(auto caller, co_await gate_.authenticate(request, room.service->model(), exchange.protocol,
                                                  room.is_s3 ? nullptr : &body, &exchange.checked));
  CO_CHECK(move_to(exchange, running_));
  if (logs_requests()) exchange.caller = caller.is_anonymous() ? "anonymous" : caller.arn();
  if (room.has_buckets && !is_unsigned) rewrite_virtual_host(request, exchange);
  if (room.is_s3 && !caller.is_anonymous()) adopt_query_headers(request);
  CO_TRY(exchange.route, room.wire.route(exchange.protocol, request, body));
  if (room.is_s3) {
    if (exchange.route.streams_body()) {
      exchange.body = std::exchange(request.body, nullptr);
      request.body = std::make_unique<BorrowedSource>(*exchange.body, exchange.body_failure);
    } else {
      // Only data comes so.
      if (request.headers.get("x-amz-content-sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        co_return refuse(ApiError("InvalidRequest", 400, "The value of x-amz-content-sha256 header is invalid."));
      const bool is_long = request.body->size().value_or(UINT64_MAX) > long_body_bytes;
      const bool is_judged_by_it = room.service->judges_by_body(*exchange.route.operation);
      if (is_long && !is_judged_by_it) CO_CHECK(co_await judge_by_head(request, exchange, caller));
      if (is_awaited(request.body) && caller.is_anonymous()) CO_CHECK(move_to(exchange, sending_));
      auto read = co_await read_body(request, exchange, is_judged_by_it ? max_judged_bytes : options_.max_s3_xml_bytes);
      if (!read && exchange.checked && exchange.checked->failure()) {
        co_return refuse(to_api_error(*exchange.checked->failure(), exchange.protocol, Canon::s3));
      }
      CO_TRY(body, std::move(read));
      CO_CHECK(move_to(exchange, running_));
      CO_CHECK(co_await apart_if_long(
          body, [&] { return room.service->check_body(*exchange.route.operation, request, body); }));
    }
  }
  // What nobody serves is refused by its name whatever its input looks like.
  Value input;
  if (exchange.route.operation->served) {
    auto parsed = co_await apart_if_long(body, [&] { return room.wire.parse(exchange.route, request, body); });
    if (!parsed) {
      co_return refuse(room.service->unreadable(*exchange.route.operation, request, std::move(parsed).error()));
    }
    input = std::move(*parsed);
  }
  auto output = co_await call(request, exchange, caller, std::move(input));
  if (!output) {
    if (exchange.checked && exchange.checked->failure()) {
      co_return refuse(to_api_error(*exchange.checked->failure(), exchange.protocol, Canon::s3));
    }
    if (exchange.body_failure) co_return refuse(incomplete_body(*exchange.body_failure));
    co_return refuse(std::move(output).error());
  }
  http::Response response = room.wire.answer(exchange.route, *output, exchange.request_id);
  for (const auto& [name, value] : exchange.headers) response.headers.set(name, value);
  if (exchange.status != 0) response.status = exchange.status;
  co_return response;
}

Call Pipeline::make_call(http::Request& request, const Exchange& exchange, const Caller& caller) const {
  return {.caller = caller,
          .operation = *exchange.route.operation,
          .region = exchange.region,
          .account = caller.account(),
          .request_id = exchange.request_id,
          .now = clock_.now(),
          .http = request,
          .response_headers = {},
          .response_status = 0,
          .body = exchange.checked,
          .gate = gate_};
}

Task<Outcome<void>> Pipeline::judge(Call& call, Exchange& exchange, const Value& input) {
  CO_TRY(auto accesses, co_await exchange.room->service->access(call, call.operation, input));
  if (logs_requests() && !accesses.empty()) exchange.resource = accesses.front().resource;
  for (Access& access : accesses) CO_CHECK(co_await gate_.authorize(call, std::move(access)));
  co_return Outcome<void>();
}

// It is judged once more with its body: what is here is thrown away.
Task<Outcome<void>> Pipeline::judge_by_head(http::Request& request, Exchange& exchange, const Caller& caller) {
  const Operation& operation = *exchange.route.operation;
  if (!operation.served) co_return refuse(not_implemented(operation));
  auto head = exchange.room->wire.parse_head(exchange.route, request);
  if (!head) co_return refuse(exchange.room->service->unreadable(operation, request, std::move(head).error()));
  Call call = make_call(request, exchange, caller);
  co_return co_await judge(call, exchange, *head);
}

Task<Outcome<Value>> Pipeline::call(http::Request& request, Exchange& exchange, const Caller& caller, Value input) {
  Call call = make_call(request, exchange, caller);
  if (!call.operation.served) co_return refuse(not_implemented(call));
  CO_CHECK(co_await judge(call, exchange, input));
  auto output = co_await call.operation.invoke(*exchange.room->service, call, std::move(input));
  exchange.headers = std::move(call.response_headers);
  exchange.status = call.response_status;
  co_return output;
}

Task<Outcome<std::string>> Pipeline::read_body(http::Request& request, const Exchange& exchange, size_t max_bytes) {
  const auto too_large = [&] {
    if (exchange.room->is_s3) {
      return refuse(ApiError("MaxMessageLengthExceeded", 400, "Your request was too big.")
                        .with("MaxMessageLengthBytes", std::to_string(max_bytes)));
    }
    return refuse(
        ApiError("RequestEntityTooLargeException", 413,
                 fmt::format("The body is larger than {} bytes, the most that this operation takes.", max_bytes)));
  };
  if (request.content_length.value_or(0) > max_bytes) co_return too_large();
  // One byte more than there may be tells a body that is too large from one that just fits.
  const size_t most = std::min<uint64_t>(request.body->size().value_or(max_bytes), max_bytes) + 1;
  const bool is_strangers = exchange.counted_in == &sending_;
  Share share(strangers_bytes_);
  std::string body;
  size_t filled = 0;
  size_t room = std::min(most, first_room);
  while (true) {
    const size_t beyond = filled + room - std::min(filled + room, first_room);
    if (is_strangers && !share.grow_to(beyond, options_.max_strangers_bytes)) co_return refuse(too_busy());
    body.resize(filled + room);
    auto got = co_await request.body->read(std::as_writable_bytes(std::span(body)).subspan(filled));
    if (!got) co_return refuse(incomplete_body(got.error()));
    if (*got == 0) break;
    filled += *got;
    if (filled > max_bytes) co_return too_large();
    room = std::clamp<size_t>(most - std::min(most, filled), 1, std::max(filled, first_room));
  }
  body.resize(filled);
  co_return body;
}

// BUCKET.s3.localhost/KEY is read as s3.localhost/BUCKET/KEY, after the signature over what was sent has been checked.
void Pipeline::rewrite_virtual_host(http::Request& request, Exchange& exchange) const {
  exchange.is_host_read = true;
  if (const auto bucket = bucket_of_host(request.host, options_.s3_domains)) {
    request.path = "/" + std::string(*bucket) + request.path;
  }
}

std::map<std::string, OperationFigures, std::less<>> Pipeline::figures() const {
  std::map<std::string, OperationFigures, std::less<>> by_name;
  for (const auto& [operation, figures] : figures_) {
    by_name.emplace(fmt::format("{}:{}", operation->service, operation->name), figures);
  }
  return by_name;
}

void Pipeline::count(const Exchange& exchange, int status) {
  if (exchange.route.operation == nullptr) return;
  OperationFigures& figures = figures_[exchange.route.operation];
  ++figures.calls;
  figures.client_errors += status >= 400 && status < 500;
  figures.server_errors += status >= 500;
  const uint64_t us = static_cast<uint64_t>(monotonic_ns() - exchange.started_ns) / 1000;
  figures.total_us += us;
  ++figures.times[static_cast<size_t>(std::ranges::lower_bound(time_bounds_us, us) - time_bounds_us.begin())];
}

}  // namespace boreal::aws
