#include "server/rooms.h"

namespace boreal::server {

Task<Result<void>> House::Rooms::furnish(const crypto::SecretKey& root) {
  CO_TRY(auto iam_sealer, crypto::Sealer::derive(root, "iam", random));
  iam = std::make_unique<iam::Service>(context(), std::move(iam_sealer), iam::Options{.dev = config.dev});
  sts = std::make_unique<sts::Service>(context(), *iam);
  CO_TRY(auto kms_sealer, crypto::Sealer::derive(root, "kms", random));
  kms = std::make_unique<kms::Service>(context(), std::move(kms_sealer));
  ec2 = std::make_unique<ec2::Service>(context());

  gate = std::make_unique<aws::Gate>(*iam, clock);
  services = {iam.get(), sts.get(), kms.get(), ec2.get()};
  pipeline = std::make_unique<aws::Pipeline>(*gate, clock, random,
                                             aws::Pipeline::Options{.default_region = config.region, .s3_hosts = {"s3.localhost"}});
  for (aws::Service* service : services) pipeline->add(*service);
  co_return Result<void>();
}

Task<void> House::Rooms::close_engines() { co_return; }

}  // namespace boreal::server
