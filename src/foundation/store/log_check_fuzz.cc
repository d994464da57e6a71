#include "store/log_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view log(reinterpret_cast<const char*>(data), size);
  auto end = boreal::store::examine_log(log);
  if (end.at > size) __builtin_trap();
  // What is left after the cut must be whole, or the next start would refuse it.
  if (end.kind == boreal::store::LogEnd::Kind::torn &&
      boreal::store::examine_log(log.substr(0, end.at)).kind != boreal::store::LogEnd::Kind::whole) {
    __builtin_trap();
  }
  return 0;
}
