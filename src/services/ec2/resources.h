// What the catalog keeps of an account's network in a region, in partition ec2/ACCOUNT/REGION:
//
//   vpc/ID subnet/ID group/ID table/ID acl/ID gateway/ID interface/ID options/ID   the records below
//   made                                                                           the default network has been written
//
// Until something of the region is changed the default network is not written but made up of the account and region at
// every look (default_network.h), so that reading costs no transaction.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/context.h"
#include "aws/error.h"
#include "store/record.h"
#include "store/transaction.h"

namespace boreal::ec2 {

using Tags = std::map<std::string, std::string>;

// An account in a region: a world of its own.
struct Place {
  std::string account;
  std::string region;
  std::string partition() const { return aws::partition("ec2", account, region); }
  // "arn:aws:ec2:REGION:ACCOUNT:vpc/ID"
  std::string arn(std::string_view type, std::string_view id) const;
};

struct VpcRecord {
  struct Block {
    std::string id;  // "vpc-cidr-assoc-…"
    std::string cidr;
    BOREAL_RECORD(Block, id, cidr)
  };
  std::string id;
  std::vector<Block> blocks;  // the first is the one that it was made with
  bool is_default = false;
  std::string tenancy = "default";
  std::string options_id;
  bool dns_support = true;
  bool dns_hostnames = false;
  bool usage_metrics = false;
  Tags tags;
  BOREAL_RECORD(VpcRecord, id, blocks, is_default, tenancy, options_id, dns_support, dns_hostnames, usage_metrics, tags)
  static constexpr std::string_view prefix = "vpc/";
  static constexpr std::string_view type = "vpc";
  static aws::ApiError absent(std::string_view id);
};

struct SubnetRecord {
  std::string id;
  std::string vpc_id;
  std::string cidr;
  std::string zone;  // "us-east-1a"
  bool is_default = false;
  bool public_ip_on_launch = false;
  std::string hostname_type = "ip-name";
  bool dns_a_record = false;
  Tags tags;
  BOREAL_RECORD(SubnetRecord, id, vpc_id, cidr, zone, is_default, public_ip_on_launch, hostname_type, dns_a_record,
                tags)
  static constexpr std::string_view prefix = "subnet/";
  static constexpr std::string_view type = "subnet";
  static aws::ApiError absent(std::string_view id);
};

// A permission of one peer; what the classic calls group into IpPermissions.
struct RuleRecord {
  std::string id;
  bool egress = false;
  std::string protocol;         // "tcp", "udp", "icmp", "icmpv6", "-1", or a number
  std::optional<int32_t> from;  // port, or ICMP type; none: all
  std::optional<int32_t> to;    // port, or ICMP code
  // The peer: one of these.
  std::string cidr_ipv4;
  std::string cidr_ipv6;
  std::string group_id;
  std::string description;
  Tags tags;
  BOREAL_RECORD(RuleRecord, id, egress, protocol, from, to, cidr_ipv4, cidr_ipv6, group_id, description, tags)
  static constexpr std::string_view type = "security-group-rule";
};

struct GroupRecord {
  std::string id;
  std::string name;
  std::string description;
  std::string vpc_id;
  std::vector<RuleRecord> rules;
  Tags tags;
  BOREAL_RECORD(GroupRecord, id, name, description, vpc_id, rules, tags)
  static constexpr std::string_view prefix = "group/";
  static constexpr std::string_view type = "security-group";
  static aws::ApiError absent(std::string_view id);
};

struct RouteRecord {
  std::string cidr_ipv4;
  std::string cidr_ipv6;
  std::string gateway_id;  // "local" or "igw-…"
  BOREAL_RECORD(RouteRecord, cidr_ipv4, cidr_ipv6, gateway_id)
  const std::string& destination() const { return cidr_ipv4.empty() ? cidr_ipv6 : cidr_ipv4; }
};

struct RouteTableRecord {
  struct Association {
    std::string id;         // "rtbassoc-…"
    std::string subnet_id;  // empty: this is the VPC's main table
    BOREAL_RECORD(Association, id, subnet_id)
  };
  std::string id;
  std::string vpc_id;
  std::vector<Association> associations;
  std::vector<RouteRecord> routes;
  Tags tags;
  std::string client_token;  // of the call that made it
  BOREAL_RECORD(RouteTableRecord, id, vpc_id, associations, routes, tags, client_token)
  static constexpr std::string_view prefix = "table/";
  static constexpr std::string_view type = "route-table";
  static aws::ApiError absent(std::string_view id);
  bool is_main() const;
};

struct AclRecord {
  struct Entry {
    int32_t number = 0;
    bool egress = false;
    std::string protocol;  // a number, or "-1"
    std::string action;    // "allow", "deny"
    std::string cidr_ipv4;
    std::string cidr_ipv6;
    std::optional<int32_t> from, to;  // ports of TCP and UDP
    std::optional<int32_t> icmp_type, icmp_code;
    BOREAL_RECORD(Entry, number, egress, protocol, action, cidr_ipv4, cidr_ipv6, from, to, icmp_type, icmp_code)
  };
  struct Association {
    std::string id;  // "aclassoc-…"
    std::string subnet_id;
    BOREAL_RECORD(Association, id, subnet_id)
  };
  std::string id;
  std::string vpc_id;
  bool is_default = false;
  std::vector<Entry> entries;
  std::vector<Association> associations;
  Tags tags;
  std::string client_token;  // of the call that made it
  BOREAL_RECORD(AclRecord, id, vpc_id, is_default, entries, associations, tags, client_token)
  static constexpr std::string_view prefix = "acl/";
  static constexpr std::string_view type = "network-acl";
  static aws::ApiError absent(std::string_view id);
};

struct GatewayRecord {
  std::string id;
  std::string vpc_id;  // empty: not attached
  Tags tags;
  BOREAL_RECORD(GatewayRecord, id, vpc_id, tags)
  static constexpr std::string_view prefix = "gateway/";
  static constexpr std::string_view type = "internet-gateway";
  static aws::ApiError absent(std::string_view id);
};

// Where a resource of another service lies in the network.
struct InterfaceRecord {
  std::string id;
  std::string owner;  // "rds:prod-aurora-instance-1"
  std::string attachment_id;
  std::string subnet_id;
  std::string vpc_id;
  std::string zone;
  std::vector<std::string> group_ids;
  std::string description;
  std::string private_ip;
  std::string mac;
  Time created;
  Tags tags;
  BOREAL_RECORD(InterfaceRecord, id, owner, attachment_id, subnet_id, vpc_id, zone, group_ids, description, private_ip,
                mac, created, tags)
  static constexpr std::string_view prefix = "interface/";
  static constexpr std::string_view type = "network-interface";
  static aws::ApiError absent(std::string_view id);
};

struct OptionsRecord {  // of DHCP
  std::string id;
  std::string domain_name;
  Tags tags;
  BOREAL_RECORD(OptionsRecord, id, domain_name, tags)
  static constexpr std::string_view prefix = "options/";
  static constexpr std::string_view type = "dhcp-options";
  static aws::ApiError absent(std::string_view id);
};

template <class R>
std::string key_of(std::string_view id) {
  return std::string(R::prefix) + std::string(id);
}
template <class R>
void save(store::Transaction& tx, const R& record) {
  tx.put(key_of<R>(record.id), store::encode(record));
}
template <class R>
void erase(store::Transaction& tx, const R& record) {
  tx.remove(key_of<R>(record.id));
}

// A place's network to read: what is committed, or what a transaction sees. Lives shorter than what it was made of.
class View {
 public:
  View(const store::Catalog& catalog, Place place) : catalog_(&catalog), place_(std::move(place)) {}
  // Of a transaction that Service::begin() made: the default network is written.
  View(const store::Transaction& tx, Place place) : transaction_(&tx), place_(std::move(place)) {}

