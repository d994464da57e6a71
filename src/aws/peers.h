// What services need of each other, declared here so that no service includes another; the server hands the
// implementations in. A service that needs a peer takes a reference to the interface in its constructor.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/caller.h"
#include "aws/error.h"
#include "base/stream.h"
#include "base/task.h"

namespace boreal::aws {

struct Access;
struct Call;
class Gate;

// In whose name one service asks another. Copied freely; what it names outlives the question.
class Asker {
 public:
  // The caller of the request; null: the service itself, for background work on what was authorised before.
  Asker(Call* call);
  // A role that the service ("s3") works under, of which Gate::assume() made a caller. `data_key_action`: that the role
  // needs for a new data key. AWS documents kms:Encrypt for the roles of replication, kms:GenerateDataKey for those of backups.
  Asker(Gate& gate, const Caller& role, std::string_view service, std::string_view data_key_action = "kms:Encrypt")
      : gate_(&gate), caller_(&role), service_(service), data_key_action_(data_key_action) {}

  // The same, who lets the service go on with a KMS key in its own name, as AWS's services do by a grant that they make in
  // the asker's name: whatever is asked of the key, that is kms:CreateGrant and kms:DescribeKey.
  Asker granting() const {
    Asker asker = *this;
    asker.grants_ = true;
    return asker;
  }

  bool is_service_itself() const { return caller_ == nullptr; }
  // These only for others than the service itself.
  bool is_role() const { return call_ == nullptr; }
  const Caller& caller() const { return *caller_; }
  std::string_view service() const { return service_; }
  std::string_view data_key_action() const { return data_key_action_; }
  bool grants() const { return grants_; }
  Task<Outcome<void>> authorize(Access access) const;

