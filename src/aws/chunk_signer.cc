#include "aws/chunk_signer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "codec/hex.h"
#include "codec/time.h"
#include "crypto/hash.h"

namespace boreal::aws {

namespace {

constexpr size_t chunk_bytes = 256 << 10;
constexpr std::string_view parameter = ";chunk-signature=";
constexpr size_t signature_digits = 64;

uint64_t framed_size(uint64_t size) {
  return fmt::formatted_size("{:x}", size) + parameter.size() + signature_digits + 2 + size + 2;
}

uint64_t wire_size(uint64_t size) {
  const uint64_t rest = size % chunk_bytes;
  return size / chunk_bytes * framed_size(chunk_bytes) + (rest > 0 ? framed_size(rest) : 0) + framed_size(0);
}

std::string digest(std::string_view text) { return codec::hex_encode(crypto::Sha256::of(text)); }

}  // namespace

ChunkSeed chunk_seed(const SigningCredentials& credentials, const SignOptions& options,
                     std::string_view authorization) {
  constexpr std::string_view name = "Signature=";
  const CredentialScope scope{codec::format_basic_date(options.now), options.region, options.service};
  const size_t at = authorization.rfind(name);
  return {derive_signing_key(credentials.secret_key, scope), codec::format_basic(options.now), scope.to_string(),
          std::string(at == std::string_view::npos ? "" : authorization.substr(at + name.size()))};
}

SignedChunks::SignedChunks(Source& inner, ChunkSeed seed, io::Pool& pool)
    : inner_(inner), seed_(std::move(seed)), pool_(pool), size_(wire_size(inner.size().value_or(0))) {}

std::string SignedChunks::sign(std::string_view data) {
  static const std::string nothing = digest("");
  return sign_text(seed_.key, fmt::format("AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{}\n{}", seed_.timestamp, seed_.scope,
                                          seed_.signature, nothing, digest(data)));
}

Task<Result<void>> SignedChunks::next_chunk() {
  data_.resize(chunk_bytes);
  size_t filled = 0;
  while (filled < data_.size()) {
    CO_TRY(const size_t got, co_await inner_.read(std::as_writable_bytes(std::span(data_)).subspan(filled)));
    if (got == 0) break;
    filled += got;
  }
  data_.resize(filled);
  ended_ = filled == 0;  // the last chunk is empty
  seed_.signature = co_await pool_.run([this] { return sign(data_); });
  wire_.clear();
  fmt::format_to(std::back_inserter(wire_), "{:x}{}{}\r\n", filled, parameter, seed_.signature);
  wire_ += data_;
  wire_ += "\r\n";
  given_ = 0;
  co_return Result<void>();
}

Task<Result<size_t>> SignedChunks::read(MutableBytes buffer) {
  if (given_ == wire_.size()) {
    if (ended_) co_return size_t{0};
    CO_CHECK(co_await next_chunk());
  }
  const size_t count = std::min(buffer.size(), wire_.size() - given_);
  if (count > 0) std::memcpy(buffer.data(), wire_.data() + given_, count);
  given_ += count;
  co_return count;
}

}  // namespace boreal::aws
