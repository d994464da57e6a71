// What accounts say for all their buckets, in memory and in the catalog (partition "s3/accounts", by account).
// Thread rule: the loop.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "aws/context.h"
#include "aws/peers.h"
#include "s3/resources.h"

namespace boreal::s3 {

class Accounts final : public aws::PublicAccess {
 public:
  explicit Accounts(aws::ServiceContext context) : context_(context) {}

  Result<void> load();

  // Stays where it is, and changes when the account does: whoever holds it sees what is so now.
  const Account& of(const std::string& id);

  std::optional<Block> block(const std::string& account) override;
  Task<aws::Outcome<void>> set_block(std::string account, std::optional<Block> block) override;

 private:
  aws::ServiceContext context_;
  std::map<std::string, Account> accounts_;
};

}  // namespace boreal::s3
