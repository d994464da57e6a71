// The client's side of aws-chunked: a body that is signed chunk by chunk while it is sent.
// Source: S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
// Chunks".
#pragma once

#include <string>
#include <string_view>

#include "aws/sigv4.h"
#include "base/stream.h"
#include "io/pool.h"

namespace boreal::aws {

inline constexpr std::string_view signed_chunks_hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

// What the signature of each chunk begins with: the request's own. `authorization` is the field that sign() made.
struct ChunkSeed {
  SigningKey key;
  std::string timestamp;
  std::string scope;
  std::string signature;
};
ChunkSeed chunk_seed(const SigningCredentials& credentials, const SignOptions& options, std::string_view authorization);

// `inner` has a size(), and lives as long as this. Its bytes are hashed on the pool, 256 KiB at a time.
class SignedChunks final : public Source {
 public:
  SignedChunks(Source& inner, ChunkSeed seed, io::Pool& pool);
  Task<Result<size_t>> read(MutableBytes buffer) override;
  std::optional<uint64_t> size() const override { return size_; }  // with the framing

 private:
  Task<Result<void>> next_chunk();
  std::string sign(std::string_view data);

  Source& inner_;
  ChunkSeed seed_;
  io::Pool& pool_;
  uint64_t size_;
  std::string data_;
  std::string wire_;  // the chunk at hand, with its framing
  size_t given_ = 0;  // of it
  bool ended_ = false;
};

}  // namespace boreal::aws
