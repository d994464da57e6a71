// Heads and chunked bodies of any bytes: no crash, and no difference however they are cut into pieces.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "http/chunked.h"
#include "http/parser.h"

namespace {

using namespace boreal::http;

constexpr HeadLimits limits{.line_bytes = 256, .header_bytes = 1024, .header_count = 20};

std::string head_in_pieces(std::string_view text, size_t step) {
  HeadScanner scanner(limits);
  for (size_t have = 0; have < text.size();) {
    have = std::min(have + step, text.size());
    const auto size = scanner.scan(text.substr(0, have));
    if (!size) return "refused";
    if (*size == 0) continue;
    RequestHead head;
    const auto parsed = parse_request_head(text.substr(scanner.start(), *size - scanner.start()), head);
    if (!parsed) return "refused";
    if (head.chunked && head.content_length) std::abort();
    if (head.path.empty() || (head.path[0] != '/' && head.path != "*")) std::abort();
    return std::string(head.method) + " " + std::string(head.path) + " " + std::string(head.host) + " " +
           std::to_string(head.fields.size()) + " " + std::to_string(*size);
  }
  return "unfinished";
}

std::string body_in_pieces(std::string_view text, size_t step) {
  ChunkedDecoder decoder;
  std::string data;
  for (size_t at = 0; at < text.size() && !decoder.done();) {
    const auto got = decoder.next(text.substr(at, step), step);
    if (!got) return "refused";
    data += got->data;
    at += got->consumed;
  }
  return (decoder.done() ? "done " : "open ") + data;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  // The limits count what has come, so two cuts may differ only in which refusal comes first.
  if (head_in_pieces(text, 1) != head_in_pieces(text, 13)) std::abort();
  if (body_in_pieces(text, 1) != body_in_pieces(text, 17)) std::abort();
  ResponseHead answer;
  static_cast<void>(parse_response_head(text, answer));
  return 0;
}
