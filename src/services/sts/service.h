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
  Service(aws::ServiceContext context, aws::Sessions& sessions) : context_(context), sessions_(sessions) {}

  Task<aws::Outcome<std::vector<aws::Access>>> access(aws::Call& call, const aws::Operation& operation,
                                                      const aws::Value& input) override;

  Task<aws::Outcome<api::sts::GetCallerIdentityResponse>> get_caller_identity(
      aws::Call& call, api::sts::GetCallerIdentityRequest input) override;

 private:
  [[maybe_unused]] aws::ServiceContext context_;
  [[maybe_unused]] aws::Sessions& sessions_;
};

}  // namespace boreal::sts
