// Bytes that are there already, as a body.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>

#include "base/stream.h"

namespace boreal::s3 {

class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t count = std::min(buffer.size(), text_.size() - given_);
    std::memcpy(buffer.data(), text_.data() + given_, count);
    given_ += count;
    co_return count;
  }
  std::optional<uint64_t> size() const override { return text_.size(); }

 private:
  std::string text_;
  size_t given_ = 0;
};

}  // namespace boreal::s3
