#include "server/front.h"

#include <fmt/format.h>

#include <utility>

#include "aws/own_names.h"
#include "aws/wire/wire.h"
#include "base/counted.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/json.h"
#include "codec/time.h"
#include "crypto/hash.h"
#include "io/owner.h"
#include "process/usage.h"
#include "server/metrics.h"
#include "server/run.h"

namespace boreal::server {

namespace {

constexpr std::string_view prefix = "/_boreal/";
constexpr size_t min_key_bytes = 16;
constexpr uint64_t max_key_bytes = 4096;
constexpr Duration reset_grace{2'000};                   // for who is at a request; then they are cut off
constexpr int64_t longest_settling_ns = 20'000'000'000;  // the command line waits 30 s for an answer

http::Response answer(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  response.body = std::move(body);
  response.body += '\n';
  return response;
}

http::Response problem(int status, std::string_view message) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.name("message");
  writer.string(message);
  writer.end_object();
  return answer(status, std::move(body));
}

// An answer that is still being read has a part of the house in its hands: it is not torn down meanwhile.
class HeldSource final : public Source {
 public:
  HeldSource(std::unique_ptr<Source> inner, size_t& held) : held_(held), inner_(std::move(inner)) {}
  Task<Result<size_t>> read(MutableBytes buffer) override { return inner_->read(buffer); }
  std::optional<uint64_t> size() const override { return inner_->size(); }
  bool lends() const override { return inner_->lends(); }
  Task<Result<Bytes>> lend() override { return inner_->lend(); }
  bool detaches() const override { return inner_->detaches(); }
  Task<Result<std::unique_ptr<Source>>> detach() override { return inner_->detach(); }

