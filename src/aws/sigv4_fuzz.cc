// Authorization headers and presigned queries: no input may crash the parser or be believed without the key.
#include <cstdlib>

#include "aws/sigv4.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  http::Headers headers;
  headers.add("Host", "fuzz.local");
  headers.add("X-Amz-Date", "20150830T123600Z");
  const size_t line = text.find('\n');
  if (const auto authorization = text.substr(0, line); !authorization.empty())
    headers.add("Authorization", authorization);
  const auto query = line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
  for (const auto canon : {aws::Canon::standard, aws::Canon::s3}) {
    const aws::RequestView request{"GET", "/", query, headers};
    const auto signature = aws::parse_signature(request, canon);
    if (!signature || signature->mode == aws::SigningMode::anonymous) continue;
    aws::SigningKeyCache keys;
    if (aws::verify_signature(*signature, request,
                              {.canon = canon, .service = "s3", .secret = "never", .now = signature->time}, keys)) {
      std::abort();
    }
  }
  return 0;
}
