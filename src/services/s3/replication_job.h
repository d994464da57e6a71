// What the parts of the replication worker hand each other: one version on its way to one destination.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aws/caller.h"
#include "s3/replication.h"

namespace boreal::s3 {

struct Replication::Job {
  BucketRef from;
  const objects::Found& found;
  const api::ReplicationRule& rule;
  BucketRef to;           // null: it is elsewhere
  aws::Caller caller;     // of the role
  bool with_tags = true;  // the role may read and write them
  const objects::Version& version() const { return *found.version; }
};

// One look at all notes of a track.
struct Replication::Run {
  Track track;
  std::optional<Error> left;        // why some are not done
  std::set<std::string> held_back;  // keys whose later versions wait for an earlier one
  int failures_in_a_row = 0;
  // So many failures in a row end it, as the remote bucket may be what fails. The next look has twice the patience:
  // what fails may be these objects alone, and then what lies behind them would wait for ever.
  int patience = 0;
  bool gives_up = false;  // the remote bucket cannot be reached
  bool looks_at_existing = true;
  size_t waiting = 0;  // for other tracks
};

// A version on its way to a remote bucket.
struct Replication::Shipment {
  struct Part {
    uint32_t number = 0;
    objects::Range range;
    std::string md5;       // raw; empty: not known
    std::string checksum;  // base64, of the upload's algorithm; empty: none
    std::string etag;      // once it is there
  };
  Job& job;
  Remote& remote;
  RequestKeys keys;
  std::string sent;                                          // what was recorded: "version:ID", "upload:ID", or nothing
  std::vector<std::pair<std::string, std::string>> headers;  // of the object
  std::optional<objects::Checksum> checksum;
  std::string upload;
  std::vector<Part> parts;
  const objects::Version& version() const { return *job.found.version; }
};

bool has_lock(const objects::Meta& meta);
void log_failed(const std::string& remote, const objects::Version& version, std::string_view why);
inline std::string unquoted_etag(std::string_view etag) {
  const bool is_quoted = etag.size() >= 2 && etag.starts_with('"') && etag.ends_with('"');
  return std::string(is_quoted ? etag.substr(1, etag.size() - 2) : etag);
}

}  // namespace boreal::s3
