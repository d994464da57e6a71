// The PostgreSQL versions of this machine and what each needs to make servers: found and made ready in the background,
// so that nobody waits for it who does not need it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/context.h"
#include "base/sync.h"
#include "postgres/context.h"
#include "postgres/installation.h"
#include "postgres/settings.h"
#include "postgres/storage_encryption.h"
#include "postgres/warm_pool.h"

namespace boreal::rds {

// An engine version that was asked for, and what serves it.
struct ServedVersion {
  std::string asked;  // "13.7"
  int asked_major = 0;
  const postgres::Installation* installation = nullptr;
  bool mapped() const { return asked_major != installation->major; }
};

// Thread rule: the loop.
class Engines {
 public:
  struct Options {
    io::Path folder;                    // holds pool/ and settings/
    std::vector<io::Path> bin_folders;  // looked through besides the usual places
    std::map<int, int> engine_map;      // asked-for major -> installed major
    size_t warm_pool = 2;
  };

  Engines(aws::ServiceContext context, Options options) : context_(context), options_(std::move(options)) {}

  // Begins to look; returns at once.
  void start();
  Task<void> stop();

  // These wait until it is known what is installed; Errc::unsupported says what is missing.
  Task<Result<const postgres::Context*>> context();
  Task<Result<const postgres::Installation*>> installation(int major);
  Task<Result<postgres::WarmPool*>> pool(int major);
  Task<Result<const postgres::SettingsCatalog*>> settings(int major);
  // The asked-for majors that can be served, each with what serves it.
  Task<Result<std::map<int, const postgres::Installation*>>> served();
  // How folders for clusters are encrypted here; Errc::unsupported says what each way lacks; that is tried
  // again when somebody asks again: a full disk, say, passes.
  Task<Result<postgres::StorageEncryption*>> storage();
  // Why no database can be served, or not all that belongs to it; empty: nothing is known that is in the way (yet).
  std::string trouble() const;
  // "13.7", "13", or empty for the newest that is installed. Errc::unsupported names what could be asked for.
  Task<Result<ServedVersion>> resolve(std::string version);

 private:
  struct Major {
    postgres::Installation installation;
    std::unique_ptr<postgres::WarmPool> pool;
    std::optional<Result<postgres::SettingsCatalog>> settings;
    Event settings_known;
  };

  Task<void> look();
  Task<void> prepare(Major& major);

  aws::ServiceContext context_;
  Options options_;
  std::optional<postgres::Context> postgres_;
  std::map<int, std::unique_ptr<Major>> majors_;
  std::optional<Error> error_;
  Event known_;
  std::unique_ptr<postgres::StorageEncryption> storage_;  // once it has worked: trying it out costs a mount
  Mutex choosing_;
  postgres::Background background_{postgres::Background::Priority::normal};
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace boreal::rds
