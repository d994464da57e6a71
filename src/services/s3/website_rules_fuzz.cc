// Any host name, and any text where an error page or an access log tells what a client sent.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "s3/access_log_line.h"
#include "s3/website_rules.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal::s3;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto site = site_of(text); site && site->bucket.empty()) std::abort();

  const auto error = boreal::aws::ApiError("NoSuchKey", 404, text).with("Key", text);
  const auto plain = boreal::aws::ApiError("NoSuchKey", 404, "").with("Key", "");
  const std::string page = error_page(error, nullptr, "", "");
  const std::string empty = error_page(plain, nullptr, "", "");
  if (std::ranges::count(page, '<') != std::ranges::count(empty, '<')) std::abort();  // it brings no tag of its own

  LogRecord record;
  record.key = record.user_agent = record.request_line = record.version_id = record.host = text;
  const std::string line = log_line(record);
  if (line.find('\n') != line.size() - 1 || std::ranges::count(line, '"') != 6) std::abort();
  return 0;
}
