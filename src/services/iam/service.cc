#include "iam/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace boreal::iam {

using aws::Outcome;

Service::Service(aws::ServiceContext context, crypto::Sealer sealer, Options options)
    : context_(context), sealer_(std::move(sealer)), options_(options) {}

std::optional<Service::Credential> Service::dev_credential(const std::string& access_key) const {
  if (!options_.dev) return std::nullopt;
  const bool account_id = access_key.size() == 12 && std::ranges::all_of(access_key, is_digit);
  if (access_key != "test" && !account_id) return std::nullopt;
  Credential credential;
  credential.principal.kind = aws::Principal::Kind::root;
  credential.principal.account = account_id ? access_key : "000000000000";
  credential.principal.arn = fmt::format("arn:aws:iam::{}:root", credential.principal.account);
  credential.principal.user_id = credential.principal.account;
  credential.secret_key = "test";
  return credential;
}

Task<Outcome<std::optional<Service::Credential>>> Service::credential(std::string access_key, std::string) {
  co_return dev_credential(access_key);
}

Task<Outcome<Service::Policies>> Service::policies(const aws::Principal&) { co_return Policies(); }

Task<Outcome<std::optional<aws::Principal>>> Service::role_session(std::string, std::string) { co_return std::nullopt; }

Task<Outcome<void>> Service::check_pass(aws::Call&, std::string role_arn, std::string) {
  co_return aws::refuse(aws::ApiError("NoSuchEntity", 404, fmt::format("The role {} does not exist.", role_arn)));
}

Task<Outcome<Service::Issued>> Service::issue(aws::Principal, Duration) {
  co_return aws::refuse(aws::ApiError("NotImplemented", 501, "Sessions are not served yet."));
}

Task<Outcome<std::optional<Service::Role>>> Service::role(std::string) { co_return std::nullopt; }

}  // namespace boreal::iam
