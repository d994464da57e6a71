#include "ec2/group_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "api/ec2/errors.h"
#include "base/text.h"
#include "ec2/cidr.h"

namespace boreal::ec2 {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

bool has_ports(std::string_view protocol) { return protocol == "tcp" || protocol == "udp"; }
bool is_icmp(std::string_view protocol) { return protocol == "icmp" || protocol == "icmpv6"; }

Outcome<void> set_range(RuleRecord& rule, const std::optional<int32_t>& from, const std::optional<int32_t>& to) {
  const auto wrong = [&](std::string_view why) {
    return refuse(errors::invalid_parameter_value(fmt::format("Invalid value '{}-{}' for portRange. {}",
                                                              from ? std::to_string(*from) : "",
                                                              to ? std::to_string(*to) : "", why)));
  };
  if (has_ports(rule.protocol)) {
    if (!from || !to) return wrong("Must specify both from and to ports with TCP/UDP.");
    if (*from < 0 || *from > 65535 || *to < 0 || *to > 65535) return wrong("Ports are from 0 to 65535.");
    if (*from > *to) return wrong("The first port is greater than the last.");
    rule.from = from;
    rule.to = to;
  } else if (is_icmp(rule.protocol)) {
    rule.from = from.value_or(-1);
    rule.to = to.value_or(-1);
    if (*rule.from < -1 || *rule.from > 255 || *rule.to < -1 || *rule.to > 255) {
      return wrong("ICMP types and codes are from -1 to 255.");
    }
  }
  return {};  // other protocols have no ports: what was sent is not kept
}

Outcome<Cidr> parse_block(const std::string& text, bool ipv6) {
  auto cidr = Cidr::parse(text);
  if (!cidr || cidr->is_ipv6() != ipv6) {
    return refuse(errors::invalid_parameter_value(
        fmt::format("CIDR block {} is malformed: it is no {} block", text, ipv6 ? "IPv6" : "IPv4")));
  }
  return *cidr;
}

Outcome<void> set_description(RuleRecord& rule, const std::optional<std::string>& description) {
  rule.description = description.value_or("");
  return check_text("rule description", rule.description);
}

// Finds the groups that permissions of a group refer to.
class Peers {
 public:
  Peers(const View& view, const GroupRecord& group) : view_(view), group_(group) {}

  // The group of the VPC that an id or a name stands for.
  Outcome<std::string> find(const api::UserIdGroupPair& pair) {
    const auto& [id, name, account] = std::tie(pair.group_id, pair.group_name, pair.user_id);
    if (account && !account->empty() && *account != view_.place().account)
      return elsewhere(fmt::format("account {}", *account));
    if (pair.vpc_id && !pair.vpc_id->empty() && *pair.vpc_id != group_.vpc_id)
      return elsewhere(fmt::format("{} is of {}, not of {}", group_.id, group_.vpc_id, *pair.vpc_id));
    if (pair.vpc_peering_connection_id && !pair.vpc_peering_connection_id->empty()) {
      return refuse(errors::invalid_vpc_peering_connection_id_not_found(
          fmt::format("The vpcPeeringConnection ID '{}' does not exist", *pair.vpc_peering_connection_id)));
    }
    if (id && !id->empty()) {
      TRY(const auto peer, view_.need<GroupRecord>(*id));
      if (peer.vpc_id == group_.vpc_id) return peer.id;
      return elsewhere(fmt::format("{} is of {}", peer.id, peer.vpc_id));
    }
    if (!name || name->empty()) {
      return refuse(
          errors::missing_parameter("The request must contain the parameter GroupId or GroupName of a source group"));
    }
    return find_by_name(*name);
  }

 private:
  static std::unexpected<aws::ApiError> elsewhere(std::string_view what) {
    return refuse(errors::invalid_group_not_found(
        fmt::format("You have specified two resources that belong to different networks: {}", what)));
  }
  // All groups are read for it, so once only.
  Outcome<std::string> find_by_name(const std::string& name) {
    if (!ids_) {
      TRY(const auto groups, view_.of_vpc<GroupRecord>(group_.vpc_id));
      ids_.emplace();
      for (const GroupRecord& group : groups) ids_->emplace(group.name, group.id);
    }
    if (const auto found = ids_->find(name); found != ids_->end()) return found->second;
    return refuse(errors::invalid_group_not_found(
        fmt::format("The security group '{}' does not exist in VPC '{}'", name, group_.vpc_id)));
  }

