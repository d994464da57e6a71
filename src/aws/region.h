// Names of regions. There is no list of them here: users may name regions of their own.
#pragma once

#include <string_view>

namespace boreal::aws {

// What may be the name of a region: "us-east-1", "home".
bool is_region_name(std::string_view text);

// The form of AWS's own, for where something else may stand in its place: "us-gov-west-1".
bool has_form_of_aws_region(std::string_view text);

}  // namespace boreal::aws
