// aws-chunked bodies: no input may crash the decoder, and none that is signed may pass without the key.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "aws/chunked.h"

namespace {

class Text : public boreal::Source {
 public:
  explicit Text(std::string_view text) : text_(text) {}
  boreal::Task<boreal::Result<size_t>> read(boreal::MutableBytes buffer) override {
    const size_t count = std::min({buffer.size(), text_.size(), size_t{7}});
    std::memcpy(buffer.data(), text_.data(), count);
    text_.remove_prefix(count);
    co_return count;
  }

 private:
  std::string_view text_;
};

boreal::Task<bool> passes(std::unique_ptr<boreal::aws::CheckedBody> body) {
  std::byte buffer[64];
  while (true) {
    const auto count = co_await body->read(buffer);
    if (!count) co_return false;
    if (*count == 0) co_return true;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal::aws;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto kind :
       {PayloadKind::signed_chunks, PayloadKind::signed_chunks_and_trailer, PayloadKind::unsigned_chunks_and_trailer}) {
    BodyCheck check;
    check.kind = kind;
    check.trailers = {"x-amz-checksum-crc32"};
    const bool passed = boreal::run_blocking(passes(check_body(std::make_unique<Text>(text), check)));
    if (passed && kind != PayloadKind::unsigned_chunks_and_trailer) std::abort();
  }
  return 0;
}
