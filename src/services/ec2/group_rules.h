// Rules of security groups as clients write them, and as they are kept: one record per peer, in a canonical form, so
// that two of them are the same rule when they are equal. Source: EC2 API Reference, IpPermission,
// SecurityGroupRuleRequest, AuthorizeSecurityGroupIngress.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/ec2/types.h"
#include "ec2/resources.h"

namespace boreal::ec2 {

namespace api = ::boreal::api::ec2;

inline constexpr size_t max_rules = 60;  // of a group in one direction

// "TCP", "6" -> "tcp"; "all" -> "-1"; "50" stays. InvalidParameterValue for what is no protocol.
aws::Outcome<std::string> canonical_protocol(std::string_view text);

// The old form, in the call's own parameters, of both directions.
struct ClassicRule {
  std::optional<std::string> protocol;
  std::optional<int32_t> from, to;
  std::optional<std::string> cidr;
  std::optional<std::string> group_name;
  std::optional<std::string> group_owner;  // its account
  bool is_given() const { return protocol || from || to || cidr || group_name || group_owner; }
};

// The rules that a call names: by permissions or the classic parameters; with both InvalidParameterCombination, with
// neither MissingParameter. Groups that they refer to must be there, in the VPC of `group`. Without ids.
aws::Outcome<std::vector<RuleRecord>> parse_rules(const View& view, const GroupRecord& group, bool egress,
                                                  const std::optional<std::vector<api::IpPermission>>& permissions,
                                                  const ClassicRule& classic = {});

// One rule as ModifySecurityGroupRules names it.
aws::Outcome<RuleRecord> parse_rule(const View& view, const GroupRecord& group, bool egress,
                                    const api::SecurityGroupRuleRequest& request);

// The same traffic with the same peer; ids, descriptions and tags may differ.
bool is_same_rule(const RuleRecord& a, const RuleRecord& b);

// "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW", as AWS's messages call a rule.
std::string describe(const RuleRecord& rule);

// Group and rule descriptions, group names: at most 255 of these characters.
aws::Outcome<void> check_text(std::string_view parameter, std::string_view text);

}  // namespace boreal::ec2
