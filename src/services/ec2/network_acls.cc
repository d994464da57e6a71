#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/errors.h"
#include "ec2/cidr.h"
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

constexpr size_t max_acls = 200;            // of a VPC
constexpr int32_t last_number = 32766;      // 32767 is the closing "deny"
constexpr std::ptrdiff_t max_entries = 40;  // in one direction

Attributes attributes(const Place& place, const AclRecord& acl) {
  Attributes all{{"association.association-id", {}},
                 {"association.network-acl-id", {}},
                 {"association.subnet-id", {}},
                 {"default", {to_text(acl.is_default)}},
                 {"entry.cidr", {}},
                 {"entry.icmp.code", {}},
                 {"entry.icmp.type", {}},
                 {"entry.ipv6-cidr", {}},
                 {"entry.port-range.from", {}},
                 {"entry.port-range.to", {}},
                 {"entry.protocol", {}},
                 {"entry.rule-action", {}},
                 {"entry.egress", {}},
                 {"entry.rule-number", {}},
                 {"network-acl-id", {acl.id}},
                 {"owner-id", {place.account}},
                 {"vpc-id", {acl.vpc_id}}};
  for (const auto& association : acl.associations) {
    all["association.association-id"].push_back(association.id);
    all["association.network-acl-id"].push_back(acl.id);
    all["association.subnet-id"].push_back(association.subnet_id);
  }
  for (const auto& entry : acl.entries) {
    if (!entry.cidr_ipv4.empty()) all["entry.cidr"].push_back(entry.cidr_ipv4);
    if (!entry.cidr_ipv6.empty()) all["entry.ipv6-cidr"].push_back(entry.cidr_ipv6);
    if (entry.icmp_code) all["entry.icmp.code"].push_back(std::to_string(*entry.icmp_code));
    if (entry.icmp_type) all["entry.icmp.type"].push_back(std::to_string(*entry.icmp_type));
    if (entry.from) all["entry.port-range.from"].push_back(std::to_string(*entry.from));
    if (entry.to) all["entry.port-range.to"].push_back(std::to_string(*entry.to));
    all["entry.protocol"].push_back(entry.protocol);
    all["entry.rule-action"].push_back(entry.action);
    all["entry.egress"].push_back(to_text(entry.egress));
    all["entry.rule-number"].push_back(std::to_string(entry.number));
  }
  add_tags(all, acl.tags);
  return all;
}

// ACLs name protocols by their numbers.
Outcome<std::string> protocol_number(const std::string& text) {
  TRY(const std::string name, canonical_protocol(text));
  constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"tcp", "6"}, {"udp", "17"}, {"icmp", "1"}, {"icmpv6", "58"}};
  for (const auto& [word, number] : words) {
    if (name == word) return std::string(number);
  }
  return name;
}

template <class In>
Outcome<void> set_block(AclRecord::Entry& entry, const In& in) {
  if (in.cidr_block.has_value() == in.ipv6_cidr_block.has_value()) {
    return refuse(errors::missing_parameter("The request must contain exactly one of cidrBlock and ipv6CidrBlock"));
  }
  const bool ipv6 = in.ipv6_cidr_block.has_value();
  const std::string& text = ipv6 ? *in.ipv6_cidr_block : *in.cidr_block;
  const auto cidr = Cidr::parse(text);
  if (!cidr || cidr->is_ipv6() != ipv6) {
    return refuse(errors::invalid_parameter_value(
        fmt::format("Value ({}) for parameter cidrBlock is invalid. This is not a valid CIDR block.", text)));
  }
  (ipv6 ? entry.cidr_ipv6 : entry.cidr_ipv4) = cidr->to_string();
  return {};
}

