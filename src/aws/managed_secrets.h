// What services ask of Secrets Manager when they keep a password for their user. Like peers.h: the server hands it in.
#pragma once

#include <map>
#include <string>

#include "aws/error.h"
#include "base/task.h"

namespace boreal::aws {

// Of secrets that a service keeps: which service that is.
inline constexpr const char* owning_service_tag = "aws:secretsmanager:owningService";

// A secret that a service keeps: users read and tag it, and cannot change or delete it.
struct ManagedSecret {
  std::string owner;  // the service: "rds"
  std::string name;   // "rds!cluster-<uuid>": never used twice
  std::string description;
  std::string kms_key_id;  // empty: alias/aws/secretsmanager
  std::map<std::string, std::string> tags;
};

class ManagedSecrets {
 public:
  virtual ~ManagedSecrets() = default;
  // The ARN of the secret with this name, also before it is there.
  virtual std::string managed_arn(const std::string& account, const std::string& region,
                                  const std::string& name) const = 0;
  // Makes it with this value; when it is there, the value becomes its current version.
  virtual Task<Outcome<void>> put_managed(std::string account, std::string region, ManagedSecret secret,
                                          std::string value) = 0;
  // At once and for good, with its copies. Fine if it is not there, or if what has its name is not the owner's.
  virtual Task<Outcome<void>> remove_managed(std::string account, std::string region, std::string owner, std::string name) = 0;
};

}  // namespace boreal::aws
