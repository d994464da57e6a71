// From parameter groups to a server's settings.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "postgres/config.h"
#include "postgres/settings.h"
#include "rds/resources.h"

namespace boreal::rds {

using Changes = std::map<std::string, ParameterGroupRecord::Change>;
using Settings = std::map<std::string, std::string>;

// Parameters that PostgreSQL does not know and the service serves itself: "rds.force_ssl" and the like.
const postgres::Setting* find_own_parameter(std::string_view name);
const std::map<std::string, postgres::Setting, std::less<>>& own_parameters();

// Parameters that PostgreSQL knows and nobody may change: the engine's own, and those that an own parameter stands for.
bool is_decided_here(std::string_view name);

struct Effective {
  Settings settings;               // from now on
  bool waits_for_restart = false;  // some change does not count before the next restart
};
// What a server that runs with `in_force` has when its groups say `wanted`: static parameters, and those that were
// sent with "pending-reboot", change only with a restart. `catalog` may be null when nothing differs.
Effective apply_changes(const Settings& in_force, const Changes& wanted, const postgres::SettingsCatalog* catalog,
                        bool restarting);
bool differs(const Settings& in_force, const Changes& wanted);

// Puts them where the engine takes them: own parameters become what they mean.
void put_settings(const Settings& settings, postgres::ServerOptions& options);

}  // namespace boreal::rds