  const View& view_;
  const GroupRecord& group_;
  std::optional<std::map<std::string, std::string>> ids_;  // of the VPC's groups, by name
};

template <class T>
size_t count(const std::optional<std::vector<T>>& list) {
  return list ? list->size() : 0;
}

// Adds the rules of one permission, one for each peer.
Outcome<void> add_permission(std::vector<RuleRecord>& rules, Peers& peers, bool egress,
                             const api::IpPermission& permission) {
  if (!permission.ip_protocol) {
    return refuse(errors::missing_parameter("The request must contain the parameter IpProtocol"));
  }
  RuleRecord rule{.egress = egress};
  TRY(rule.protocol, canonical_protocol(*permission.ip_protocol));
  CHECK(set_range(rule, permission.from_port, permission.to_port));
  const size_t before = rules.size();
  for (const auto& range : permission.ip_ranges.value_or(std::vector<api::IpRange>())) {
    RuleRecord& added = rules.emplace_back(rule);
    TRY(const auto cidr, parse_block(range.cidr_ip.value_or(""), false));
    added.cidr_ipv4 = cidr.to_string();
    CHECK(set_description(added, range.description));
  }
  for (const auto& range : permission.ipv6_ranges.value_or(std::vector<api::Ipv6Range>())) {
    RuleRecord& added = rules.emplace_back(rule);
    TRY(const auto cidr, parse_block(range.cidr_ipv6.value_or(""), true));
    added.cidr_ipv6 = cidr.to_string();
    CHECK(set_description(added, range.description));
  }
  for (const auto& pair : permission.user_id_group_pairs.value_or(std::vector<api::UserIdGroupPair>())) {
    RuleRecord& added = rules.emplace_back(rule);
    TRY(added.group_id, peers.find(pair));
    CHECK(set_description(added, pair.description));
  }
  if (permission.prefix_list_ids && !permission.prefix_list_ids->empty()) {
    return refuse(errors::invalid_prefix_list_id_not_found(fmt::format(
        "The prefix list ID '{}' does not exist", permission.prefix_list_ids->front().prefix_list_id.value_or(""))));
  }
  if (rules.size() == before) {
    return refuse(errors::invalid_parameter_value(
        "A permission names no peer: IpRanges, Ipv6Ranges and UserIdGroupPairs are empty"));
  }
  return {};
}

}  // namespace

Outcome<std::string> canonical_protocol(std::string_view text) {
  std::string name = to_lower(text);
  if (name == "all") name = "-1";
  constexpr std::pair<std::string_view, std::string_view> numbers[] = {
      {"6", "tcp"}, {"17", "udp"}, {"1", "icmp"}, {"58", "icmpv6"}};
  for (const auto& [number, word] : numbers) {
    if (name == number || name == word) return std::string(word);
  }
  if (name == "-1" || parse_int(name, 0, 255)) return name;
  return refuse(
      errors::invalid_parameter_value(fmt::format("Invalid value '{}' for IP protocol. Unknown protocol.", text)));
}

Outcome<std::vector<RuleRecord>> parse_rules(const View& view, const GroupRecord& group, bool egress,
                                             const std::optional<std::vector<api::IpPermission>>& permissions,
                                             const ClassicRule& classic) {
  if (permissions && !permissions->empty() && classic.is_given()) {
    return refuse(errors::invalid_parameter_combination(
        "IpPermissions may not be used in combination with IpProtocol, FromPort, ToPort, CidrIp, "
        "SourceSecurityGroupName and SourceSecurityGroupOwnerId"));
  }
  std::vector<RuleRecord> rules;
  Peers peers(view, group);
  size_t there_will_be = 0;
  for (const auto& permission : permissions.value_or(std::vector<api::IpPermission>())) {
    there_will_be +=
        count(permission.ip_ranges) + count(permission.ipv6_ranges) + count(permission.user_id_group_pairs);
    if (there_will_be > max_rules) {
      return refuse(errors::rules_per_security_group_limit_exceeded(
          fmt::format("A security group has at most {} rules in one direction", max_rules)));
    }
    CHECK(add_permission(rules, peers, egress, permission));
  }
  if (egress && (classic.group_name || classic.group_owner)) {
    return refuse(
        errors::invalid_parameter_value("Egress rules take no SourceSecurityGroupName and SourceSecurityGroupOwnerId: "
                                        "name the group in IpPermissions"));
  }
  if (classic.cidr && classic.group_name) {
    return refuse(errors::invalid_parameter_combination("CidrIp and SourceSecurityGroupName exclude each other"));
  }
  if (classic.group_owner && !classic.group_name)
    return refuse(errors::missing_parameter("The request must contain the parameter SourceSecurityGroupName"));
  if (classic.cidr || classic.group_name) {
    api::IpPermission permission{.ip_protocol = classic.protocol, .from_port = classic.from, .to_port = classic.to};
    if (classic.group_name) {
      permission.ip_protocol = classic.protocol.value_or("-1");
      permission.user_id_group_pairs =
          std::vector<api::UserIdGroupPair>{{.user_id = classic.group_owner, .group_name = classic.group_name}};
    } else if (classic.cidr->contains(':')) {
      permission.ipv6_ranges = std::vector<api::Ipv6Range>{{.cidr_ipv6 = classic.cidr}};
    } else {
      permission.ip_ranges = std::vector<api::IpRange>{{.cidr_ip = classic.cidr}};
    }
    CHECK(add_permission(rules, peers, egress, permission));
  }
  if (rules.empty()) return refuse(errors::missing_parameter("The request must contain the parameter ipPermissions"));
  for (size_t i = 0; i < rules.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!is_same_rule(rules[i], rules[j])) continue;
      return refuse(errors::invalid_parameter_value(
          fmt::format("The same permission must not appear multiple times: {}", describe(rules[i]))));
    }
  }
  return rules;
}

