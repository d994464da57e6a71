// Users and roles in the policies of resources. A policy is kept with their unique ids, so that it means those who were
// there when it was put, and nobody who is given their name later; it is shown with their ARNs.
// Source: IAM User Guide, "AWS JSON policy elements: Principal".
#pragma once

#include <map>
#include <optional>
#include <string>

namespace boreal::aws {

struct KeptPolicy {
  std::string document;
  std::map<std::string, std::string> principals;  // ARN, when the policy was put, of each of the ids in it
  std::optional<std::string> missing;             // the ARN of the first who was not there: it is to be refused
};

// The document with other names for those of its principals that `names` has; where there are none, to the letter as it
// was.
std::string with_principals(const std::string& document, const std::map<std::string, std::string>& names);

}  // namespace boreal::aws
