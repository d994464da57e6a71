// AWS Security Token Service. Keeps nothing of its own: sessions are self-contained tokens that IAM seals and opens.
#pragma once

#include <string>
#include <vector>

#include "api/sts/errors.h"
#include "api/sts/service.h"
#include "aws/context.h"
#include "aws/peers.h"

namespace boreal::sts {

class Service final : public api::sts::Api {
 public:
  // IAM stands behind `sessions`; it lives longer.
  Service(aws::ServiceContext, aws::Sessions& sessions) : sessions_(sessions) {}

  // A role's trust policy rules over who may assume it.
  Task<aws::Outcome<std::vector<aws::Access>>> access(aws::Call& call, const aws::Operation& operation,
                                                      const aws::Value& input) override;

  Task<aws::Outcome<api::sts::AssumeRoleResponse>> assume_role(aws::Call& call,
                                                               api::sts::AssumeRoleRequest input) override;
  Task<aws::Outcome<api::sts::GetAccessKeyInfoResponse>> get_access_key_info(
      aws::Call& call, api::sts::GetAccessKeyInfoRequest input) override;
  Task<aws::Outcome<api::sts::GetCallerIdentityResponse>> get_caller_identity(
      aws::Call& call, api::sts::GetCallerIdentityRequest input) override;
  Task<aws::Outcome<api::sts::GetSessionTokenResponse>> get_session_token(
      aws::Call& call, api::sts::GetSessionTokenRequest input) override;

 private:
  Task<aws::Outcome<std::vector<aws::Access>>> assume_role_access(aws::Call& call, api::sts::AssumeRoleRequest input);
  // What the caller said of the session, checked, as members of its principal.
  Task<aws::Outcome<void>> add_session_policies(aws::Principal& session, api::sts::AssumeRoleRequest input);

  aws::Sessions& sessions_;
};

}  // namespace boreal::sts
