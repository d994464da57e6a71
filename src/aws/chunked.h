// S3 request bodies, checked while they are read: against the digest that was signed, or chunk by chunk (aws-chunked).
// Source: S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
// Chunks" and "… Including Trailing Headers".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/sigv4.h"
#include "base/stream.h"
#include "http/message.h"

namespace boreal::aws {

// A body whose bytes are those that the client signed. read() fails with Errc::denied (a digest or signature is wrong)
// or Errc::invalid (broken framing, ended early); failure() then tells which, for the answer. Nothing read counts
// before read() has answered 0: only then is the whole body known to be right. So a chunk is handed on as it comes, but
// for its last bytes, which come with the verdict on its signature; no more than a buffer is held, however large it is.
class CheckedBody : public Source {
 public:
  // Why read() failed, when that was the client's doing.
  const std::optional<AuthError>& failure() const { return failure_; }
  // Fields sent after the body (x-amz-checksum-…), complete once read() has answered 0. Only announced names are let
  // in.
  const http::Headers& trailers() const { return trailers_; }

 protected:
  // Remembers the failure and makes the error that read() answers.
  std::unexpected<Error> refuse(AuthError error);
  std::optional<AuthError> failure_;
  http::Headers trailers_;
};

// The names that x-amz-trailer announces, in lower case. AWS overlooks commas at its end.
std::vector<std::string> announced_trailers(const http::Headers& headers);

// `inner` is the body as it came over the wire.
std::unique_ptr<CheckedBody> check_body(std::unique_ptr<Source> inner, BodyCheck check);

// A body written as aws-chunked, for tests and the command line: signed with `check`'s key when its kind says so.
std::string encode_chunks(std::string_view body, size_t chunk_bytes, const BodyCheck& check,
                          const http::Headers& trailers);

}  // namespace boreal::aws
