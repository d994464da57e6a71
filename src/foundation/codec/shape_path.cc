#include "codec/shape_path.h"

namespace boreal::codec {

std::string Path::text() const {
  std::string out = parent ? parent->text() : "";
  if (item != 0) {
    out += "." + std::to_string(item) + ".member";
  } else if (is_entry) {
    out += "." + std::string(name) + ".member";
  } else if (!name.empty()) {
    if (!out.empty()) out += '.';
    const size_t at = out.size();
    out += name;
    if (out[at] >= 'A' && out[at] <= 'Z') out[at] = static_cast<char>(out[at] - 'A' + 'a');
  }
  return out;
}

void Seen::report_missing(const Path& path, std::vector<std::string>* missing) const {
  if (missing == nullptr) return;
  for (const Field& field : shape_.fields) {
    if (missing->size() >= most_missing) return;
    if (field.required && !has(field)) missing->push_back(path.member(field).text());
  }
}

}  // namespace boreal::codec
