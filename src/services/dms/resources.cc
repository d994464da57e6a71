#include "dms/resources.h"

#include <fmt/format.h>

#include "base/log.h"

namespace boreal::dms {

std::string Place::arn(std::string_view kind, std::string_view id) const {
  return fmt::format("arn:aws:dms:{}:{}:{}:{}", region, account, kind, id);
}

std::optional<std::string> Place::id_of(std::string_view arn, std::string_view kind) const {
  const std::string prefix = this->arn(kind, "");
  if (!arn.starts_with(prefix) || arn.size() == prefix.size()) return std::nullopt;
  return std::string(arn.substr(prefix.size()));
}

void tell_damaged(std::string_view key, const Error& why) {
  log::error("dms", "a record cannot be decoded and is passed over", {{"record", key}, {"why", why.message()}});
}

Result<void> erase_connections(store::Transaction& tx, std::string_view instance_id, std::string_view endpoint_id) {
  TRY(const auto connections, load_all<ConnectionRecord>(tx));
  for (const auto& connection : connections) {
    if (connection.instance_id == instance_id || connection.endpoint_id == endpoint_id) erase(tx, connection);
  }
  return {};
}

}  // namespace boreal::dms
