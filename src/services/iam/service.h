// AWS Identity and Access Management, and what the gate, STS and the services that act under roles ask of it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/iam/service.h"
#include "aws/context.h"
#include "aws/gate.h"
#include "aws/peers.h"
#include "crypto/sealer.h"

namespace boreal::iam {

struct Options {
  // Secret "test": access key "test" is the root of account 000000000000, any 12 digits that of the account they name.
  bool dev = false;
};

// An access key as it is shown once.
struct RootKey {
  std::string access_key_id;
  std::string secret_access_key;
};

class Service final : public api::iam::Api, public aws::Identities, public aws::Roles, public aws::Sessions {
 public:
  Service(aws::ServiceContext context, crypto::Sealer sealer, Options options);

  // aws::Identities
  Task<aws::Outcome<std::optional<Credential>>> credential(std::string access_key, std::string session_token) override;
  Task<aws::Outcome<Policies>> policies(const aws::Principal& principal) override;
  Task<aws::Outcome<std::optional<aws::Principal>>> role_session(std::string role_arn,
                                                                 std::string session_name) override;
  // aws::Roles
  Task<aws::Outcome<void>> check_pass(aws::Call& call, std::string role_arn, std::string service) override;
  // aws::Sessions
  Task<aws::Outcome<Issued>> issue(aws::Principal principal, Duration duration) override;
  Task<aws::Outcome<std::optional<Role>>> role(std::string role_arn) override;

 private:
  std::optional<Credential> dev_credential(const std::string& access_key) const;

  [[maybe_unused]] aws::ServiceContext context_;
  crypto::Sealer sealer_;
  Options options_;
};

}  // namespace boreal::iam
