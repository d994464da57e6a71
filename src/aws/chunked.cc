#include "aws/chunked.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "codec/hex.h"

namespace boreal::aws {
namespace {

// "10000;chunk-signature=" and 64 digits, or a trailer such as x-amz-checksum-sha256; nobody needs more.
constexpr size_t max_line_bytes = 512;
constexpr size_t max_trailer_lines = 16;
constexpr size_t read_bytes = 64 << 10;
constexpr std::string_view signature_parameter = "chunk-signature";
constexpr std::string_view trailer_signature = "x-amz-trailer-signature";

AuthError malformed(std::string what) {
  return {AuthFailure::body_malformed, "The aws-chunked body is malformed: " + std::move(what)};
}

AuthError bad_trailer(std::string what) { return {AuthFailure::trailer_malformed, std::move(what)}; }

AuthError wrong_length(uint64_t expected, uint64_t provided) {
  return {AuthFailure::body_length,
          "You did not provide the number of bytes specified by the Content-Length HTTP header",
          {{"NumberBytesExpected", std::to_string(expected)}, {"NumberBytesProvided", std::to_string(provided)}}};
}

std::string digest(std::string_view text) { return codec::hex_encode(crypto::Sha256::of(text)); }

// The chain of signatures: each covers the one before it.
std::string chain_text(const BodyCheck& check, std::string_view kind, std::string_view previous,
                       std::string_view digests) {
  return fmt::format("{}\n{}\n{}\n{}\n{}", kind, check.timestamp, check.scope, previous, digests);
}

// `digest_of_data`: in hexadecimal.
std::string chunk_text(const BodyCheck& check, std::string_view previous, std::string_view digest_of_data) {
  return chain_text(check, "AWS4-HMAC-SHA256-PAYLOAD", previous, fmt::format("{}\n{}", digest(""), digest_of_data));
}

std::string trailer_text(const BodyCheck& check, std::string_view previous, const http::Headers& trailers) {
  std::string text;
  for (const auto& [name, value] : trailers) text.append(name).append(":").append(value).append("\n");
  if (text.empty()) text = "\n";  // AWS's
  return chain_text(check, "AWS4-HMAC-SHA256-TRAILER", previous, digest(text));
}

bool has_signatures(PayloadKind kind) {
  return kind == PayloadKind::signed_chunks || kind == PayloadKind::signed_chunks_and_trailer;
}
bool has_trailer(PayloadKind kind) {
  return kind == PayloadKind::signed_chunks_and_trailer || kind == PayloadKind::unsigned_chunks_and_trailer;
}

// A body that arrives as it is: nothing to check, or its digest at the end.
class PlainBody final : public CheckedBody {
 public:
  PlainBody(std::unique_ptr<Source> inner, BodyCheck check) : inner_(std::move(inner)), check_(std::move(check)) {}

  Executor* home() const override { return inner_->home(); }
  std::optional<uint64_t> size() const override { return inner_->size(); }

  Task<Result<size_t>> read(MutableBytes buffer) override {
    CO_TRY(const size_t count, co_await inner_->read(buffer));
    if (check_.kind != PayloadKind::sha256) co_return count;
    sha256_.update(buffer.first(count));
    received_ += count;
    // The last bytes are held back with the verdict, for readers that stop when they have as many as were announced.
    const bool last = count == 0 || received_ == inner_->size();
    if (!last || verified_) co_return count;
    verified_ = true;
    const auto computed = codec::hex_encode(sha256_.finish());
    if (check_.decoded_length && received_ != *check_.decoded_length)
      co_return refuse(wrong_length(*check_.decoded_length, received_));
    if (computed == to_lower(check_.sha256)) co_return count;
    co_return refuse({AuthFailure::payload_mismatch,
                      "The provided 'x-amz-content-sha256' header does not match what was computed.",
                      {{"ClientComputedContentSHA256", check_.sha256}, {"S3ComputedContentSHA256", computed}}});
  }

 private:
  std::unique_ptr<Source> inner_;
  BodyCheck check_;
  crypto::Sha256 sha256_;
  uint64_t received_ = 0;
  bool verified_ = false;
};

class ChunkedBody final : public CheckedBody {
 public:
  ChunkedBody(std::unique_ptr<Source> inner, BodyCheck check)
      : inner_(std::move(inner)), check_(std::move(check)), previous_(check_.seed_signature), buffer_(read_bytes) {}

