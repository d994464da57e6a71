// Blobs as files: FOLDER/<first two hex digits of the salt>/<id in hex>, a folder for each tier.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "io/file.h"
#include "io/pool.h"
#include "objects/blobs.h"

namespace boreal::objects {

class FileBlobs final : public Blobs {
 public:
  // Tier names to folders; the folders are made when missing. The pool outlives this.
  static Result<std::unique_ptr<FileBlobs>> open(std::map<std::string, io::Path> folders, io::Pool& pool);

  Task<Result<std::unique_ptr<BlobWriter>>> create(BlobId id, std::string tier) override;
  Task<Result<std::unique_ptr<BlobReader>>> open(BlobId id, std::string tier) override;
  Task<Result<void>> remove(BlobId id, std::string tier) override;
  Task<Result<void>> remove_all(std::vector<Place> blobs, std::stop_token stop) override;

 private:
  FileBlobs(std::map<std::string, io::Path> folders, io::Pool& pool) : folders_(std::move(folders)), pool_(pool) {}
  struct Paths {
    io::Path folder;
    io::Path file;
  };
  Result<Paths> paths_of(BlobId id, const std::string& tier) const;
  Result<void> keep_folder(const io::Path& folder);

  const std::map<std::string, io::Path> folders_;
  io::Pool& pool_;
  std::mutex mutex_;
  std::set<io::Path> kept_folders_;  // those below the tiers' that are known to be on the disk
};

}  // namespace boreal::objects