 private:
  const Counted held_;
  std::unique_ptr<Source> inner_;
};

Result<std::string> read_metrics_key(const std::string& path) {
  auto text = io::read_private_file(path, max_key_bytes);
  if (!text) return std::unexpected(std::move(text).error().within("metrics_key_file"));
  const std::string key(trim(*text));
  if (key.size() < min_key_bytes) {
    return fail(Errc::invalid, fmt::format("metrics_key_file {} holds no key: at least {} characters are wanted", path,
                                           min_key_bytes));
  }
  return key;
}

void measure_process(const Result<process::Usage>& usage, Time started, Metrics& metrics) {
  const auto one = [&](std::string_view name, std::string_view type, std::string_view help, double value) {
    metrics.family(name, type, help);
    metrics.sample({}, value);
  };
  one("process_start_time_seconds", "gauge", "When this process started, since 1970.",
      static_cast<double>(started.ms) / 1000);
  if (!usage) {
    log::warn("server", "what this process uses is not known", {{"why", usage.error().message()}});
    return;
  }
  one("process_cpu_seconds_total", "counter", "Processor time, user and system.", usage->processor_seconds);
  one("process_resident_memory_bytes", "gauge", "Memory of this process, PostgreSQL's apart.",
      static_cast<double>(usage->resident_bytes));
  one("process_open_fds", "gauge", "Open file descriptors.", static_cast<double>(usage->open_files));
  one("process_max_fds", "gauge", "How many there may be.", static_cast<double>(usage->max_open_files));
  one("process_threads", "gauge", "Threads.", static_cast<double>(usage->threads));
}

void measure_http(const http::Figures& figures, Metrics& metrics) {
  metrics.family("boreal_http_connections", "gauge", "Connections of clients, idle ones too.");
  metrics.sample({}, static_cast<double>(figures.connections));
  metrics.family("boreal_http_requests_in_flight", "gauge",
                 "Requests whose answers have not been sent to their end, this one among them.");
  metrics.sample({}, static_cast<double>(figures.requests_under_way));
  metrics.family("boreal_http_responses_total", "counter", "Answers, by the class of their status.");
  constexpr std::string_view classes[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
  for (size_t i = 0; i < figures.answers.size(); ++i)
    metrics.sample({{"class", classes[i]}}, static_cast<double>(figures.answers[i]));
  metrics.family("boreal_http_received_bytes_total", "counter", "Bytes from clients: heads, bodies, framing; not TLS.");
  metrics.sample({}, static_cast<double>(figures.bytes_received));
  metrics.family("boreal_http_sent_bytes_total", "counter", "Bytes to clients.");
  metrics.sample({}, static_cast<double>(figures.bytes_sent));
}

}  // namespace

http::Response plain_refusal(int status, std::string_view why) {
  std::string_view code = "BadRequest";
  switch (status) {
    case 403: code = "AccessDenied"; break;
    case 408: code = "RequestTimeout"; break;
    case 413: code = "EntityTooLarge"; break;
    case 414: code = "RequestURITooLong"; break;
    case 431: code = "RequestHeaderSectionTooLarge"; break;
    case 500: code = "InternalError"; break;
    case 501: code = "NotImplemented"; break;
    case 503: code = "ServiceUnavailable"; break;
    default: break;
  }
  return aws::wire::refuse(aws::Protocol::rest_xml, aws::ApiError(std::string(code), status, std::string(why)), "");
}

Task<Result<void>> Front::open(std::function<Result<void>()> listen) {
  is_starting_ = listen != nullptr;
  auto opened = co_await open_house(std::move(listen));
  is_starting_ = false;
  start_ended_.set();
  co_return opened;
}

Task<Result<void>> Front::open_house(std::function<Result<void>()> listen) {
  if (!config_.metrics_key_file.empty()) {
    CO_TRY(metrics_key_, co_await pool_.run([this] { return read_metrics_key(config_.metrics_key_file); }));
  }
  CO_TRY(house_, co_await House::open(config_, loop_, pool_, clock_, random_, tls_, std::move(listen)));
  co_return Result<void>();
}

// Who comes from the very address that we listen on is none of another machine: so does `boreal status` here.
bool Front::is_of_this_machine(const net::Address& peer) const {
  return peer.is_loopback() || peer.host == config_.listen_host;
}

Task<http::Response> Front::handle(http::Request& request) {
  if (config_.require_tls && !request.tls && !is_of_this_machine(request.peer)) {
    co_return plain_refusal(403, "Plain HTTP is for this machine only: use https, on the same port.");
  }
  if (is_starting_ && !request.path.starts_with("/_boreal/health/")) {
    co_await start_ended_.wait();
    if (!house_) co_return plain_refusal(503, "boreal could not start; its log says why.");
  }
  if (request.path.starts_with(prefix)) co_return co_await own(request);
  if (!house_) co_return plain_refusal(503, "boreal is starting or being reset; try again.");
  const Counted held(in_house_);
  auto response = co_await house_->pipeline().handle(request);
  if (response.stream) response.stream = std::make_unique<HeldSource>(std::move(response.stream), in_house_);
  co_return response;
}

Task<http::Response> Front::own(http::Request& request) {
  const std::string_view what = std::string_view(request.path).substr(prefix.size());
  if (config_.dev && !aws::is_no_strangers(request.host, config_.own_names()))
    co_return problem(403, aws::strange_name(request.host));
  if (request.headers.get(process_field).value_or(id_) != id_)
    co_return problem(421, "This is another boreal than the one that is meant.");
  const bool reading = request.method == "GET" || request.method == "HEAD";
  if (what == "health/live" && reading) co_return answer(200, R"({"status":"live"})");
  if (what == "health/ready" && reading) {
    if (!house_) co_return answer(503, R"({"ready":false})");
    co_return answer(house_->is_ready() ? 200 : 503, house_->describe(is_operator(request)));
  }
  if (what == "metrics" && reading) co_return co_await metrics(request);
  if (what == "ca.pem" && reading && house_) {
    http::Response response;
    response.headers.add("Content-Type", "application/x-pem-file");
    response.body = tls_.ca_pem();
    co_return response;
  }
  if (what != "reset" && what != "clock") {
    co_return problem(404, "There is nothing here: /_boreal/ has health/live, health/ready, metrics and ca.pem.");
  }
  if (!config_.dev) co_return problem(403, "Reset and clock are for boreal dev only.");
  // A page in the developer's browser can send a POST here, but not without saying so.
  if (request.headers.has("origin") || request.headers.has("sec-fetch-site")) {
    co_return problem(403, "Browsers are not let in here.");
  }
  if (what == "clock") co_return co_await clock(request.method, request.query);
  if (request.method != "POST") co_return problem(405, "Reset wants a POST.");
  co_return co_await reset(request.peer);
}

// Of `boreal dev` everybody who reaches it is one: it listens on the loopback only, and its keys are known.
bool Front::is_operator(const http::Request& request) const {
  return config_.dev || crypto::constant_time_equal(request.headers.get(operator_field).value_or(""), operator_key_);
}

bool Front::may_see_metrics(const http::Request& request) const {
  if (is_operator(request)) return true;
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view field = request.headers.get("authorization").value_or("");
  return !metrics_key_.empty() && field.starts_with(scheme) &&
         crypto::constant_time_equal(field.substr(scheme.size()), metrics_key_);
}

Task<http::Response> Front::metrics(const http::Request& request) {
  if (!may_see_metrics(request)) {
    auto refused = problem(401,
                           "Metrics tell who uses what, so they are told to who sends what run.key in the data folder "
                           "holds as X-Boreal-Operator, or what metrics_key_file holds as a bearer token.");
    refused.headers.add("WWW-Authenticate", "Bearer");
    co_return refused;
  }
  if (!house_) co_return problem(503, "boreal is starting or being reset; try again.");
  const Counted held(in_house_);
  const House& house = *house_;  // a reset may take it from there; it waits until this is done
  Metrics metrics;
  measure_process(co_await pool_.run([] { return process::own_usage(); }), started_, metrics);
  if (server_ != nullptr) measure_http(server_->figures(), metrics);
  co_await house.measure(metrics);
  http::Response response;
  response.headers.add("Content-Type", metrics_type);
  response.body = metrics.take();
  co_return response;
}

// Clients may be slow, or gone: to wait for them would keep all others out.
Task<void> Front::empty_house(net::Address asker) {
  const int64_t end_of_grace_ns = monotonic_ns() + std::chrono::nanoseconds(reset_grace).count();
  for (bool is_cut = false; in_house_ > 0; co_await loop_.sleep(Duration(1))) {
    if (is_cut || monotonic_ns() < end_of_grace_ns) continue;
    is_cut = true;
    co_await server_->cut(asker);
  }
}

Task<http::Response> Front::reset(net::Address asker) {
  if (std::exchange(is_resetting_, true)) co_return problem(409, "A reset is under way.");
  Result<void> erased;
  if (auto house = std::move(house_)) {  // from here on new requests are told to wait
    co_await empty_house(std::move(asker));
    erased = co_await house->stop_and_erase();
  }  // else an earlier one failed: to open goes on with it
  auto opened = erased ? co_await open() : std::move(erased);
  is_resetting_ = false;
  if (!opened) {
    log::error("server", "reset failed", {{"error", opened.error().message()}});
    co_return problem(500, "The reset failed, the log says why: " + opened.error().message());
  }
  co_return answer(200, R"({"reset":true})");
}

// Whoever moved the clock finds done what fell due by it.
Task<bool> Front::settle() {
  const int64_t since_ns = monotonic_ns();
  const int64_t give_up_ns = since_ns + longest_settling_ns;
  const Counted held(in_house_);  // it is not torn down meanwhile
  bool is_settled = false;
  while (house_ && monotonic_ns() < give_up_ns) {
    is_settled = house_->has_been_round(since_ns);
    if (is_settled) break;
    co_await loop_.sleep(Duration(10));
  }
  co_return is_settled;
}

Task<http::Response> Front::clock(std::string method, std::string query) {
  std::string settled;
  if (method == "POST") {
    if (query == "reset") {
      clock_.set_offset(Duration(0));
    } else if (query.starts_with("advance_ms=")) {
      const auto by = parse_int(query.substr(11), 0, 100LL * 366 * 24 * 3600 * 1000);
      if (!by) co_return problem(400, "advance_ms must be a number of milliseconds from 0 to a hundred years.");
      clock_.set_offset(clock_.offset() + Duration(*by));
    } else {
      co_return problem(400, "Say ?advance_ms=N or ?reset.");
    }
    log::warn("server", "the clock was moved", {{"offset_ms", clock_.offset().count()}});
    const bool is_settled = co_await settle();
    // Signatures tell whole seconds: one that is made after this answer is to be known as such.
    while (clock_.unmoved().ms / 1000 == clock_.moved_at().ms / 1000) co_await loop_.sleep(Duration(10));
    settled = fmt::format(R"(,"settled":{})", is_settled);
  }
  co_return answer(200, fmt::format(R"({{"now":"{}","offset_ms":{}{}}})", codec::format_iso8601(clock_.now()),
                                    clock_.offset().count(), settled));
}

Task<void> Front::stop() {
  if (!house_) co_return;
  auto house = std::move(house_);
  co_await house->stop();
}

}  // namespace boreal::server
