// The settings of an installed version, as its own server program describes and checks them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "postgres/background.h"
#include "postgres/context.h"
#include "postgres/installation.h"

namespace boreal::postgres {

enum class SettingType { boolean, integer, real, text, choice };

struct Setting {
  std::string name;
  std::string context;  // who may change it and when: internal, postmaster, sighup, superuser, user, ...
  SettingType type = SettingType::text;
  std::optional<std::string> min;
  std::optional<std::string> max;
  std::vector<std::string> choices;  // of a choice
  std::string initial;               // the built-in value
  std::string unit;                  // of a number without one: "kB", "8kB", "ms", ...; empty: none
  std::string category;
  std::string description;

  bool changeable() const { return context != "internal"; }
  bool needs_restart() const { return context == "postmaster"; }
};

// The list as the server program writes it and it is kept: a line each, ten fields with tabs between. By name.
// Errc::corrupt.
Result<std::vector<Setting>> parse_settings(std::string_view text);

class SettingsCatalog {
 public:
  // Asks the server program, with the extensions that add settings of their own loaded, and keeps the answer in
  // `folder` for the next time. The first time costs an initdb, which may be background work.
  static Task<Result<SettingsCatalog>> load(const Context& context, const Installation& installation, io::Path folder,
                                            Background* background = nullptr);

  const std::vector<Setting>& all() const { return all_; }  // by name
  const Setting* find(std::string_view name) const;

  // Whether a server can be started with these. Names and limits are looked up here; then the server program itself
  // reads them (its checks know more: lists, time zones, encodings). Errc::invalid says which value is wrong and why.
  Task<Result<void>> check(std::map<std::string, std::string> values) const;

 private:
  SettingsCatalog(const Context& context, const Installation& installation, io::Path folder)
      : context_(&context), installation_(&installation), folder_(std::move(folder)) {}
  Result<void> check_known(const std::string& name) const;
  Result<void> check_libraries(std::string_view setting, std::string_view list) const;

  const Context* context_;
  const Installation* installation_;
  io::Path folder_;
  std::vector<Setting> all_;
};

}  // namespace boreal::postgres
