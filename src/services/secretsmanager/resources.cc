#include "secretsmanager/resources.h"

#include <fmt/format.h>

#include "aws/context.h"

namespace boreal::secretsmanager {

std::string secret_path(std::string_view name) { return fmt::format("secret/{}", name); }
std::string versions_path(std::string_view secret_id) { return fmt::format("version/{}/", secret_id); }
std::string version_path(std::string_view secret_id, std::string_view version_id) {
  return fmt::format("version/{}/{}", secret_id, version_id);
}
std::string partition_of(std::string_view account, std::string_view region) {
  return aws::partition("secretsmanager", account, region);
}

}  // namespace boreal::secretsmanager
