#include "server/rooms.h"

#include <map>

#include "base/text.h"
#include "server/remotes.h"

namespace boreal::server {

namespace {

rds::Options rds_options(const Config& config) {
  return {.folder = absolute(config.data_folder) + "/postgres",
          .bin_folders = config.postgres_bin_folders,
          .engine_map = config.engine_map,
          .allow_unencrypted_storage = config.allow_unencrypted_storage,
          .warm_pool = config.warm_pool,
          .authority_certificate = config.data_folder + "/tls/ca.pem",
          .authority_key = config.keys() + "/ca.key"};
}

}  // namespace

// The object engine: blobs as files below <data>/objects, a folder for each storage class.
Task<Result<void>> House::Rooms::open_objects() {
  const std::vector<objects::Tier> tiers = s3::storage_tiers();
  std::map<std::string, io::Path> folders;
  for (const auto& tier : tiers) folders[tier.name] = config.data_folder + "/objects/" + tier.name;
  CO_TRY(blobs,
         co_await pool.run([&] { return objects::FileBlobs::open(folders, pool, config.data_folder + "/TIERS"); }));
  objects = std::make_unique<objects::Objects>(
      *store, *blobs, pool, clock, random, objects::Options{.tiers = tiers, .has_room = [this] { return has_room(); }});
  CO_CHECK(co_await objects->start());
  scrubber = std::make_unique<objects::Scrubber>(*objects, [this](Duration time) { return loop.sleep(time); });
  co_return Result<void>();
}

Task<Result<void>> House::Rooms::furnish(const crypto::SecretKey& root) {
  CO_TRY(auto iam_sealer, crypto::Sealer::derive(root, "iam", random));
  iam = std::make_unique<iam::Service>(context(), std::move(iam_sealer), iam::Options{.dev = config.dev});
  sts = std::make_unique<sts::Service>(context(), *iam);
  CO_TRY(auto kms_sealer, crypto::Sealer::derive(root, "kms", random));
  kms = std::make_unique<kms::Service>(context(), std::move(kms_sealer));
  secrets = std::make_unique<secretsmanager::Service>(context(), *kms);
  ec2 = std::make_unique<ec2::Service>(context());
  rds = std::make_unique<rds::Service>(context(), rds_options(config), *kms, *kms, *ec2, *iam, *secrets);
  CO_CHECK(co_await open_objects());
  CO_TRY(auto s3_sealer, crypto::Sealer::derive(root, "s3", random));
  gate = std::make_unique<aws::Gate>(*iam, clock);
  s3::Options s3_options{.keys_are_public = config.dev};
  CO_TRY(s3_options.remotes, co_await pool.run([this] { return load_remotes(config); }));
  s3 = std::make_unique<s3::Service>(context(), std::move(s3_options), *objects, s3::Peers{*kms, *gate, *iam},
                                     std::move(s3_sealer));
  s3_control = std::make_unique<s3control::Service>(s3->public_access(), *s3);
  dms = std::make_unique<dms::Service>(context(), *ec2, *kms, *iam, *secrets, net::look_up, "/proc/self/exe");

  backup = std::make_unique<backup::Service>(context(), backup::Options{.strict = config.strict}, *kms, *iam, *gate,
                                             *objects, std::vector<aws::Recoverable*>{rds.get(), s3.get()});
  services = {iam.get(), sts.get(), kms.get(),        secrets.get(), ec2.get(),
              rds.get(), s3.get(),  s3_control.get(), backup.get(),  dms.get()};
  pipeline = std::make_unique<aws::Pipeline>(*gate, clock, random,
                                             aws::Pipeline::Options{.default_region = config.region,
                                                                    .keys_are_public = config.dev,
                                                                    .own_names = config.own_names(),
                                                                    .log_requests = config.log_requests,
                                                                    .s3_domains = config.s3_domains,
                                                                    .pool = &pool});
  for (aws::Service* service : services) pipeline->add(*service);
  co_return Result<void>();
}

std::string_view House::Rooms::store_state() const {
  if (store->writes() == store::Writes::ended || blobs->has_failed()) return "failed";
  return store->writes() == store::Writes::wait_for_room || !has_room() ? "full" : "running";
}

std::string House::Rooms::trouble_of(const aws::Service& service) const {
  std::vector<std::string> all;
  if (auto own = service.trouble(); !own.empty()) all.push_back(std::move(own));
  const store::Writes writes = store->writes();
  const bool keeps_nothing = &service == sts.get();
  if (!keeps_nothing && writes == store::Writes::ended) {
    all.emplace_back("nothing is written any more, as a write of the store has failed: mend the disk, start again");
  } else if (!keeps_nothing && writes == store::Writes::wait_for_room) {
    all.emplace_back("nothing is written, as the disk is full");
  }
  const bool keeps_objects = &service == s3.get() || &service == backup.get();
  if (keeps_objects && blobs->has_failed()) {
    all.emplace_back(
        "no objects above 32 KiB are taken in a storage class whose folder could not be synced: mend the disk, start "
        "again");
  }
  if (keeps_objects && !has_room()) all.emplace_back("no objects are taken, as the disk is full");
  return join(all, "; ");
}

Task<void> House::Rooms::close_engines() {
  if (reserve) co_await reserve->stop();
  if (scrubber) co_await scrubber->stop();
  if (objects) co_await objects->stop();
}

}  // namespace boreal::server
