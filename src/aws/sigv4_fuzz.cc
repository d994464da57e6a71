// Authorization headers and presigned queries, paths and other headers beside them: no input may crash the parser or be
// believed without the key, and what was signed holds for what was signed alone.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "aws/sigv4.h"
#include "codec/hex.h"

namespace {

using namespace boreal;

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

bool is_believed(const aws::RequestView& request, aws::Canon canon, std::string_view secret) {
  const auto signature = aws::parse_signature(request, canon);
  if (!signature || signature->mode == aws::SigningMode::anonymous) return false;
  aws::SigningKeyCache keys;
  const aws::VerifyOptions options{.canon = canon, .service = "s3", .secret = secret, .now = signature->time};
  return aws::verify_signature(*signature, request, options, keys).has_value();
}

// Whoever may call for one path, query and header may not for others that mean something else.
void sign_and_change(std::string_view path, std::string_view query, std::string_view value, aws::Canon canon) {
  if (!path.starts_with('/') || path.size() > 1000 || query.size() > 1000) return;
  http::Headers headers;
  headers.add("Host", "fuzz.local");
  headers.add("X-Amz-Meta-A", value);
  const aws::SignOptions options{.canon = canon,
                                 .service = "s3",
                                 .region = "us-east-1",
                                 .now = Time{1'440'938'160'000},
                                 .payload_hash = codec::hex_encode(crypto::Sha256::of(""))};
  const auto added = aws::sign({"GET", path, query, headers}, {"AKIDEXAMPLE", "secret", ""}, options);
  for (const auto& [name, text] : added) headers.add(name, text);
  const std::string other = std::string(path) + "x";
  if (is_believed({"GET", other, query, headers}, canon, "secret")) std::abort();
  if (is_believed({"PUT", path, query, headers}, canon, "secret")) std::abort();
  if (is_believed({"GET", path, query, headers}, canon, "secrets")) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto authorization = take_line(text);
  const auto query = take_line(text);
  const auto path = take_line(text);
  http::Headers headers;
  headers.add("Host", "fuzz.local");
  headers.add("X-Amz-Date", "20150830T123600Z");
  if (!authorization.empty()) headers.add("Authorization", authorization);
  headers.add("X-Amz-Meta-A", text);
  for (const auto canon : {aws::Canon::standard, aws::Canon::s3}) {
    if (is_believed({"GET", path.empty() ? "/" : path, query, headers}, canon, "never")) std::abort();
    sign_and_change(path, query, text, canon);
  }
  return 0;
}
