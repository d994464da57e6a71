#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/ec2/errors.h"
#include "ec2/convert.h"
#include "ec2/filters.h"
#include "ec2/group_rules.h"
#include "ec2/service.h"
#include "ec2/tags.h"

namespace boreal::ec2 {

namespace errors = api::errors;
using aws::Call;
using aws::Outcome;
using aws::refuse;

namespace {

aws::ApiError no_rule(std::string_view id) {
  return errors::invalid_security_group_rule_id_not_found(
      fmt::format("The security group rule ID '{}' does not exist", id));
}

Outcome<void> check_room(const GroupRecord& group, bool egress, size_t more) {
  const auto there = static_cast<size_t>(std::ranges::count(group.rules, egress, &RuleRecord::egress));
  if (there + more <= max_rules) return {};
  return refuse(errors::rules_per_security_group_limit_exceeded(
      fmt::format("{} would have {} rules in one direction, and {} is the most", group.id, there + more, max_rules)));
}

Outcome<void> check_new(const GroupRecord& group, const RuleRecord& rule) {
  const bool there = std::ranges::any_of(
      group.rules, [&](const RuleRecord& other) { return other.id != rule.id && is_same_rule(other, rule); });
  if (!there) return {};
  return refuse(
      errors::invalid_permission_duplicate(fmt::format("the specified rule \"{}\" already exists", describe(rule))));
}

api::RevokedSecurityGroupRule to_revoked(const api::SecurityGroupRule& rule) {
  api::RevokedSecurityGroupRule out{.security_group_rule_id = rule.security_group_rule_id,
                                    .group_id = rule.group_id,
                                    .is_egress = rule.is_egress,
                                    .ip_protocol = rule.ip_protocol,
                                    .from_port = rule.from_port,
                                    .to_port = rule.to_port,
                                    .cidr_ipv4 = rule.cidr_ipv4,
                                    .cidr_ipv6 = rule.cidr_ipv6,
                                    .description = rule.description};
  if (rule.referenced_group_info) out.referenced_group_id = rule.referenced_group_info->group_id;
  return out;
}

template <class In>
ClassicRule classic_rule(const In& in) {
  return {.protocol = in.ip_protocol,
          .from = in.from_port,
          .to = in.to_port,
          .cidr = in.cidr_ip,
          .group_name = in.source_security_group_name,
          .group_owner = in.source_security_group_owner_id};
}

// Takes out of the group what the call names, by rule ids or by what the rules say. All of it must be there.
Outcome<std::vector<RuleRecord>> take_rules(const View& view, GroupRecord& group, bool egress,
                                            const std::optional<std::vector<std::string>>& ids,
                                            const std::optional<std::vector<api::IpPermission>>& permissions,
                                            const ClassicRule& classic) {
  std::vector<RuleRecord> taken;
  const auto take = [&](auto fits) {
    const auto found = std::ranges::find_if(group.rules, [&](const auto& r) { return r.egress == egress && fits(r); });
    if (found == group.rules.end()) return false;
    taken.push_back(std::move(*found));
    group.rules.erase(found);
    return true;
  };
  if (ids && !ids->empty()) {
    if (permissions || classic.is_given()) {
      return refuse(
          errors::invalid_parameter_combination("Rules are named by their ids or by their permissions, not both"));
    }
    for (const std::string& id : *ids) {
      if (!take([&](const RuleRecord& rule) { return rule.id == id; })) return refuse(no_rule(id));
    }
    return taken;
  }
  TRY(const auto named, parse_rules(view, group, egress, permissions, classic));
  for (const RuleRecord& wanted : named) {
    if (take([&](const RuleRecord& rule) { return is_same_rule(rule, wanted); })) continue;
    return refuse(errors::invalid_permission_not_found(
        fmt::format("The specified rule does not exist in this security group: {}", describe(wanted))));
  }
  return taken;
}

Attributes attributes(const GroupRecord& group, const RuleRecord& rule) {
  Attributes all{{"group-id", {group.id}},
                 {"security-group-rule-id", {rule.id}},
                 {"is-egress", {to_text(rule.egress)}},
                 {"ip-protocol", {rule.protocol}},
                 {"cidr-ipv4", {rule.cidr_ipv4}},
                 {"cidr-ipv6", {rule.cidr_ipv6}},
                 {"referenced-group-id", {rule.group_id}}};
  add_tags(all, rule.tags);
  return all;
}

// Whose description UpdateSecurityGroupRuleDescriptions changes.
Outcome<void> set_descriptions(const View& view, GroupRecord& group, bool egress,
                               const std::optional<std::vector<api::IpPermission>>& permissions,
                               const std::optional<std::vector<api::SecurityGroupRuleDescription>>& by_id) {
  if (by_id && !by_id->empty()) {
    if (permissions && !permissions->empty()) {
      return refuse(errors::invalid_parameter_combination(
          "IpPermissions may not be used in combination with SecurityGroupRuleDescriptions"));
    }
    for (const auto& change : *by_id) {
      const std::string id = change.security_group_rule_id.value_or("");
      const auto rule = std::ranges::find(group.rules, id, &RuleRecord::id);
      if (rule == group.rules.end() || rule->egress != egress) return refuse(no_rule(id));
      rule->description = change.description.value_or("");
      CHECK(check_text("rule description", rule->description));
    }
    return {};
  }
  TRY(const auto named, parse_rules(view, group, egress, permissions));
  for (const RuleRecord& wanted : named) {
    const auto rule = std::ranges::find_if(group.rules, [&](const RuleRecord& r) { return is_same_rule(r, wanted); });
    if (rule == group.rules.end()) {
      return refuse(errors::invalid_permission_not_found(
          fmt::format("The specified rule does not exist in this security group: {}", describe(wanted))));
    }
    rule->description = wanted.description;
  }
  return {};
}

}  // namespace

template <class Out, class In>
Task<Outcome<Out>> Service::authorize_rules(Call& call, In input, std::optional<std::string> group_name, bool egress,
                                            ClassicRule classic) {
  CO_TRY(const auto tags, tags_of(input.tag_specifications, RuleRecord::type));
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(auto group, asked_group(call, view, std::optional<std::string>(input.group_id), group_name));
  CO_TRY(auto rules, parse_rules(view, group, egress, input.ip_permissions, classic));
  CO_CHECK(check_room(group, egress, rules.size()));
  Out out{.return_ = true};
  out.security_group_rules.emplace();
  for (RuleRecord& rule : rules) {
    CO_CHECK(check_new(group, rule));
    rule.id = make_id("sgr-");
    rule.tags = tags;
    out.security_group_rules->push_back(to_rule(view.place(), group, rule));
  }
  std::ranges::move(rules, std::back_inserter(group.rules));
  save(tx, group);
  CO_CHECK(co_await tx.commit());
  tell_group_change(call, group.id);
  co_return out;
}

template <class Out, class In>
Task<Outcome<Out>> Service::revoke_rules(Call& call, In input, std::optional<std::string> group_name, bool egress,
                                         ClassicRule classic) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(auto group, asked_group(call, view, std::optional<std::string>(input.group_id), group_name));
  CO_TRY(const auto taken,
         take_rules(view, group, egress, input.security_group_rule_ids, input.ip_permissions, classic));
  save(tx, group);
  CO_CHECK(co_await tx.commit());
  tell_group_change(call, group.id);
  Out out{.return_ = true};
  out.revoked_security_group_rules =
      show_all(taken, [&](const RuleRecord& rule) { return to_revoked(to_rule(view.place(), group, rule)); });
  co_return out;
}

