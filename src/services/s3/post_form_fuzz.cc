// A browser's form: no body may crash the parser, and how it is cut must not change what is read.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "s3/post_form.h"
#include "s3/post_policy.h"

namespace {

std::string summary(std::string_view body, size_t step) {
  boreal::s3::FormParser parser("b");
  bool begun = false;
  while (!begun && !body.empty()) {
    const auto piece = body.substr(0, std::min(step, body.size()));
    body.remove_prefix(piece.size());
    const auto taken = parser.take(piece);
    if (!taken) return "refused";
    begun = *taken;
  }
  if (!begun) return "cut";
  if (boreal::s3::fill_in_file_name(parser.form())) {
    size_t bytes = 0;
    for (const auto& field : parser.form().fields) bytes += field.value.size();
    if (bytes > 64 << 10) std::abort();
  }
  std::string text = parser.form().file_name;
  for (const auto& field : parser.form().fields) text += "\n" + field.name + "=" + field.value;
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (summary(text, 3) != summary(text, text.size() + 1)) std::abort();
  (void)boreal::s3::form_boundary(text);
  (void)boreal::s3::PostPolicy::parse(text);
  return 0;
}
