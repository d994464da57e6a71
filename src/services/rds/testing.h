// Stand-ins for what RDS asks of other services. Only for tests.
#pragma once

#include <atomic>
#include <map>
#include <set>

#include "aws/key_watch.h"
#include "aws/managed_secrets.h"
#include "aws/peers.h"
#include "base/random.h"

namespace boreal::rds {

// Keys that "encrypt" by keeping what they gave out.
class TestKeys final : public aws::Keys, public aws::KeyWatch {
 public:
  std::atomic<bool> disabled = false;
  std::atomic<bool> closed_to_roles = false;
  std::function<void(const std::string&)> changed;

  void on_key_change(std::function<void(const std::string&)> callback) override { changed = std::move(callback); }

  Task<aws::Outcome<DataKey>> generate_data_key(aws::Asker asker, std::string account, std::string region, std::string,
                                                std::string key_id, Context) override {
    if (disabled) co_return aws::refuse(aws::ApiError("DisabledException", 400, "disabled"));
    CO_CHECK(check_open_to(asker));
    DataKey key{random_.bytes(32), "sealed-" + std::to_string(given_.size()), key_id};
    if (key_id.empty()) key.key_arn = "arn:aws:kms:" + region + ":" + account + ":key/managed";
    given_[key.ciphertext] = key.plaintext;
    co_return key;
  }
  Task<aws::Outcome<std::string>> decrypt(aws::Asker asker, std::string, std::string, std::string ciphertext,
                                          Context) override {
    if (disabled) co_return aws::refuse(aws::ApiError("DisabledException", 400, "disabled"));
    CO_CHECK(check_open_to(asker));
    const auto found = given_.find(ciphertext);
    if (found == given_.end()) co_return aws::refuse(aws::ApiError("InvalidCiphertextException", 400, ciphertext));
    co_return found->second;
  }
  Task<aws::Outcome<std::string>> encrypt(aws::Asker, std::string, std::string, std::string, std::string,
                                          std::string plaintext, Context) override {
    const std::string ciphertext = "sealed-" + std::to_string(given_.size());
    given_[ciphertext] = plaintext;
    co_return ciphertext;
  }
  Task<aws::Outcome<std::string>> describe(std::string, std::string, std::string, std::string key_id) override {
    if (disabled) co_return aws::refuse(aws::ApiError("DisabledException", 400, "disabled"));
    co_return key_id;
  }

 private:
  aws::Outcome<void> check_open_to(const aws::Asker& asker) const {
    if (!closed_to_roles || asker.is_service_itself() || !asker.is_role()) return {};
    return aws::refuse(aws::ApiError("AccessDeniedException", 400, "closed"));
  }

  SeededRandom random_{7};
  std::map<std::string, std::string> given_;
};

// Secrets as their values by name.
class TestSecrets final : public aws::ManagedSecrets {
 public:
  std::map<std::string, std::string> values;

  std::string managed_arn(const std::string& account, const std::string& region,
                          const std::string& name) const override {
    return "arn:aws:secretsmanager:" + region + ":" + account + ":secret:" + name + "-abcdef";
  }
  Task<aws::Outcome<void>> put_managed(std::string, std::string, aws::ManagedSecret secret,
                                       std::string value) override {
    values[secret.name] = std::move(value);
    co_return aws::Outcome<void>();
  }
  Task<aws::Outcome<void>> remove_managed(std::string, std::string, std::string, std::string name) override {
    values.erase(name);
    co_return aws::Outcome<void>();
  }
};

// One VPC with two subnets, and the group sg-1, whose rules the test sets.
class TestNetwork final : public aws::Network {
 public:
  std::vector<IngressRule> rules = {{.protocol = "tcp", .from_port = 5432, .to_port = 5432, .cidr = "127.0.0.0/8"}};
  std::set<std::string> attached;
  std::atomic<bool> full = false;                          // no interface can be attached
  std::atomic<int> refused = 0;                            // of those that were asked for
  std::map<std::string, std::vector<std::string>> groups;  // of those, by owner
  std::function<void(const std::string&, const std::string&, const std::string&)> changed;

  aws::Outcome<Subnet> subnet(const std::string&, const std::string& region, const std::string& id) override {
    if (id == "subnet-a") return Subnet{id, "vpc-1", region + "a", "10.0.1.0/24"};
    if (id == "subnet-b") return Subnet{id, "vpc-1", region + "b", "10.0.2.0/24"};
    if (id == "subnet-x") return Subnet{id, "vpc-2", region + "b", "10.1.2.0/24"};
    return aws::refuse(aws::ApiError("InvalidSubnetID.NotFound", 400, id));
  }
  aws::Outcome<std::vector<Subnet>> default_subnets(const std::string& account, const std::string& region) override {
    return std::vector<Subnet>{*subnet(account, region, "subnet-a"), *subnet(account, region, "subnet-b")};
  }
  aws::Outcome<std::string> group_vpc(const std::string&, const std::string&, const std::string& id) override {
    if (id == "sg-1" || id == "sg-2") return "vpc-1";
    return aws::refuse(aws::ApiError("InvalidGroup.NotFound", 400, id));
  }
  aws::Outcome<std::string> default_group(const std::string&, const std::string&, const std::string&) override {
    return "sg-1";
  }
  aws::Outcome<std::vector<IngressRule>> ingress(const std::string&, const std::string&, const std::string&) override {
    return rules;
  }
  std::vector<std::string> availability_zones(const std::string& region) override {
    return {region + "a", region + "b"};
  }
  Task<aws::Outcome<void>> attach_interface(std::string, std::string, Interface interface) override {
    if (full) {
      ++refused;
      co_return aws::refuse(aws::ApiError("InsufficientFreeAddressesInSubnet", 400, "full"));
    }
    attached.insert(interface.owner);
    groups[interface.owner] = interface.group_ids;
    co_return aws::Outcome<void>();
  }
  Task<aws::Outcome<void>> detach_interface(std::string, std::string, std::string owner) override {
    attached.erase(owner);
    co_return aws::Outcome<void>();
  }
  void on_group_change(
      std::function<void(const std::string&, const std::string&, const std::string&)> callback) override {
    changed = std::move(callback);
  }
};

// Passes the roles that it is told of.
class TestRoles final : public aws::Roles {
 public:
  Task<aws::Outcome<void>> check_pass(aws::Call&, std::string role_arn, std::string, std::string) override {
    if (role_arn.ends_with("/monitoring")) co_return aws::Outcome<void>();
    co_return aws::refuse(aws::ApiError("NoSuchEntity", 404, role_arn));
  }
};

}  // namespace boreal::rds
