// Policy documents: no input may crash the parser or what it makes of it.
#include "aws/policy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal::aws;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto kind : {PolicyKind::identity, PolicyKind::resource, PolicyKind::trust}) {
    auto parsed = Policy::parse(text, kind);
    if (!parsed) continue;
    const auto policy = std::make_shared<const Policy>(std::move(*parsed));
    Principal principal{.kind = Principal::Kind::user,
                        .account = "111122223333",
                        .arn = "arn:aws:iam::111122223333:user/u",
                        .name = "u"};
    Context context;
    add_principal_keys(context, principal);
    context.emplace("aws:SourceIp", "10.0.0.1");
    const std::shared_ptr<const Policy> policies[] = {policy};
    EvaluationInput input{.principal = principal,
                          .action = "s3:GetObject",
                          .resource = "arn:aws:s3:::bucket/key",
                          .context = context,
                          .identity = policies,
                          .resource_policy = policy.get()};
    denial_message(input, evaluate(input));
  }
  return 0;
}
