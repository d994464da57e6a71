// The two JSON documents of a replication task, checked when they are given.
// Source: AWS DMS User Guide, "Task settings example" and "Specifying table selection and transformations rules using
// JSON".
#pragma once

#include <string>
#include <string_view>

#include "aws/error.h"

namespace boreal::dms {

// What AWS answers for a task that was made without settings.
std::string_view default_task_settings();

// The document must be a JSON object whose sections and members are known, with values of the right kind and range.
// InvalidParameterValueException names the member that is wrong.
aws::Outcome<void> check_task_settings(std::string_view text);

// The document must have rules, each complete, with names and IDs that are its own; one of them must select tables.
aws::Outcome<void> check_table_mappings(std::string_view text);

}  // namespace boreal::dms