 private:
  Call* call_ = nullptr;
  Gate* gate_ = nullptr;
  const Caller* caller_ = nullptr;
  std::string_view service_;  // static storage, as the other
  std::string_view data_key_action_ = "kms:GenerateDataKey";
  bool grants_ = false;
};

// KMS, for those that encrypt.
class Keys {
 public:
  virtual ~Keys() = default;
  struct DataKey {
    std::string plaintext;   // 32 bytes; the holder wipes it
    std::string ciphertext;  // the KMS blob that decrypt() takes
    std::string key_arn;
  };
  using Context = std::map<std::string, std::string>;
  // `key_id`: id, ARN, alias name or alias ARN; empty: the managed key alias/aws/<service>, made when first needed.
  // Who asks must be allowed it, by the key's policy too; a caller need not for managed keys of its own account, which
  // are the service's own. A caller needs kms:GenerateDataKey, a role what Asker says, who grants what granting() says.
  virtual Task<Outcome<DataKey>> generate_data_key(Asker asker, std::string account, std::string region, std::string service,
                                                   std::string key_id, Context context) = 0;
  virtual Task<Outcome<std::string>> decrypt(Asker asker, std::string account, std::string region, std::string ciphertext,
                                             Context context) = 0;
  // The ciphertext of a data key that is there already, by the key of that ARN; decrypt() takes it. Needs kms:Encrypt.
  virtual Task<Outcome<std::string>> encrypt(Asker asker, std::string account, std::string region, std::string service,
                                             std::string key_arn, std::string plaintext, Context context) = 0;
  // The key's ARN, or KMS's own error (NotFoundException, DisabledException, KMSInvalidStateException).
  virtual Task<Outcome<std::string>> describe(std::string account, std::string region, std::string service, std::string key_id) = 0;
};

// IAM roles that services act under.
class Roles {
 public:
  virtual ~Roles() = default;
  // The role is there, its trust policy lets `service` ("backup.amazonaws.com") assume it, and the caller may pass it
  // (iam:PassRole). Errors: NoSuchEntity, AccessDenied, or InvalidParameterValue "cannot be assumed". `source_arn`: what
  // the service is to work for, as it says when it assumes the role (Gate::assume()).
  virtual Task<Outcome<void>> check_pass(Call& call, std::string role_arn, std::string service,
                                         std::string source_arn) = 0;
};

// Who may be somebody for a while: what STS asks of IAM.
class Sessions {
 public:
  virtual ~Sessions() = default;
  struct Issued {
    std::string access_key, secret_key, session_token;
    Time expires;
  };
  struct Role {
    std::string arn, id, name, account;
    std::string trust_policy;  // JSON
    int64_t max_session_s = 3600;
    std::map<std::string, std::string> tags;
  };
  // Temporary credentials for the principal; they end with `duration`, or when the user or role is deleted.
  virtual Task<Outcome<Issued>> issue(Principal principal, Duration duration) = 0;
  // nullopt: there is no such role.
  virtual Task<Outcome<std::optional<Role>>> role(std::string role_arn) = 0;
  // Whose the access key is, as its text tells; nullopt when no key is written so.
  virtual std::optional<std::string> account_of(std::string_view access_key) const = 0;
  // Whether the managed policy is there and the account's, or AWS's.
  virtual Task<Outcome<bool>> has_policy(std::string account, std::string policy_arn) = 0;
};

// The EC2 network, as far as a data tier asks.
class Network {
 public:
  virtual ~Network() = default;
  struct Subnet {
    std::string id, vpc_id, availability_zone, cidr;
  };
  struct IngressRule {  // what a security group lets in
    std::string protocol;  // "tcp", "-1"
    int from_port = 0, to_port = 65535;
    std::string cidr;             // IPv4 or IPv6, or
    std::string source_group_id;  // the members of a group
  };
  virtual Outcome<Subnet> subnet(const std::string& account, const std::string& region, const std::string& id) = 0;
  virtual Outcome<std::vector<Subnet>> default_subnets(const std::string& account, const std::string& region) = 0;
  virtual Outcome<std::string> group_vpc(const std::string& account, const std::string& region, const std::string& group_id) = 0;
  virtual Outcome<std::string> default_group(const std::string& account, const std::string& region, const std::string& vpc_id) = 0;
  virtual Outcome<std::vector<IngressRule>> ingress(const std::string& account, const std::string& region, const std::string& group_id) = 0;
  virtual std::vector<std::string> availability_zones(const std::string& region) = 0;
  // Interfaces that resources put into subnets: they make DeleteSubnet/DeleteSecurityGroup answer DependencyViolation
  // and show in DescribeNetworkInterfaces. Both are idempotent.
  struct Interface {
    std::string owner;  // "rds:prod-aurora-instance-1"; unique within account and region
    std::string subnet_id;
    std::vector<std::string> group_ids;
    std::string description, private_ip;
  };
  virtual Task<Outcome<void>> attach_interface(std::string account, std::string region, Interface interface) = 0;
  virtual Task<Outcome<void>> detach_interface(std::string account, std::string region, std::string owner) = 0;
  // Called after any rule of the group changed, on the loop. For endpoints that filter by source.
  virtual void on_group_change(std::function<void(const std::string& account, const std::string& region, const std::string& group_id)> callback) = 0;
};

// Secret values, for those that are configured with a secret's ARN.
class Secrets {
 public:
  virtual ~Secrets() = default;
  // The current one. Who asks must be allowed secretsmanager:GetSecretValue, by the secret's own policy too, and the use of
  // the secret's key; they are asked before it is told whether the secret is there.
  virtual Task<Outcome<std::string>> value(Asker asker, std::string account, std::string region, std::string secret_arn) = 0;
};

// What S3 keeps for an account as a whole, for S3 Control: what is blocked of public access to any of its buckets, besides
// what each bucket blocks by itself.
class PublicAccess {
 public:
  virtual ~PublicAccess() = default;
  struct Block {
    bool block_public_acls = false;        // none may be set
    bool ignore_public_acls = false;       // those that are set grant nothing
    bool block_public_policy = false;      // none may be set
    bool restrict_public_buckets = false;  // one that is set lets nobody in from other accounts
  };
  // nullopt: nothing was said.
  virtual std::optional<Block> block(const std::string& account) = 0;
  virtual Task<Outcome<void>> set_block(std::string account, std::optional<Block> block) = 0;
};

// Tags of buckets, for S3 Control, which is another way to them.
class BucketTags {
 public:
  virtual ~BucketTags() = default;
  using Tags = std::vector<std::pair<std::string, std::string>>;  // in the order in which they were first set
  // The account that owns the bucket; nullopt: there is none.
  virtual std::optional<std::string> owner(std::string_view bucket) const = 0;
  // What the bucket's policy and its tags have to say about the action. NoSuchBucket.
  virtual Outcome<Access> access_to_bucket(const Call& call, std::string_view bucket, std::string action) const = 0;
  // NoSuchBucket.
  virtual Outcome<Tags> tags(std::string_view bucket) const = 0;
  // Sets these and takes those away. NoSuchBucket, InvalidTag, BadRequest; nothing is changed then.
  virtual Task<Outcome<void>> change_tags(std::string bucket, Tags set, std::vector<std::string> taken) = 0;
};

// A kind of resource that AWS Backup can back up and restore: clusters (RDS), buckets (S3).
class Recoverable {
 public:
  virtual ~Recoverable() = default;
  virtual std::string_view resource_type() const = 0;  // "Aurora", "S3"
  virtual std::string_view service() const = 0;        // "rds", "s3"; static storage
  struct Resource {
    std::string arn, name;
    std::map<std::string, std::string> tags;
    std::string id = {};  // of no other that had the name, or will have it
  };
  // By ARN, or by a bare identifier where the caller tolerates one; nullopt: no such resource of this kind.
  virtual Task<Outcome<std::optional<Resource>>> find(std::string account, std::string region, std::string arn_or_name) = 0;
  virtual Task<Outcome<std::vector<Resource>>> list(std::string account, std::string region) = 0;
  struct Backup {
    std::unique_ptr<Source> data;                         // in the engine's own form; restore() takes it back
    std::map<std::string, std::string> restore_metadata;  // what a restore needs besides the data
    // In words, what of the resource the data have not; empty: they have all of it. Known when they were read to their
    // end. Shared with their source; null: they have all of it.
    std::shared_ptr<const std::string> left_out = nullptr;
  };
  // A consistent copy of the resource as it is now: of the one that find() told of, and no other of its name. KMS keys are
  // used in the asker's name, also while the data are read: what they do not open for it is left out, or nothing is copied.
  virtual Task<Outcome<Backup>> back_up(Asker asker, std::string account, std::string region, Resource resource) = 0;
  // Makes a new resource (or fills the one that the metadata name) and returns its ARN when it is usable. The KMS keys that
  // it is encrypted by are used in the asker's name.
  virtual Task<Outcome<std::string>> restore(Asker asker, std::string account, std::string region,
                                             std::map<std::string, std::string> metadata, std::unique_ptr<Source> data) = 0;
};

}  // namespace boreal::aws
