#include "aws/chunk_signer.h"

#include <gtest/gtest.h>

#include <cstring>

#include "aws/chunked.h"
#include "net/loop.h"

namespace boreal::aws {
namespace {

class Text final : public Source {
 public:
  Text(std::string text, bool sized) : text_(std::move(text)), sized_(sized) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    const size_t count = std::min({buffer.size(), text_.size() - at_, size_t{100'000}});
    if (count > 0) std::memcpy(buffer.data(), text_.data() + at_, count);
    at_ += count;
    co_return count;
  }
  std::optional<uint64_t> size() const override { return sized_ ? std::optional(text_.size()) : std::nullopt; }

 private:
  std::string text_;
  bool sized_;
  size_t at_ = 0;
};

Task<Result<std::string>> read_all(Source& source) {
  std::string all, buffer(70'000, '\0');
  for (;;) {
    CO_TRY(const size_t got, co_await source.read(std::as_writable_bytes(std::span(buffer))));
    if (got == 0) co_return all;
    all.append(buffer, 0, got);
  }
}

// Signs a request with the body, and checks it as a server does. Empty: the server refused.
std::string through(const std::string& text, size_t broken_at = SIZE_MAX) {
  net::Loop loop;
  io::Pool pool(1);
  pool.start();
  const SigningCredentials credentials{"AKIDEXAMPLE", "wJalrXUtnFEMI", ""};
  const SignOptions options{Canon::s3, "s3", "eu-west-1", Time{1'700'000'000'000}, std::string(signed_chunks_hash)};
  http::Headers headers;
  headers.add("Host", "s3.local");
  headers.add("x-amz-decoded-content-length", std::to_string(text.size()));
  const auto added = sign({"PUT", "/b/k", "", headers}, credentials, options);
  for (const auto& [name, value] : added) headers.set(name, value);

  Text body(text, true);
  SignedChunks chunks(body, chunk_seed(credentials, options, added.back().second), pool);
  const auto size = chunks.size();
  auto wire = *net::run_until_done(loop, read_all(chunks));
  EXPECT_EQ(size, wire.size());
  if (broken_at < wire.size()) wire[broken_at] ^= 1;

  const RequestView view{"PUT", "/b/k", "", headers};
  SigningKeyCache keys;
  const auto signature = parse_signature(view, Canon::s3);
  EXPECT_TRUE(signature.has_value());
  auto check = verify_signature(*signature, view,
                                {.canon = Canon::s3, .service = "s3", .region = "eu-west-1",
                                 .secret = credentials.secret_key, .now = options.now}, keys);
  EXPECT_TRUE(check.has_value());
  auto checked = check_body(std::make_unique<Text>(wire, false), std::move(*check));
  const auto came = net::run_until_done(loop, read_all(*checked));
  pool.stop();
  return came ? *came : "";
}

TEST(ChunkSigner, AServerTakesWhatItSigned) {
  for (const size_t size : {size_t{1}, size_t{1000}, size_t{256 << 10}, size_t{(256 << 10) + 1}, size_t{1'000'000}}) {
    std::string text(size, 'x');
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7);
    EXPECT_TRUE(through(text) == text) << size;
  }
  EXPECT_EQ(through(std::string(1000, 'x'), 200), "");
}

}  // namespace
}  // namespace boreal::aws