template <class In>
Outcome<AclRecord::Entry> parse_entry(const In& in) {
  AclRecord::Entry entry{.number = in.rule_number, .egress = in.egress, .action = in.rule_action};
  if (entry.number < 1 || entry.number > last_number) {
    return refuse(errors::invalid_parameter_value(
        fmt::format("Value ({}) for parameter ruleNumber is invalid. It is from 1 to {}.", entry.number, last_number)));
  }
  if (entry.action != "allow" && entry.action != "deny") {
    return refuse(errors::invalid_parameter_value(
        fmt::format("Value ({}) for parameter ruleAction is invalid. It is allow or deny.", entry.action)));
  }
  TRY(entry.protocol, protocol_number(in.protocol));
  CHECK(set_block(entry, in));
  if (entry.protocol == "6" || entry.protocol == "17") {
    if (!in.port_range || !in.port_range->from || !in.port_range->to) {
      return refuse(errors::missing_parameter("The request must contain the parameter portRange for TCP and UDP"));
    }
    entry.from = in.port_range->from;
    entry.to = in.port_range->to;
    if (*entry.from < 0 || *entry.to > 65535 || *entry.from > *entry.to) {
      return refuse(errors::invalid_parameter_value(
          fmt::format("Value ({}-{}) for parameter portRange is invalid.", *entry.from, *entry.to)));
    }
  } else if (entry.protocol == "1" || entry.protocol == "58") {
    if (!in.icmp_type_code) {
      return refuse(errors::missing_parameter("The request must contain the parameter icmpTypeCode for ICMP"));
    }
    entry.icmp_type = in.icmp_type_code->type.value_or(-1);
    entry.icmp_code = in.icmp_type_code->code.value_or(-1);
  }
  return entry;
}

auto find_entry(AclRecord& acl, int32_t number, bool egress) {
  return std::ranges::find_if(acl.entries, [&](const auto& e) { return e.number == number && e.egress == egress; });
}

aws::ApiError no_entry(const AclRecord& acl, int32_t number, bool egress) {
  return errors::invalid_network_acl_entry_not_found(
      fmt::format("The {} entry {} of {} does not exist", egress ? "egress" : "ingress", number, acl.id));
}

}  // namespace

Task<Outcome<api::CreateNetworkAclResult>> Service::create_network_acl(Call& call, api::CreateNetworkAclRequest input) {
  CO_TRY(auto tags, tags_of(input.tag_specifications, AclRecord::type));
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(const auto vpc, view.need<VpcRecord>(input.vpc_id));
  const std::string token = input.client_token.value_or("");
  CO_TRY(const auto before, made_before<AclRecord>(view, token, vpc.id));
  if (before) {
    co_return api::CreateNetworkAclResult{.network_acl = to_acl(view.place(), *before),
                                          .client_token = input.client_token};
  }
  CO_TRY(const auto there, view.of_vpc<AclRecord>(vpc.id));
  if (there.size() >= max_acls) {
    co_return refuse(errors::network_acl_limit_exceeded(
        fmt::format("The maximum number of network ACLs of a VPC is {}.", max_acls)));
  }
  AclRecord acl{.id = make_id("acl-"), .vpc_id = vpc.id, .tags = std::move(tags), .client_token = token};
  for (const bool egress : {true, false}) {
    acl.entries.push_back(
        {.number = last_number + 1, .egress = egress, .protocol = "-1", .action = "deny", .cidr_ipv4 = "0.0.0.0/0"});
  }
  save(tx, acl);
  CO_CHECK(co_await tx.commit());
  co_return api::CreateNetworkAclResult{.network_acl = to_acl(view.place(), acl), .client_token = input.client_token};
}

Task<Outcome<api::DeleteNetworkAclOutput>> Service::delete_network_acl(Call& call, api::DeleteNetworkAclRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto acl, seen(call, tx).need<AclRecord>(input.network_acl_id));
  if (acl.is_default) {
    co_return refuse(errors::invalid_parameter_value(fmt::format("cannot delete default network ACL {}", acl.id)));
  }
  if (!acl.associations.empty()) {
    co_return refuse(errors::dependency_violation(
        fmt::format("The networkAcl '{}' has dependencies and cannot be deleted: {} is under it.", acl.id,
                    acl.associations.front().subnet_id)));
  }
  erase(tx, acl);
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteNetworkAclOutput{};
}

