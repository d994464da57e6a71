// Blobs as files: FOLDER/<first two hex digits of the salt>/<id in hex>, a folder for each tier.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "io/file.h"
#include "io/pool.h"
#include "objects/blobs.h"
#include "objects/tier_folder.h"

namespace boreal::objects {

class FileBlobs final : public Blobs {
 public:
  // Tier names to folders; the folders are made when missing. The pool outlives this, which outlives its writers.
  // The file `used_list`, if one is given, is where it is kept which tiers hold blobs: Errc::unsupported if the folder
  // of one is not the one that held them. Where it becomes so later, calls fail with Errc::io.
  static Result<std::unique_ptr<FileBlobs>> open(std::map<std::string, io::Path> folders, io::Pool& pool,
                                                 io::Path used_list = {});

  // A folder could not be synced: its tier takes no more blobs until the next start. From any thread.
  bool has_failed() const;

  Task<Result<std::unique_ptr<BlobWriter>>> create(BlobId id, std::string tier) override;
  Task<Result<std::unique_ptr<BlobReader>>> open(BlobId id, std::string tier) override;
  Task<Result<void>> remove(BlobId id, std::string tier) override;
  Task<Result<void>> remove_all(std::vector<Place> blobs, std::stop_token stop) override;

 private:
  FileBlobs(const std::map<std::string, io::Path>& folders, io::Pool& pool, io::Path used_list);
  struct Paths {
    TierFolder* tier;
    io::Path folder;
    io::Path file;
  };
  Result<Paths> paths_of(BlobId id, const std::string& tier);
  Result<void> check_tiers();
  Result<void> note_use(TierFolder& tier);
  Result<void> check_is_mounted(const TierFolder& tier);
  Result<bool> remove_file(const TierFolder& tier, const io::Path& file);

  std::map<std::string, TierFolder> tiers_;
  io::Pool& pool_;
  const io::Path used_list_;
  std::mutex mutex_;
  std::set<std::string, std::less<>> used_;  // as the list says: these have a mark
};

}  // namespace boreal::objects