template <class Out, class In>
Task<Outcome<Out>> Service::describe_rules_anew(Call& call, In input, bool egress) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(auto group, asked_group(call, view, input.group_id, input.group_name));
  CO_CHECK(set_descriptions(view, group, egress, input.ip_permissions, input.security_group_rule_descriptions));
  save(tx, group);
  CO_CHECK(co_await tx.commit());
  co_return Out{.return_ = true};
}

Task<Outcome<api::AuthorizeSecurityGroupIngressResult>> Service::authorize_security_group_ingress(
    Call& call, api::AuthorizeSecurityGroupIngressRequest input) {
  auto name = input.group_name;
  auto classic = classic_rule(input);
  return authorize_rules<api::AuthorizeSecurityGroupIngressResult>(call, std::move(input), std::move(name), false,
                                                                   std::move(classic));
}

Task<Outcome<api::AuthorizeSecurityGroupEgressResult>> Service::authorize_security_group_egress(
    Call& call, api::AuthorizeSecurityGroupEgressRequest input) {
  auto classic = classic_rule(input);
  return authorize_rules<api::AuthorizeSecurityGroupEgressResult>(call, std::move(input), std::nullopt, true,
                                                                  std::move(classic));
}

Task<Outcome<api::RevokeSecurityGroupIngressResult>> Service::revoke_security_group_ingress(
    Call& call, api::RevokeSecurityGroupIngressRequest input) {
  auto name = input.group_name;
  auto classic = classic_rule(input);
  return revoke_rules<api::RevokeSecurityGroupIngressResult>(call, std::move(input), std::move(name), false,
                                                             std::move(classic));
}

