#include "sts/service.h"

#include "aws/service.h"

namespace boreal::sts {

using aws::Access;
using aws::Call;
using aws::Outcome;
using aws::Principal;

Task<Outcome<std::vector<Access>>> Service::access(Call& call, const aws::Operation& operation,
                                                   const aws::Value& input) {
  // Whoever can sign may ask who they are, whatever policies say; and no policy is asked for a session of one's own.
  if (operation.name == "GetCallerIdentity" || operation.name == "GetSessionToken") co_return std::vector<Access>();
  if (operation.name == "AssumeRole")
    co_return co_await assume_role_access(call, input.as<api::sts::AssumeRoleRequest>());
  co_return co_await Api::access(call, operation, input);
}

Task<Outcome<api::sts::GetCallerIdentityResponse>> Service::get_caller_identity(Call& call,
                                                                                api::sts::GetCallerIdentityRequest) {
  const Principal& principal = call.caller.principal();
  co_return api::sts::GetCallerIdentityResponse{
      .user_id = principal.user_id, .account = principal.account, .arn = principal.arn};
}

}  // namespace boreal::sts