Task<Outcome<api::DescribeNetworkAclsResult>> Service::describe_network_acls(Call& call,
                                                                             api::DescribeNetworkAclsRequest input) {
  const View view = seen(call);
  CO_TRY(auto acls, co_await select<AclRecord>(view, input.network_acl_ids, input.filters,
                                               [&](const AclRecord& acl) { return attributes(view.place(), acl); }));
  CO_TRY(auto next, cut_page(acls, input.max_results, input.next_token, &AclRecord::id));
  co_return api::DescribeNetworkAclsResult{
      .network_acls = show_all(acls, [&](const AclRecord& acl) { return to_acl(view.place(), acl); }),
      .next_token = std::move(next)};
}

Task<Outcome<api::CreateNetworkAclEntryOutput>> Service::create_network_acl_entry(
    Call& call, api::CreateNetworkAclEntryRequest input) {
  CO_TRY(auto entry, parse_entry(input));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto acl, seen(call, tx).need<AclRecord>(input.network_acl_id));
  if (find_entry(acl, entry.number, entry.egress) != acl.entries.end()) {
    co_return refuse(errors::network_acl_entry_already_exists(
        fmt::format("The network acl entry identified by {} already exists.", entry.number)));
  }
  if (std::ranges::count(acl.entries, entry.egress, &AclRecord::Entry::egress) >= max_entries) {
    co_return refuse(aws::ApiError("NetworkAclEntryLimitExceeded", 400,
                                   fmt::format("The maximum number of entries in one direction is {}.", max_entries)));
  }
  acl.entries.push_back(std::move(entry));
  save(tx, acl);
  CO_CHECK(co_await tx.commit());
  co_return api::CreateNetworkAclEntryOutput{};
}

Task<Outcome<api::ReplaceNetworkAclEntryOutput>> Service::replace_network_acl_entry(
    Call& call, api::ReplaceNetworkAclEntryRequest input) {
  CO_TRY(auto entry, parse_entry(input));
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto acl, seen(call, tx).need<AclRecord>(input.network_acl_id));
  const auto there = find_entry(acl, entry.number, entry.egress);
  if (there == acl.entries.end()) co_return refuse(no_entry(acl, entry.number, entry.egress));
  *there = std::move(entry);
  save(tx, acl);
  CO_CHECK(co_await tx.commit());
  co_return api::ReplaceNetworkAclEntryOutput{};
}

Task<Outcome<api::DeleteNetworkAclEntryOutput>> Service::delete_network_acl_entry(
    Call& call, api::DeleteNetworkAclEntryRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(auto acl, seen(call, tx).need<AclRecord>(input.network_acl_id));
  const auto there = find_entry(acl, input.rule_number, input.egress);
  if (there == acl.entries.end()) co_return refuse(no_entry(acl, input.rule_number, input.egress));
  if (there->number > last_number) {
    co_return refuse(errors::invalid_parameter_value(fmt::format(
        "Value ({}) for parameter ruleNumber is invalid. The closing entry cannot be deleted.", there->number)));
  }
  acl.entries.erase(there);
  save(tx, acl);
  CO_CHECK(co_await tx.commit());
  co_return api::DeleteNetworkAclEntryOutput{};
}

Task<Outcome<api::ReplaceNetworkAclAssociationResult>> Service::replace_network_acl_association(
    Call& call, api::ReplaceNetworkAclAssociationRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  const View view = seen(call, tx);
  CO_TRY(const auto asked, view.need<AclRecord>(input.network_acl_id));
  CO_TRY(auto acls, view.of_vpc<AclRecord>(asked.vpc_id));
  for (AclRecord& acl : acls) {
    const auto there = std::ranges::find(acl.associations, input.association_id, &AclRecord::Association::id);
    if (there == acl.associations.end()) continue;
    AclRecord::Association moved = std::move(*there);
    acl.associations.erase(there);
    save(tx, acl);
    CO_TRY(auto target, view.need<AclRecord>(asked.id));  // which may be the same ACL
    moved.id = make_id("aclassoc-");
    target.associations.push_back(moved);
    save(tx, target);
    CO_CHECK(co_await tx.commit());
    co_return api::ReplaceNetworkAclAssociationResult{.new_association_id = moved.id};
  }
  co_return refuse(errors::invalid_association_id_not_found(
      fmt::format("The association ID '{}' does not exist in the VPC of {}", input.association_id, asked.id)));
}

}  // namespace boreal::ec2
