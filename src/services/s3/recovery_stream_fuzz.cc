// Any bytes as a bucket's backup: corrupt, or heads that write and read again to the same; and how the bytes come in
// pieces does not matter.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/testing.h"
#include "s3/recovery_stream.h"

namespace {

using namespace boreal;

class Pieces final : public Source {
 public:
  Pieces(std::string_view text, size_t step) : text_(text), step_(step) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t count = std::min({buffer.size(), text_.size(), step_});
    std::memcpy(buffer.data(), text_.data(), count);
    text_.remove_prefix(count);
    co_return count;
  }

 private:
  std::string_view text_;
  size_t step_;
};

// All that is told of the stream, as text.
Task<Result<std::string>> read_all(Source& source) {
  s3::RecoveryReader reader(source);
  std::string told;
  for (;;) {
    CO_TRY(const auto head, co_await reader.next());
    if (!head) co_return told;
    const std::string framed = s3::frame_head(*head);
    const auto again = store::decode<s3::RecoveredHead>(std::string_view(framed).substr(8));
    if (!again || s3::frame_head(*again) != framed) std::abort();
    told += framed;
    uint64_t size = 0;
    for (std::array<std::byte, 100> buffer;;) {
      CO_TRY(const size_t count, co_await reader.body().read(buffer));
      if (count == 0) break;
      size += count;
      told += as_text(Bytes(buffer).first(count));
    }
    if (size != head->size) std::abort();
  }
}

std::string outcome(std::string_view text, size_t step) {
  Pieces source(text, step);
  const auto told = TestExecutor().run(read_all(source));
  if (!told && told.error().code() != Errc::corrupt) std::abort();
  return told ? *told : told.error().message();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (outcome(text, size + 1) != outcome(text, 3)) std::abort();
  // The bytes as the head itself, so that lengths need not be guessed.
  std::string framed;
  put_be64(framed, size);
  framed += text;
  if (outcome(framed, framed.size()) != outcome(framed, 5)) std::abort();
  return 0;
}
