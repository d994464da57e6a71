#include "server/front.h"

#include <fmt/format.h>

#include "aws/wire/wire.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/json.h"
#include "codec/time.h"
#include "crypto/hash.h"
#include "server/metrics.h"
#include "server/run.h"

namespace boreal::server {

namespace {

constexpr std::string_view prefix = "/_boreal/";
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
  HeldSource(std::unique_ptr<Source> inner, size_t& held) : inner_(std::move(inner)), held_(held) { ++held_; }
  ~HeldSource() override {
    inner_.reset();
    --held_;
  }
  Task<Result<size_t>> read(MutableBytes buffer) override { return inner_->read(buffer); }
  std::optional<uint64_t> size() const override { return inner_->size(); }
  bool lends() const override { return inner_->lends(); }
  Task<Result<Bytes>> lend() override { return inner_->lend(); }
  bool detaches() const override { return inner_->detaches(); }
  Task<Result<std::unique_ptr<Source>>> detach() override { return inner_->detach(); }

 private:
  std::unique_ptr<Source> inner_;
  size_t& held_;
};

}  // namespace

http::Response plain_refusal(int status, std::string_view why) {
  std::string_view code = "BadRequest";
  switch (status) {
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

Task<Result<void>> Front::open() {
  CO_TRY(house_, co_await House::open(config_, loop_, pool_, clock_, random_));
  co_return Result<void>();
}

Task<http::Response> Front::handle(http::Request& request) {
  if (request.path.starts_with(prefix)) co_return co_await own(request);
  if (!house_) co_return plain_refusal(503, "boreal is starting or being reset; try again.");
  ++in_house_;
  auto response = co_await house_->pipeline().handle(request);
  if (response.stream) response.stream = std::make_unique<HeldSource>(std::move(response.stream), in_house_);
  --in_house_;
  co_return response;
}

Task<http::Response> Front::own(http::Request& request) {
  const std::string_view what = std::string_view(request.path).substr(prefix.size());
  const bool reading = request.method == "GET" || request.method == "HEAD";
  if (what == "health/live" && reading) co_return answer(200, R"({"status":"live"})");
  const bool in_full =
      config_.dev || crypto::constant_time_equal(request.headers.get(operator_field).value_or(""), operator_key_);
  if (what == "health/ready" && reading) {
    if (!house_) co_return answer(503, R"({"ready":false})");
    co_return answer(house_->is_ready() ? 200 : 503, house_->describe(in_full));
  }
  if (what == "metrics" && reading) {
    if (!house_) co_return problem(503, "boreal is starting or being reset; try again.");
    http::Response response;
    response.headers.add("Content-Type", metrics_type);
    response.body = house_->metrics(in_full);
    co_return response;
  }
  if (what == "ca.pem" && reading && house_) {
    http::Response response;
    response.headers.add("Content-Type", "application/x-pem-file");
    response.body = house_->tls().ca_pem;
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
  co_return co_await reset();
}

Task<http::Response> Front::reset() {
  if (!house_) co_return problem(409, "A reset is under way.");
  auto house = std::move(house_);  // from here on new requests are told to wait
  while (in_house_ > 0) co_await loop_.sleep(Duration(1));
  auto erased = co_await house->stop_and_erase();
  house.reset();
  auto opened = erased ? co_await open() : std::move(erased);
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
  ++in_house_;  // it is not torn down meanwhile
  bool is_settled = false;
  while (house_ && monotonic_ns() < give_up_ns) {
    is_settled = house_->has_been_round(since_ns);
    if (is_settled) break;
    co_await loop_.sleep(Duration(10));
  }
  --in_house_;
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
