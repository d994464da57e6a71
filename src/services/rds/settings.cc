#include "rds/settings.h"

#include "base/text.h"

namespace boreal::rds {

namespace {

postgres::Setting own(std::string name, std::string context, std::string initial, std::string description) {
  postgres::Setting setting;
  setting.name = std::move(name);
  setting.context = std::move(context);
  setting.type = postgres::SettingType::boolean;
  setting.initial = std::move(initial);
  setting.description = std::move(description);
  return setting;
}

bool is_on(const Settings& settings, const std::string& name) {
  const auto found = settings.find(name);
  return found != settings.end() && (found->second == "1" || equal_ignoring_case(found->second, "on") ||
                                     equal_ignoring_case(found->second, "true"));
}

}  // namespace

const std::map<std::string, postgres::Setting, std::less<>>& own_parameters() {
  static const std::map<std::string, postgres::Setting, std::less<>> parameters = {
      {"rds.force_ssl", own("rds.force_ssl", "sighup", "0", "Lets in connections with TLS only.")},
      {"rds.logical_replication",
       own("rds.logical_replication", "postmaster", "0", "Writes what logical decoding needs to the WAL.")},
  };
  return parameters;
}

const postgres::Setting* find_own_parameter(std::string_view name) {
  const auto found = own_parameters().find(name);
  return found == own_parameters().end() ? nullptr : &found->second;
}

bool is_decided_here(std::string_view name) { return postgres::is_managed(name) || name == "wal_level"; }

bool differs(const Settings& in_force, const Changes& wanted) {
  if (in_force.size() != wanted.size()) return true;
  for (const auto& [name, change] : wanted) {
    const auto found = in_force.find(name);
    if (found == in_force.end() || found->second != change.value) return true;
  }
  return false;
}

Effective apply_changes(const Settings& in_force, const Changes& wanted, const postgres::SettingsCatalog* catalog,
                        bool restarting) {
  Effective effective{.settings = in_force};
  const auto waits = [&](const std::string& name, const std::string& method) {
    if (restarting) return false;
    const auto* setting = find_own_parameter(name);
    if (!setting && catalog) setting = catalog->find(name);
    return method == "pending-reboot" || (setting && setting->needs_restart());
  };
  for (const auto& [name, change] : wanted) {
    const auto found = in_force.find(name);
    if (found != in_force.end() && found->second == change.value) continue;
    if (waits(name, change.method)) {
      effective.waits_for_restart = true;
    } else {
      effective.settings[name] = change.value;
    }
  }
  for (const auto& [name, value] : in_force) {
    if (wanted.contains(name)) continue;
    if (waits(name, "immediate")) {
      effective.waits_for_restart = true;
    } else {
      effective.settings.erase(name);
    }
  }
  return effective;
}

void put_settings(const Settings& settings, postgres::ServerOptions& options) {
  for (const auto& [name, value] : settings) {
    // A group of an earlier version of ours may hold what could be changed then.
    if (!find_own_parameter(name) && !is_decided_here(name)) options.settings[name] = value;
  }
  options.access.require_tls = is_on(settings, "rds.force_ssl");
  if (is_on(settings, "rds.logical_replication")) options.settings["wal_level"] = "logical";
}

}  // namespace boreal::rds
