#include "codec/shape.h"

#include <cstring>

namespace boreal::codec {

namespace {
template <class T>
T load(const void* value) {
  T out;
  std::memcpy(&out, value, sizeof(T));
  return out;
}
template <class T>
bool store_if_fits(void* value, int64_t number) {
  if constexpr (sizeof(T) < sizeof(int64_t)) {
    if (number < int64_t{std::numeric_limits<T>::min()} || number > int64_t{std::numeric_limits<T>::max()})
      return false;
  }
  T narrow = static_cast<T>(number);
  std::memcpy(value, &narrow, sizeof(T));
  return true;
}
}  // namespace

int64_t get_integer(const Shape& shape, const void* value) {
  switch (shape.bytes) {
    case 1: return shape.is_signed ? int64_t{load<int8_t>(value)} : int64_t{load<uint8_t>(value)};
    case 2: return shape.is_signed ? int64_t{load<int16_t>(value)} : int64_t{load<uint16_t>(value)};
    case 4: return shape.is_signed ? int64_t{load<int32_t>(value)} : int64_t{load<uint32_t>(value)};
    default: return load<int64_t>(value);
  }
}

bool set_integer(const Shape& shape, void* value, int64_t number) {
  switch (shape.bytes) {
    case 1: return shape.is_signed ? store_if_fits<int8_t>(value, number) : store_if_fits<uint8_t>(value, number);
    case 2: return shape.is_signed ? store_if_fits<int16_t>(value, number) : store_if_fits<uint16_t>(value, number);
    case 4: return shape.is_signed ? store_if_fits<int32_t>(value, number) : store_if_fits<uint32_t>(value, number);
    default: return store_if_fits<int64_t>(value, number);
  }
}

double get_number(const Shape& shape, const void* value) {
  return shape.bytes == sizeof(float) ? double{load<float>(value)} : load<double>(value);
}

void set_number(const Shape& shape, void* value, double number) {
  if (shape.bytes == sizeof(float)) {
    float narrow = static_cast<float>(number);
    std::memcpy(value, &narrow, sizeof(narrow));
  } else {
    std::memcpy(value, &number, sizeof(number));
  }
}

}  // namespace boreal::codec
