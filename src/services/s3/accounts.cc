#include "s3/accounts.h"

namespace boreal::s3 {

using aws::Outcome;

Result<void> Accounts::load() {
  TRY(const auto rows, context_.catalog.scan(accounts_partition, ""));
  for (const auto& [id, text] : rows) {
    TRY(accounts_[id], store::decode<Account>(text));
  }
  return {};
}

const Account& Accounts::of(const std::string& id) { return accounts_[id]; }

std::optional<aws::PublicAccess::Block> Accounts::block(const std::string& account) {
  const auto& kept = of(account).public_access_block;
  if (!kept) return std::nullopt;
  return Block{.block_public_acls = kept->block_public_acls.value_or(false),
               .ignore_public_acls = kept->ignore_public_acls.value_or(false),
               .block_public_policy = kept->block_public_policy.value_or(false),
               .restrict_public_buckets = kept->restrict_public_buckets.value_or(false)};
}

Task<Outcome<void>> Accounts::set_block(std::string account, std::optional<Block> block) {
  Account changed;
  if (block) {
    changed.public_access_block =
        api::PublicAccessBlockConfiguration{.block_public_acls = block->block_public_acls,
                                            .ignore_public_acls = block->ignore_public_acls,
                                            .block_public_policy = block->block_public_policy,
                                            .restrict_public_buckets = block->restrict_public_buckets};
  }
  auto transaction = co_await context_.catalog.begin(std::string(accounts_partition));
  if (block) {
    transaction.put(account, store::encode(changed));
  } else {
    transaction.remove(account);
  }
  CO_CHECK(co_await transaction.commit());
  accounts_[account] = std::move(changed);
  co_return Outcome<void>();
}

}  // namespace boreal::s3
