// IAM's names: unique ids, access key ids, ARNs, and what names and paths may hold.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aws/error.h"
#include "base/random.h"
#include "iam/resources.h"

namespace boreal::iam {

// "AIDA" and 17 more letters and digits.
std::string make_unique_id(std::string_view prefix, Random& random);
std::string_view id_prefix(Kind kind);

// "AKIA" or "ASIA" and 16 more, which hold the account in the way that AWS's do, so that a key tells whose it is
// without a look-up.
std::string make_access_key_id(std::string_view prefix, std::string_view account, Random& random);
// nullopt: no access key id is written so.
std::optional<std::string> account_of_access_key(std::string_view access_key_id);

std::string arn_of(std::string_view account, Kind kind, const Entity& entity);
std::string arn_of(std::string_view account, const ManagedPolicy& policy);
std::string arn_of(std::string_view account, const InstanceProfile& profile);
std::string root_arn(std::string_view account);

// "arn:aws:iam::ACCOUNT:TYPE/PATH/NAME" taken apart; nullopt when it is no such ARN.
struct ResourceName {
  std::string account;  // "aws" of policies that AWS manages
  std::string type;     // "role"
  std::string path;     // "/", "/team/"
  std::string name;
};
std::optional<ResourceName> parse_resource(std::string_view arn);

// ValidationError names the member. Letters, digits and _+=,.@-; at most `max` of them.
aws::Outcome<void> check_name(std::string_view member, std::string_view name, size_t max);
// "/" or "/…/".
aws::Outcome<void> check_path(std::string_view path);
bool is_account_id(std::string_view text);

}  // namespace boreal::iam
