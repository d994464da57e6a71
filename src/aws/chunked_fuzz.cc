// aws-chunked bodies: no input may crash the decoder, none that is signed may pass without the key, and what was signed
// and then changed at one place is refused or still says the same.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "aws/chunked.h"

namespace {

using namespace boreal::aws;

class Text : public boreal::Source {
 public:
  explicit Text(std::string_view text) : text_(text) {}
  boreal::Task<boreal::Result<size_t>> read(boreal::MutableBytes buffer) override {
    const size_t count = std::min({buffer.size(), text_.size(), size_t{7}});
    if (count > 0) std::memcpy(buffer.data(), text_.data(), count);
    text_.remove_prefix(count);
    co_return count;
  }

 private:
  std::string_view text_;
};

// None: it was refused.
boreal::Task<std::optional<std::string>> read_all(std::unique_ptr<CheckedBody> body) {
  std::string all;
  char buffer[64];
  while (true) {
    const auto count = co_await body->read(std::as_writable_bytes(std::span(buffer)));
    if (!count) co_return std::nullopt;
    if (*count == 0) co_return all;
    all.append(buffer, *count);
  }
}

std::optional<std::string> read(std::string_view wire, const BodyCheck& check) {
  return boreal::run_blocking(read_all(check_body(std::make_unique<Text>(wire), check)));
}

bool is_signed(PayloadKind kind) { return kind != PayloadKind::unsigned_chunks_and_trailer; }

BodyCheck check_of(PayloadKind kind, std::string_view secret) {
  BodyCheck check;
  check.kind = kind;
  const CredentialScope scope{"20130524", "us-east-1", "s3"};
  check.key = derive_signing_key(secret, scope);
  check.timestamp = "20130524T000000Z";
  check.scope = scope.to_string();
  check.seed_signature = std::string(64, 'a');
  check.min_chunk_bytes = 1;
  if (kind != PayloadKind::signed_chunks) check.trailers = {"x-amz-checksum-crc32"};
  return check;
}

// The first bytes say how it is cut, and what is changed.
void change_at_one_place(PayloadKind kind, std::string_view text) {
  if (text.size() < 5) return;
  const auto byte = [&](size_t at) { return static_cast<size_t>(static_cast<unsigned char>(text[at])); };
  const std::string data(text.substr(5));
  const BodyCheck check = check_of(kind, "secret");
  boreal::http::Headers trailers;
  for (const std::string& name : check.trailers) trailers.add(name, "AAAAAA==");
  // Each chunk has its signature: some dozens at most, or an input takes a tenth of a second.
  const size_t chunk_bytes = std::max(1 + byte(0) + 256 * (byte(1) % 16), data.size() / 32);
  std::string wire = encode_chunks(data, chunk_bytes, check, trailers);
  if (read(wire, check) != data) std::abort();
  wire[(byte(2) + 256 * byte(3)) % wire.size()] = text[4];
  const auto changed = read(wire, check);
  if (is_signed(kind) && changed && *changed != data) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  for (const auto kind :
       {PayloadKind::signed_chunks, PayloadKind::signed_chunks_and_trailer, PayloadKind::unsigned_chunks_and_trailer}) {
    if (read(text, check_of(kind, "never")) && is_signed(kind)) std::abort();
    change_at_one_place(kind, text);
  }
  return 0;
}