Task<Outcome<api::RevokeSecurityGroupEgressResult>> Service::revoke_security_group_egress(
    Call& call, api::RevokeSecurityGroupEgressRequest input) {
  auto classic = classic_rule(input);
  return revoke_rules<api::RevokeSecurityGroupEgressResult>(call, std::move(input), std::nullopt, true,
                                                            std::move(classic));
}

Task<Outcome<api::UpdateSecurityGroupRuleDescriptionsIngressResult>>
Service::update_security_group_rule_descriptions_ingress(Call& call,
                                                         api::UpdateSecurityGroupRuleDescriptionsIngressRequest input) {
  return describe_rules_anew<api::UpdateSecurityGroupRuleDescriptionsIngressResult>(call, std::move(input), false);
}

Task<Outcome<api::UpdateSecurityGroupRuleDescriptionsEgressResult>>
Service::update_security_group_rule_descriptions_egress(Call& call,
                                                        api::UpdateSecurityGroupRuleDescriptionsEgressRequest input) {
  return describe_rules_anew<api::UpdateSecurityGroupRuleDescriptionsEgressResult>(call, std::move(input), true);
}

Task<Outcome<api::ModifySecurityGroupRulesResult>> Service::modify_security_group_rules(
    Call& call, api::ModifySecurityGroupRulesRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(auto group, view.need<GroupRecord>(input.group_id));
  for (const auto& update : input.security_group_rules) {
    const auto rule = std::ranges::find(group.rules, update.security_group_rule_id, &RuleRecord::id);
    if (rule == group.rules.end()) co_return refuse(no_rule(update.security_group_rule_id));
    if (!update.security_group_rule) {
      co_return refuse(errors::missing_parameter("The request must contain the parameter SecurityGroupRule"));
    }
    CO_TRY(auto changed, parse_rule(view, group, rule->egress, *update.security_group_rule));
    changed.id = rule->id;
    changed.tags = std::move(rule->tags);
    CO_CHECK(check_new(group, changed));
    *rule = std::move(changed);
  }
  save(tx, group);
  CO_CHECK(co_await tx.commit());
  tell_group_change(call, group.id);
  co_return api::ModifySecurityGroupRulesResult{.return_ = true};
}

Task<Outcome<api::DescribeSecurityGroupRulesResult>> Service::describe_security_group_rules(
    Call& call, api::DescribeSecurityGroupRulesRequest input) {
  const View view = seen(call);
  CO_TRY(const Selection selection, Selection::of(input.filters, attributes({}, {})));
  CO_TRY(const auto groups, co_await find_named<GroupRecord>(view, std::nullopt));
  const auto ids = input.security_group_rule_ids.value_or(std::vector<std::string>());
  std::set<std::string> missing(ids.begin(), ids.end());
  Turn turn;
  std::vector<api::SecurityGroupRule> shown;
  for (const GroupRecord& group : groups) {
    if (turn.is_over()) co_await turn.begin_next();
    for (const RuleRecord& rule : group.rules) {
      if (missing.erase(rule.id) == 0 && !ids.empty()) continue;
      if (selection.holds(attributes(group, rule))) shown.push_back(to_rule(view.place(), group, rule));
    }
  }
  if (!missing.empty()) co_return refuse(no_rule(*missing.begin()));
  const auto id = [](const api::SecurityGroupRule& rule) { return *rule.security_group_rule_id; };
  std::ranges::sort(shown, {}, id);
  CO_TRY(auto next, cut_page(shown, input.max_results, input.next_token, id));
  co_return api::DescribeSecurityGroupRulesResult{.security_group_rules = std::move(shown),
                                                  .next_token = std::move(next)};
}

}  // namespace boreal::ec2
