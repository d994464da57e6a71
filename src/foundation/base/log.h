// The log: one line an event, "time level module message key=value …", to stderr. Lines are built in the
// calling thread and written whole. Secrets have no place here: values of sensitive members are never passed.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace boreal::log {

enum class Level { debug, info, warn, error };

struct Field {
  std::string_view key;
  std::string value;
  template <class T>
  Field(std::string_view k, const T& v) : key(k), value(fmt::format("{}", v)) {}
};

// Both may be called at any time from any thread.
void set_level(Level level);
Level level();
// Colours the level when the sink is a terminal; json=true writes one JSON object a line instead.
void set_json(bool json);

void write(Level level, std::string_view module, std::string_view message, std::initializer_list<Field> fields = {});

inline void debug(std::string_view module, std::string_view message, std::initializer_list<Field> fields = {}) {
  if (level() <= Level::debug) write(Level::debug, module, message, fields);
}
inline void info(std::string_view module, std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::info, module, message, fields);
}
inline void warn(std::string_view module, std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::warn, module, message, fields);
}
inline void error(std::string_view module, std::string_view message, std::initializer_list<Field> fields = {}) {
  write(Level::error, module, message, fields);
}

}  // namespace boreal::log