  Executor* home() const override { return inner_->home(); }
  std::optional<uint64_t> size() const override { return check_.decoded_length; }

  Task<Result<size_t>> read(MutableBytes out) override {
    if (out.empty()) co_return 0;
    while (!ended_ && remaining_ == 0) CO_CHECK(co_await next_chunk());
    if (ended_) co_return 0;
    co_return co_await read_through(out);
  }

 private:
  struct ChunkHead {
    uint64_t size = 0;
    std::string signature;
    bool has_more = false;  // than a signature
  };

  Task<Result<void>> next_chunk();
  Result<void> check_chunk();
  Result<void> check_link(const std::string& text, const std::string& signature);
  Task<Result<void>> read_end();
  Task<Result<void>> read_trailer();
  Result<void> check_trailer(const std::string& signature);
  Result<ChunkHead> parse_head(std::string_view line);
  Result<void> check_size(uint64_t size);
  Result<void> add_trailer(std::string_view line, std::string& signature);
  Task<Result<size_t>> read_through(MutableBytes out);

  Task<Result<std::string>> read_line();
  Task<Result<bool>> has_ended();  // what came over the wire
  Task<Result<void>> read_line_end();
  Task<Result<void>> fill();  // at least one more byte in buffer_

  std::unique_ptr<Source> inner_;
  BodyCheck check_;
  std::string previous_;           // signature
  std::vector<std::byte> buffer_;  // what came from inner_ and is not used yet: [at_, end_)
  size_t at_ = 0, end_ = 0;
  ChunkHead head_;          // of the chunk at hand
  crypto::Sha256 sha256_;   // of what came of it
  uint64_t remaining_ = 0;  // of it, still to come
  uint64_t decoded_ = 0;
  uint64_t chunks_ = 0;     // that have begun
  uint64_t last_size_ = 0;  // of the latest
  bool ended_ = false;
};

Task<Result<void>> ChunkedBody::fill() {
  CO_TRY(end_, co_await inner_->read(buffer_));
  at_ = 0;
  if (end_ == 0) co_return refuse({AuthFailure::body_incomplete, "The aws-chunked body ended before its last chunk."});
  co_return {};
}

Task<Result<std::string>> ChunkedBody::read_line() {
  std::string line;
  while (!line.ends_with("\r\n")) {
    if (at_ == end_) CO_CHECK(co_await fill());
    const auto rest = as_text(Bytes(buffer_).subspan(at_, end_ - at_));
    const size_t count = std::min(rest.find('\n'), rest.size() - 1) + 1;
    line.append(rest.substr(0, count));
    at_ += count;
    if (line.size() > max_line_bytes) co_return refuse(malformed("a line is longer than 512 bytes"));
  }
  line.resize(line.size() - 2);
  co_return line;
}

Task<Result<void>> ChunkedBody::read_line_end() {
  CO_TRY(const auto line, co_await read_line());
  if (!line.empty()) co_return refuse(malformed("a chunk is longer than it says"));
  co_return {};
}

// "SIZE" or "SIZE;chunk-signature=SIGNATURE", the size in hexadecimal.
Result<ChunkedBody::ChunkHead> ChunkedBody::parse_head(std::string_view line) {
  ChunkHead head;
  const size_t semicolon = line.find(';');
  auto digits = line.substr(0, semicolon);
  if (semicolon != std::string_view::npos) digits = trim(digits);
  if (digits.empty() || digits.size() > 12) return refuse(malformed("a chunk has no size"));
  for (const char c : digits) {
    const int digit = codec::hex_digit(c);
    if (digit < 0) return refuse(malformed("a chunk's size is not hexadecimal"));
    head.size = head.size << 4 | static_cast<uint64_t>(digit);
  }
  if (!has_signatures(check_.kind)) {
    if (semicolon != std::string_view::npos) return refuse(malformed("an unsigned chunk has parameters"));
    return head;
  }
  // To AWS the first parameter is the signature, whatever its name, and further ones are too many once that is right.
  const auto parameters =
      split(semicolon == std::string_view::npos ? std::string_view() : line.substr(semicolon + 1), ';');
  const size_t equals = parameters.front().find('=');
  const auto value =
      equals == std::string_view::npos ? std::string_view() : trim(parameters.front().substr(equals + 1));
  if (value.empty()) return refuse(malformed("a chunk has no chunk-signature"));
  const bool is_named = trim(parameters.front().substr(0, equals)) == signature_parameter;
  head.signature = is_named ? value : parameters.front();
  head.has_more = parameters.size() > 1;
  return head;
}

// Whether a chunk was too small shows when another comes. Source: S3 API Reference, "Signature Calculations …
// Transferring Payload in Multiple Chunks".
Result<void> ChunkedBody::check_size(uint64_t size) {
  ++chunks_;
  if (size > 0 && chunks_ > 1 && last_size_ < check_.min_chunk_bytes) {
    return refuse(
        {AuthFailure::chunk_too_small,
         fmt::format("Only the last chunk is allowed to have a size less than {} bytes", check_.min_chunk_bytes),
         {{"Chunk", std::to_string(chunks_)}, {"BadChunkSize", std::to_string(last_size_)}}});
  }
  last_size_ = size;
  return {};
}

Task<Result<void>> ChunkedBody::next_chunk() {
  CO_TRY(const auto line, co_await read_line());
  CO_TRY(head_, parse_head(line));
  CO_CHECK(check_size(head_.size));
  decoded_ += head_.size;
  if (check_.decoded_length && decoded_ > *check_.decoded_length) {
    co_return refuse(wrong_length(*check_.decoded_length, decoded_));
  }
  remaining_ = head_.size;
  if (remaining_ > 0) co_return {};
  CO_CHECK(check_chunk());
  co_return co_await read_end();
}

// When all of it has come.
Result<void> ChunkedBody::check_chunk() {
  if (!has_signatures(check_.kind)) return {};
  CHECK(check_link(chunk_text(check_, previous_, codec::hex_encode(sha256_.finish())), head_.signature));
  if (head_.has_more) return refuse(malformed("a chunk has more parameters than its chunk-signature"));
  previous_ = std::move(head_.signature);
  return {};
}

Result<void> ChunkedBody::check_link(const std::string& text, const std::string& signature) {
  if (crypto::constant_time_equal(sign_text(check_.key, text), signature)) return {};
  return refuse(mismatch(AuthFailure::chunk_mismatch, check_.access_key, text, signature, check_.canonical_request));
}

Task<Result<bool>> ChunkedBody::has_ended() {
  if (at_ < end_) co_return false;
  CO_TRY(end_, co_await inner_->read(buffer_));
  at_ = 0;
  co_return end_ == 0;
}

// After the chunk of size 0: the trailer, or an empty line, and then nothing.
Task<Result<void>> ChunkedBody::read_end() {
  if (has_trailer(check_.kind)) {
    CO_CHECK(co_await read_trailer());
  } else {
    CO_CHECK(co_await read_line_end());
  }
  if (check_.decoded_length && decoded_ != *check_.decoded_length)
    co_return refuse(wrong_length(*check_.decoded_length, decoded_));
  CO_TRY(bool ended, co_await has_ended());
  // AWS overlooks what follows where nobody signed anything.
  while (!ended && !has_signatures(check_.kind)) {
    at_ = end_;
    CO_TRY(ended, co_await has_ended());
  }
  if (!ended) co_return refuse(malformed("data follows its end"));
  ended_ = true;
  co_return {};
}

Task<Result<void>> ChunkedBody::read_trailer() {
  std::string signature;
  for (size_t lines = 0;; ++lines) {
    if (lines > max_trailer_lines) co_return refuse(bad_trailer("the trailer has too many lines"));
    // Where nothing is signed, AWS does without the empty line.
    if (!has_signatures(check_.kind)) {
      CO_TRY(const bool ended, co_await has_ended());
      if (ended) break;
    }
    CO_TRY(const auto line, co_await read_line());
    if (line.empty()) break;
    CO_CHECK(add_trailer(line, signature));
    if (!signature.empty()) CO_CHECK(check_trailer(signature));
  }
  if (!has_signatures(check_.kind)) co_return check_trailer(signature);
  if (signature.empty()) co_return refuse({AuthFailure::body_incomplete, "The trailer has no signature."});
  co_return {};
}

Result<void> ChunkedBody::add_trailer(std::string_view line, std::string& signature) {
  while (line.ends_with('\n')) line.remove_suffix(1);  // AWS's documents end a trailer with "\n\r\n"
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse(bad_trailer("a trailer has no colon"));
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  auto value = line.substr(colon + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  while (value.ends_with(' ')) value.remove_suffix(1);
  if (name == trailer_signature) {
    if (!signature.empty()) return refuse(bad_trailer("the trailer has two signatures"));
    signature = value;
    return {};
  }
  if (!signature.empty()) return refuse(bad_trailer("a trailer follows the trailer's signature"));
  if (std::ranges::find(check_.trailers, name) == check_.trailers.end())
    return refuse(bad_trailer(fmt::format("the trailer '{}' was not announced by x-amz-trailer", name)));
  trailers_.set(std::move(name), std::string(value));  // AWS takes the last of a name
  return {};
}

Result<void> ChunkedBody::check_trailer(const std::string& signature) {
  if (trailers_.size() != check_.trailers.size())
    return refuse(bad_trailer("a trailer that x-amz-trailer announced is missing"));
  if (has_signatures(check_.kind)) return check_link(trailer_text(check_, previous_, trailers_), signature);
  if (!signature.empty()) return refuse(bad_trailer("an unsigned trailer has a signature"));
  return {};
}

// What came in the buffer first; then straight into the reader's what would fill ours, and with less what follows it.
Task<Result<size_t>> ChunkedBody::read_through(MutableBytes out) {
  const size_t wanted = std::min<uint64_t>(out.size(), remaining_);
  if (at_ == end_ && wanted < read_bytes) CO_CHECK(co_await fill());
  size_t count = std::min(wanted, end_ - at_);
  if (count > 0) {
    std::memcpy(out.data(), buffer_.data() + at_, count);
    at_ += count;
  } else {
    CO_TRY(count, co_await inner_->read(out.first(wanted)));
    if (count == 0)
      co_return refuse({AuthFailure::body_incomplete, "The aws-chunked body ended before its last chunk."});
  }
  if (has_signatures(check_.kind)) sha256_.update(out.first(count));
  remaining_ -= count;
  if (remaining_ == 0) {
    CO_CHECK(check_chunk());
    CO_CHECK(co_await read_line_end());
  }
  co_return count;
}

}  // namespace

std::unexpected<Error> CheckedBody::refuse(AuthError error) {
  failure_ = std::move(error);
  return fail(Errc::cancelled, failure_->message);
}

std::vector<std::string> announced_trailers(const http::Headers& headers) {
  std::vector<std::string> announced;
  for (const auto& [field, value] : headers) {
    if (!http::equals_ignore_case(field, "x-amz-trailer")) continue;
    std::string_view names = trim(value);
    while (names.ends_with(',')) names.remove_suffix(1);
    for (const std::string_view name : split(names, ',')) announced.push_back(to_lower(trim(name)));
  }
  return announced;
}

std::unique_ptr<CheckedBody> check_body(std::unique_ptr<Source> inner, BodyCheck check) {
  if (check.kind == PayloadKind::sha256 || check.kind == PayloadKind::unsigned_bytes) {
    return std::make_unique<PlainBody>(std::move(inner), std::move(check));
  }
  return std::make_unique<ChunkedBody>(std::move(inner), std::move(check));
}

std::string encode_chunks(std::string_view body, size_t chunk_bytes, const BodyCheck& check,
                          const http::Headers& trailers) {
  std::string out, previous = check.seed_signature;
  while (true) {
    const auto chunk = body.substr(0, chunk_bytes);
    body.remove_prefix(chunk.size());
    out += fmt::format("{:x}", chunk.size());
    if (has_signatures(check.kind)) {
      previous = sign_text(check.key, chunk_text(check, previous, digest(chunk)));
      out.append(";").append(signature_parameter).append("=").append(previous);
    }
    out.append("\r\n").append(chunk);
    if (chunk.empty()) break;
    out += "\r\n";
  }
  if (has_trailer(check.kind)) {
    for (const auto& [name, value] : trailers) out.append(name).append(":").append(value).append("\r\n");
    if (has_signatures(check.kind)) {
      out.append(trailer_signature)
          .append(":")
          .append(sign_text(check.key, trailer_text(check, previous, trailers)))
          .append("\r\n");
    }
  }
  return out += "\r\n";
}

}  // namespace boreal::aws
