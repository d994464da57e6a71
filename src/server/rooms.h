// Every engine and every service, made in the order of what they need of each other. The members' order is that order,
// so they end in the reverse of it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "aws/context.h"
#include "aws/gate.h"
#include "aws/pipeline.h"
#include "backup/service.h"
#include "crypto/sealer.h"
#include "dms/service.h"
#include "ec2/service.h"
#include "iam/service.h"
#include "io/file.h"
#include "kms/service.h"
#include "objects/file_blobs.h"
#include "objects/objects.h"
#include "objects/scrub.h"
#include "rds/service.h"
#include "s3/service.h"
#include "s3control/service.h"
#include "secretsmanager/service.h"
#include "server/config.h"
#include "server/house.h"
#include "server/reserve.h"
#include "store/store.h"
#include "store/transaction.h"
#include "sts/service.h"

namespace boreal::server {

struct House::Rooms {
  Rooms(const Config& c, net::Loop& l, io::Pool& p, SystemClock& k, Random& r)
      : config(c), loop(l), pool(p), clock(k), random(r) {}

  const Config& config;
  net::Loop& loop;
  io::Pool& pool;
  SystemClock& clock;
  Random& random;

  std::optional<io::FolderLock> lock;
  std::unique_ptr<Reserve> reserve;  // when all services have started
  std::unique_ptr<store::Store> store;
  std::unique_ptr<store::Catalog> catalog;
  std::unique_ptr<iam::Service> iam;
  std::unique_ptr<sts::Service> sts;
  std::unique_ptr<kms::Service> kms;
  std::unique_ptr<secretsmanager::Service> secrets;
  std::unique_ptr<ec2::Service> ec2;
  std::unique_ptr<objects::FileBlobs> blobs;
  std::unique_ptr<objects::Objects> objects;
  std::unique_ptr<objects::Scrubber> scrubber;  // logs the damage it finds; starts when all services have
  std::unique_ptr<aws::Gate> gate;
  std::unique_ptr<s3::Service> s3;
  std::unique_ptr<s3control::Service> s3_control;
  std::unique_ptr<rds::Service> rds;
  std::unique_ptr<dms::Service> dms;
  std::unique_ptr<backup::Service> backup;
  std::unique_ptr<aws::Pipeline> pipeline;
  std::optional<iam::RootKey> new_root_key;  // serve: made at this start, to be shown once
  std::vector<aws::Service*> services;       // in the order they start; they stop in reverse
  std::vector<aws::Service*> started;        // those of them whose start has begun

  aws::ServiceContext context() { return {*catalog, clock, random, loop, pool}; }
  // All of it. After an error the house is to be stopped all the same.
  Task<Result<void>> open(ServerTls& tls, const std::function<Result<void>()>& listen);
  // Makes engines and services over the open store.
  Task<Result<void>> furnish(const crypto::SecretKey& root);
  Task<Result<void>> open_objects();
  bool has_room() const { return !reserve || reserve->has_room(); }
  // "running"; "full": objects are not taken, and perhaps nothing that writes; "failed": nothing is, or no blobs
  // of some tier, until the next start.
  std::string_view store_state() const;
  // See aws::Service, with what it needs of the house's store and disk.
  std::string trouble_of(const aws::Service& service) const;
  // After all services have stopped.
  Task<void> close_engines();
};

}  // namespace boreal::server
