// What the tests of this folder share.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "aws/wire/wire.h"
#include "base/task.h"

namespace boreal::aws::wire {

class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t size = std::min(buffer.size(), text_.size() - at_);
    std::copy_n(as_bytes(text_).begin() + static_cast<std::ptrdiff_t>(at_), size, buffer.begin());
    at_ += size;
    co_return size;
  }
  std::optional<uint64_t> size() const override { return text_.size(); }

 private:
  std::string text_;
  size_t at_ = 0;
};

inline http::Request request(std::string method, std::string target,
                             std::vector<std::pair<std::string, std::string>> headers = {}) {
  http::Request out;
  out.method = std::move(method);
  out.target = target;
  const size_t mark = target.find('?');
  out.path = target.substr(0, mark);
  out.query = mark == std::string::npos ? "" : target.substr(mark + 1);
  for (auto& [name, value] : headers) out.headers.add(name, value);
  out.body = std::make_unique<TextSource>("");
  return out;
}

// The way of a request through Wire, as the pipeline goes it.
inline Outcome<std::pair<Route, Value>> parse(const Wire& wire, http::Request& request, std::string_view body) {
  const Protocol protocol = wire.detect(request);
  TRY(auto route, wire.route(protocol, request, body));
  TRY(auto input, wire.parse(route, request, body));
  return std::pair(std::move(route), std::move(input));
}

inline std::string header(const http::Response& response, std::string_view name) {
  return std::string(response.headers.get(name).value_or("(none)"));
}

}  // namespace boreal::aws::wire
