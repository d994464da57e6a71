// Any text as a stored record: refused, or read into what writes and reads again to the same.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <vector>

#include "store/record.h"

namespace {

struct Leaf {
  std::string name;
  int32_t number = 0;
  BOREAL_RECORD(Leaf, name, number)
};
struct Everything {
  bool yes = false;
  int64_t count = 0;
  double share = 0;
  std::string text;
  boreal::store::Blob bytes;
  boreal::Time made;
  std::optional<std::string> maybe;
  std::vector<Leaf> leaves;
  std::map<std::string, Leaf> by_name;
  BOREAL_RECORD(Everything, yes, count, share, text, bytes, made, maybe, leaves, by_name)
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal::store;
  const auto record = decode<Everything>(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!record) return record.error().code() == boreal::Errc::corrupt ? 0 : (std::abort(), 0);
  const std::string text = encode(*record);
  const auto again = decode<Everything>(text);
  if (!again || encode(*again) != text) std::abort();
  return 0;
}
