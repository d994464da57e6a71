// Whether a secret's policy lets everybody in. Source: Secrets Manager User Guide, "Block public access to secrets";
// what bounds a statement is what AWS documents for buckets.
#pragma once

#include <string>

namespace boreal::secretsmanager {

// `policy` has been validated. What cannot be told counts as public.
bool is_public_policy(const std::string& policy);

}  // namespace boreal::secretsmanager
