#include "aws/request_log.h"

#include <atomic>
#include <memory>

#include "base/clock.h"

namespace boreal::aws {

namespace {

using Count = std::atomic<uint64_t>;

std::string_view or_dash(const std::string& text) { return text.empty() ? "-" : std::string_view(text); }

void write(log::Level level, const RequestLine& line, uint64_t bytes_out) {
  log::write(level, "api", "request",
             {{"from", line.from},
              {"caller", or_dash(line.caller)},
              {"operation", line.operation},
              {"resource", or_dash(line.resource)},
              {"status", line.status},
              {"code", or_dash(line.code)},
              {"bytes_in", line.bytes_in},
              {"bytes_out", bytes_out},
              {"duration_us", (monotonic_ns() - line.started_ns) / 1000},
              {"request", line.request_id}});
}

// A part of an answer that is read elsewhere.
class CountedRun final : public Source {
 public:
  CountedRun(std::unique_ptr<Source> inner, std::shared_ptr<Count> count)
      : inner_(std::move(inner)), count_(std::move(count)) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const auto got = co_await inner_->read(buffer);
    *count_ += got.value_or(0);
    co_return got;
  }
  std::optional<uint64_t> size() const override { return inner_->size(); }
  bool lends() const override { return inner_->lends(); }
  Task<Result<Bytes>> lend() override {
    const auto got = co_await inner_->lend();
    if (got) *count_ += got->size();
    co_return got;
  }
  Source& inner() const { return *inner_; }

 private:
  std::unique_ptr<Source> inner_;
  std::shared_ptr<Count> count_;  // shared with the answer, which another thread has
};

class LoggedSource final : public Source {
 public:
  LoggedSource(std::unique_ptr<Source> inner, log::Level level, RequestLine line)
      : run_(std::move(inner), count_), level_(level), line_(std::move(line)) {}
  ~LoggedSource() override { write(level_, line_, *count_); }
  Task<Result<size_t>> read(MutableBytes buffer) override { return run_.read(buffer); }
  std::optional<uint64_t> size() const override { return run_.size(); }
  bool lends() const override { return run_.lends(); }
  Task<Result<Bytes>> lend() override { return run_.lend(); }
  bool detaches() const override { return run_.inner().detaches(); }
  Task<Result<std::unique_ptr<Source>>> detach() override {
    CO_TRY(auto run, co_await run_.inner().detach());
    if (run == nullptr) co_return nullptr;
    co_return std::make_unique<CountedRun>(std::move(run), count_);
  }

 private:
  const std::shared_ptr<Count> count_ = std::make_shared<Count>(0);  // shared with the runs
  CountedRun run_;
  const log::Level level_;
  const RequestLine line_;
};

}  // namespace

void log_request(log::Level level, RequestLine line, const http::Request& request, http::Response& response) {
  const bool has_body = request.method != "HEAD";
  if (has_body && response.stream) {
    response.stream = std::make_unique<LoggedSource>(std::move(response.stream), level, std::move(line));
  } else {
    write(level, line, has_body ? response.body.size() : 0);
  }
}

}  // namespace boreal::aws