  const Place& place() const { return place_; }

  template <class R>
  Result<std::optional<R>> find(std::string_view id) const {
    TRY(const auto text, get(key_of<R>(id)));
    if (!text) return std::optional<R>();
    TRY(auto record, store::decode<R>(*text));
    return std::optional<R>(std::move(record));
  }
  // The record, or the API's error for one that is not there.
  template <class R>
  aws::Outcome<R> need(std::string_view id) const {
    TRY(auto record, find<R>(id));
    if (!record) return aws::refuse(R::absent(id));
    return std::move(*record);
  }
  // In the order of their ids.
  template <class R>
  Result<std::vector<R>> all() const {
    TRY(const auto rows, scan(R::prefix));
    std::vector<R> records;
    for (const auto& [key, text] : rows) {
      TRY(auto record, store::decode<R>(text));
      records.push_back(std::move(record));
    }
    return records;
  }
  // Those that lie in the VPC.
  template <class R>
  Result<std::vector<R>> of_vpc(std::string_view vpc_id) const {
    TRY(auto records, all<R>());
    std::erase_if(records, [&](const R& record) { return record.vpc_id != vpc_id; });
    return records;
  }

  // Keys with the prefix and their records' texts, in order.
  using Rows = std::vector<std::pair<std::string, std::string>>;
  Result<Rows> scan(std::string_view prefix) const;

 private:
  Result<std::optional<std::string>> get(std::string_view key) const;
  Result<bool> made() const;

  const store::Catalog* catalog_ = nullptr;          // one of
  const store::Transaction* transaction_ = nullptr;  // the two
  Place place_;
};

inline constexpr std::string_view made_key = "made";

aws::Outcome<void> check_client_token(std::string_view token);
aws::ApiError token_of_another_call(std::string_view token);

// What a call with this token made in the VPC: SDKs give each call one, and the same when they send it again because no
// answer came. Source: EC2 Developer Guide, "Ensuring idempotency in Amazon EC2 API requests".
template <class R>
aws::Outcome<std::optional<R>> made_before(const View& view, const std::string& token, const std::string& vpc_id) {
  if (token.empty()) return std::optional<R>();
  CHECK(check_client_token(token));
  TRY(auto records, view.all<R>());
  for (R& record : records) {
    if (record.client_token != token) continue;
    if (record.vpc_id != vpc_id) return aws::refuse(token_of_another_call(token));
    return std::optional<R>(std::move(record));
  }
  return std::optional<R>();
}

}  // namespace boreal::ec2
