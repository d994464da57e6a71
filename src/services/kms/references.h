// How callers name keys: id, key ARN, alias name, alias ARN.
// Source: KMS API Reference, DescribeKey, parameter KeyId.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "aws/error.h"

namespace boreal::kms {

struct Reference {
  std::string account;
  std::string region;
  std::string key_id;  // or
  std::string alias;   // without "alias/"

  std::string arn() const;
};

// Names without an account are those of `account` in `region`. NotFoundException when it can name no key of the region.
aws::Outcome<Reference> parse_reference(std::string_view text, const std::string& account, const std::string& region);

// "alias/aws/s3" -> "s3"; empty when the alias (without "alias/") is not one of AWS's own.
std::string_view managed_alias_service(std::string_view alias);
// Services that have keys of their own here, made when first needed; their aliases are there before.
inline constexpr std::array<std::string_view, 5> services_with_keys = {"backup", "dms", "rds", "s3", "secretsmanager"};

}  // namespace boreal::kms
