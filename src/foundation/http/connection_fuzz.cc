// A whole connection of any bytes: what is answered does not hang on how they are cut into pieces, so no request is
// taken out of another's body, and no more are answered than were handed over.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "http/detail/connection.h"

namespace {

using namespace boreal;

constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

// What a client sends, `step` bytes at a time, and what it is sent.
class Wire final : public net::Stream {
 public:
  Wire(std::string_view text, size_t step, std::string& answers) : text_(text), step_(step), answers_(answers) {}
  Task<Result<size_t>> read_some(MutableBytes buffer, size_t /*worth_waking*/) override {
    if (!is_open_) co_return fail(Errc::cancelled, "closed");
    const size_t count = std::min({buffer.size(), text_.size(), step_});
    if (count > 0) std::memcpy(buffer.data(), text_.data(), count);
    text_.remove_prefix(count);
    co_return count;
  }
  Task<Result<void>> readable() override { co_return Result<void>(); }
  Task<Result<void>> write(std::span<const Bytes> parts) override {
    if (!is_open_) co_return fail(Errc::cancelled, "closed");
    std::string all;
    for (const Bytes part : parts) all += as_text(part);
    if (all != go_on) answers_ += all;  // who has sent on needs none
    co_return Result<void>();
  }
  void expire_after(Duration) override {}
  void shutdown_write() override {}
  void close() override { is_open_ = false; }
  std::optional<net::TlsSession> tls() const override { return std::nullopt; }
  net::Address peer() const override { return {}; }
  net::Address local() const override { return {}; }
  int fd() const override { return is_open_ ? 0 : -1; }

 private:
  std::string_view text_;
  const size_t step_;
  std::string& answers_;
  bool is_open_ = true;
};

// Every second path has its body read, the others leave it to the connection.
Task<http::Response> answer(http::Request& request, size_t& handed_over) {
  ++handed_over;
  std::string text = request.method + " " + request.path + "?" + request.query + " at " + request.host;
  for (const auto& [name, value] : request.headers) text.append("\n").append(name).append("=").append(value);
  char buffer[64];
  while (request.path.size() % 2 == 0) {
    const auto got = co_await request.body->read(std::as_writable_bytes(std::span(buffer)));
    if (!got) co_return http::Response{.status = 400};
    if (*got == 0) break;
    text.append(buffer, *got);
  }
  co_return http::Response{.body = std::move(text)};
}

std::string answers_to(std::string_view text, size_t step) {
  std::string answers;
  size_t handed_over = 0;
  size_t refused = 0;
  http::Options options;
  options.limits = {.request_line_bytes = 256, .header_bytes = 1024, .header_count = 20};
  // The limits count what has come, so two cuts may differ in which refusal comes first.
  options.refusal = [&](int, std::string_view) {
    ++refused;
    return http::Response{.status = 400};
  };
  const ManualClock clock;
  options.clock = &clock;
  const http::detail::Crowd crowd{.bound = 2};
  http::detail::Shared shared(
      std::move(options), [&](http::Request& request) { return answer(request, handed_over); }, crowd);
  {
    http::detail::Connection connection(shared, std::make_unique<Wire>(text, step, answers));
    run_blocking(connection.run());
  }
  const uint64_t told = shared.counters.answers[1].get() + shared.counters.answers[3].get();
  if (told != handed_over + refused || refused > 1) std::abort();
  if (!shared.waiting.empty() || !shared.busy.empty() || !shared.at_client.empty()) std::abort();
  return answers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size > 32 << 10) return 0;  // what is skipped behind an answer has a bound, which is reached by pieces
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const std::string whole = answers_to(text, size + 1);
  const size_t small = 1 + size / 1024;  // a byte at a time, unless that takes most of a second
  if (answers_to(text, small) != whole || answers_to(text, 10 + small) != whole) std::abort();
  return 0;
}
