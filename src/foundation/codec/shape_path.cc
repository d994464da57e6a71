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
  for (size_t i = 0; i < shape_.fields.size(); ++i) {
    if (shape_.fields[i].required && !has(i)) missing->push_back(path.member(shape_.fields[i]).text());
  }
}

}  // namespace boreal::codec
