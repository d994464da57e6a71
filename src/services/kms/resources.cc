#include "kms/resources.h"

#include <fmt/format.h>

namespace boreal::kms {

std::string key_path(std::string_view id) { return fmt::format("key/{}", id); }
std::string policy_path(std::string_view id) { return fmt::format("policy/{}", id); }
std::string material_prefix(std::string_view id) { return fmt::format("material/{}/", id); }
std::string material_path(std::string_view id, uint32_t version) {
  return fmt::format("material/{}/{:08x}", id, version);
}
std::string alias_path(std::string_view name) { return fmt::format("alias/{}", name); }
std::string aliases_path(std::string_view key_id) { return fmt::format("alias-of/{}/", key_id); }
std::string alias_of_path(std::string_view key_id, std::string_view name) {
  return fmt::format("alias-of/{}/{}", key_id, name);
}
std::string grants_path(std::string_view key_id) { return fmt::format("grant/{}/", key_id); }
std::string grant_path(std::string_view key_id, std::string_view grant_id) {
  return fmt::format("grant/{}/{}", key_id, grant_id);
}

}  // namespace boreal::kms