Outcome<RuleRecord> parse_rule(const View& view, const GroupRecord& group, bool egress,
                               const api::SecurityGroupRuleRequest& request) {
  api::IpPermission permission{
      .ip_protocol = request.ip_protocol, .from_port = request.from_port, .to_port = request.to_port};
  const auto& text = request.description;
  if (request.cidr_ipv4)
    permission.ip_ranges = std::vector<api::IpRange>{{.description = text, .cidr_ip = request.cidr_ipv4}};
  if (request.cidr_ipv6)
    permission.ipv6_ranges = std::vector<api::Ipv6Range>{{.description = text, .cidr_ipv6 = request.cidr_ipv6}};
  if (request.prefix_list_id)
    permission.prefix_list_ids = std::vector<api::PrefixListId>{{.prefix_list_id = request.prefix_list_id}};
  if (request.referenced_group_id) {
    permission.user_id_group_pairs =
        std::vector<api::UserIdGroupPair>{{.description = text, .group_id = request.referenced_group_id}};
  }
  std::vector<RuleRecord> rules;
  Peers peers(view, group);
  CHECK(add_permission(rules, peers, egress, permission));
  if (rules.size() != 1) {
    return refuse(errors::invalid_parameter_combination("A security group rule has one peer, and several are given"));
  }
  return std::move(rules.front());
}

bool is_same_rule(const RuleRecord& a, const RuleRecord& b) {
  return a.egress == b.egress && a.protocol == b.protocol && a.from == b.from && a.to == b.to &&
         a.cidr_ipv4 == b.cidr_ipv4 && a.cidr_ipv6 == b.cidr_ipv6 && a.group_id == b.group_id;
}

std::string describe(const RuleRecord& rule) {
  const std::string& peer = !rule.cidr_ipv4.empty()   ? rule.cidr_ipv4
                            : !rule.cidr_ipv6.empty() ? rule.cidr_ipv6
                                                      : rule.group_id;
  std::string out = fmt::format("peer: {}, {}", peer, rule.protocol == "-1" ? "ALL" : to_upper(rule.protocol));
  if (has_ports(rule.protocol)) out += fmt::format(", from port: {}, to port: {}", *rule.from, *rule.to);
  if (is_icmp(rule.protocol)) out += fmt::format(", type: {}, code: {}", *rule.from, *rule.to);
  return out + ", ALLOW";
}

Outcome<void> check_text(std::string_view parameter, std::string_view text) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           std::string_view(" ._-:/()#,@[]+=&;{}!$*").contains(c);
  };
  if (text.size() > 255) {
    return refuse(errors::invalid_parameter_value(
        fmt::format("Invalid {}: it has {} characters, and 255 is the most", parameter, text.size())));
  }
  if (!std::ranges::all_of(text, fine)) {
    return refuse(errors::invalid_parameter_value(
        fmt::format("Invalid {} '{}'. Valid are a-z, A-Z, 0-9, spaces and ._-:/()#,@[]+=&;{{}}!$*", parameter, text)));
  }
  return {};
}

}  // namespace boreal::ec2
