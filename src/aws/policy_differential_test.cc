// The evaluator against a second one, written literally after the flow chart in the IAM User Guide, slow and without
// any compiled form, over random policies and requests. BOREAL_POLICY_ROUNDS sets how many (20,000 otherwise).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "aws/policy.h"
#include "base/random.h"
#include "codec/json_value.h"

namespace boreal::aws {
namespace {

using Strings = std::vector<std::string>;

struct PlainCondition {
  std::string prefix, name, suffix;  // "ForAllValues:", "StringLike", "IfExists"
  std::string key;
  Strings values;
};

struct PlainStatement {
  bool allow = true;
  bool not_action = false, not_resource = false, not_principal = false;
  Strings actions, resources;
  Strings aws_principals, service_principals;  // "*" in aws_principals: everyone
  std::vector<PlainCondition> conditions;
};
using PlainPolicy = std::vector<PlainStatement>;

struct PlainRequest {
  Principal principal;
  std::string action, resource, resource_account;
  bool rules = false;
  std::multimap<std::string, std::string> context;  // lower-case keys
  std::vector<PlainPolicy> identity, session;
  std::optional<PlainPolicy> boundary, resource_policy;
};

// --- the literal evaluator ---

bool fits(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') return fits(pattern.substr(1), text) || (!text.empty() && fits(pattern, text.substr(1)));
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) && fits(pattern.substr(1), text.substr(1));
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

// The only variables that the generator writes; a missing one yields nothing.
std::optional<std::string> filled(std::string text, const PlainRequest& request) {
  for (const std::string name : {"aws:username", "aws:PrincipalTag/team"}) {
    const auto at = text.find("${" + name + "}");
    if (at == std::string::npos) continue;
    if (request.context.count(lower(name)) != 1) return {};
    text.replace(at, name.size() + 3, request.context.find(lower(name))->second);
  }
  return text;
}

Strings segments(const std::string& text) {
  Strings parts;
  size_t begin = 0;
  for (size_t colon = text.find(':'); parts.size() < 5 && colon != std::string::npos; colon = text.find(':', begin)) {
    parts.push_back(text.substr(begin, colon - begin));
    begin = colon + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

// A star that ends a part takes further parts too.
bool parts_fit(const Strings& wanted, size_t at, const std::string& given) {
  if (at == 5) return fits(wanted[5], given);
  const size_t first = given.find(':');
  if (first == std::string::npos || !fits(wanted[at], given.substr(0, first))) return false;
  if (parts_fit(wanted, at + 1, given.substr(first + 1))) return true;
  if (!wanted[at].ends_with('*')) return false;
  for (size_t colon = given.find(':', first + 1); colon != std::string::npos; colon = given.find(':', colon + 1)) {
    if (parts_fit(wanted, at + 1, given.substr(colon + 1))) return true;
  }
  return false;
}

bool resource_fits(const std::string& pattern, const PlainRequest& request) {
  if (pattern == "*") return true;
  const auto text = filled(pattern, request);
  if (!text) return false;
  const auto wanted = segments(*text);
  return wanted.size() == 6 && segments(request.resource).size() == 6 && parts_fit(wanted, 0, request.resource);
}

bool one_value_fits(const PlainCondition& condition, const std::string& given, const PlainRequest& request) {
  for (const auto& value : condition.values) {
    const auto text = filled(value, request);
    if (condition.name.find("Numeric") != std::string::npos) {
      if (condition.name == "NumericLessThan" ? std::stod(given) < std::stod(value)
                                              : std::stod(given) == std::stod(value))
        return true;
    } else if (condition.name == "Bool") {
      if (lower(given) == lower(value)) return true;
    } else if (!text) {
      continue;
    } else if (condition.name.find("Like") != std::string::npos         ? fits(*text, given)
               : condition.name.find("IgnoreCase") != std::string::npos ? lower(*text) == lower(given)
                                                                        : *text == given) {
      return true;
    }
  }
  return false;
}

bool condition_holds(const PlainCondition& condition, const PlainRequest& request, bool allow) {
  Strings given;
  for (const auto& [key, value] : request.context) {
    if (key == lower(condition.key)) given.push_back(value);
  }
  if (condition.name == "Null") {
    for (const auto& value : condition.values) {
      if ((value == "true") == given.empty()) return true;
    }
    return false;
  }
  const bool negated = condition.name.find("Not") != std::string::npos;
  if (allow && negated && condition.suffix.empty()) {
    for (const auto& value : condition.values) {
      if (!filled(value, request)) return false;
    }
  }
  if (given.empty()) {
    if (condition.prefix == "ForAnyValue:") return false;
    if (!condition.suffix.empty()) return true;
    if (condition.prefix == "ForAllValues:") return true;
    return negated;
  }
  size_t good = 0;
  for (const auto& value : given) good += one_value_fits(condition, value, request) != negated;
  if (condition.prefix == "ForAllValues:") return good == given.size();
  if (condition.prefix == "ForAnyValue:") return good > 0;
  return allow ? good == given.size() : good > 0;
}

// What a policy's principal says of the caller: "" (not meant), "account", "role", "direct".
std::string meant(const PlainStatement& statement, const PlainRequest& request) {
  const auto& who = request.principal;
  const bool person = !who.account.empty();
  const auto listed = [&](const std::string& text) {
    return !text.empty() && std::ranges::find(statement.aws_principals, text) != statement.aws_principals.end();
  };
  const bool everyone = listed("*");
  const bool account = person && listed(who.account);
  const bool role = person && listed(who.role_arn);
  const bool itself =
      (person && who.kind != Principal::Kind::root && listed(who.arn)) ||
      (who.kind == Principal::Kind::service &&
       std::ranges::find(statement.service_principals, who.service) != statement.service_principals.end());
  if (statement.not_principal) {
    bool spared = everyone;
    if (who.kind == Principal::Kind::root && account) spared = true;
    if (who.kind == Principal::Kind::user && account && itself) spared = true;
    if (who.kind == Principal::Kind::assumed_role && account && role && itself) spared = true;
    if (who.kind == Principal::Kind::service && itself) spared = true;
    return spared && !request.boundary ? "" : "direct";
  }
  if (everyone || itself) return "direct";
  if (role) return "role";
  if (account) return "account";
  return "";
}

// How a policy meets the request with the given effect: "", or the strongest naming; identity policies name directly.
std::string effect_of(const PlainPolicy& policy, const PlainRequest& request, bool allow, bool has_principal) {
  std::string strongest;
  for (const auto& statement : policy) {
    if (statement.allow != allow) continue;
    bool action = false, resource = false, conditions = true;
    for (const auto& pattern : statement.actions) action |= fits(lower(pattern), lower(request.action));
    bool is_void = false;
    for (const auto& pattern : statement.resources) {
      resource |= resource_fits(pattern, request);
      is_void |= allow && statement.not_resource && !filled(pattern, request);
    }
    if (is_void) continue;
    for (const auto& condition : statement.conditions) conditions &= condition_holds(condition, request, allow);
    if (action == statement.not_action || resource == statement.not_resource || !conditions) continue;
    const auto naming = has_principal ? meant(statement, request) : "direct";
    if (naming == "direct" || (naming == "role" && strongest != "direct") || (naming == "account" && strongest.empty()))
      strongest = naming;
  }
  return strongest;
}

bool any_allows(const std::vector<PlainPolicy>& policies, const PlainRequest& request) {
  return std::ranges::any_of(policies,
                             [&](const auto& policy) { return !effect_of(policy, request, true, false).empty(); });
}

Decision chart(const PlainRequest& request) {
  const auto no = [](PolicySource source) { return Decision{.source = source}; };
  const auto yes = [](PolicySource source) { return Decision{.allowed = true, .source = source}; };
  const auto denies = [&](const PlainPolicy& policy) { return !effect_of(policy, request, false, false).empty(); };
  const bool with_session = request.principal.has_session_policies;
  // 1. Any explicit deny?
  if (std::ranges::any_of(request.identity, denies)) return {.explicit_deny = true, .source = PolicySource::identity};
  if (request.resource_policy && !effect_of(*request.resource_policy, request, false, true).empty())
    return {.explicit_deny = true, .source = PolicySource::resource};
  if (request.boundary && denies(*request.boundary)) return {.explicit_deny = true, .source = PolicySource::boundary};
  if (with_session && std::ranges::any_of(request.session, denies))
    return {.explicit_deny = true, .source = PolicySource::session};

  const std::string granted = request.resource_policy ? effect_of(*request.resource_policy, request, true, true) : "";
  // 2. Those who have no identity policies.
  if (request.principal.account.empty())
    return granted.empty() ? no(PolicySource::resource) : yes(PolicySource::resource);
  const bool foreign = !request.resource_account.empty() && request.resource_account != request.principal.account;
  // 3. Across accounts, and for keys and roles, the resource must allow.
  if ((foreign || request.rules) && granted.empty()) return no(PolicySource::resource);
  // 4. In the same account an Allow that names the caller ends it.
  if (!foreign && granted == "direct") return yes(PolicySource::resource);
  // 5. Root.
  if (request.principal.kind == Principal::Kind::root) return yes(PolicySource::none);
  // 6. Identity policies, 7. boundary, 8. session.
  const bool identity = any_allows(request.identity, request);
  if (!identity && (foreign || granted != "role")) return no(PolicySource::identity);
  if (request.boundary && !any_allows({*request.boundary}, request)) return no(PolicySource::boundary);
  if (with_session && !any_allows(request.session, request)) return no(PolicySource::session);
  return yes(identity ? PolicySource::identity : PolicySource::resource);
}

// --- random policies and requests ---

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  PlainRequest request() {
    PlainRequest made;
    made.principal = principal();
    made.action = pick(Strings{"s3:GetObject", "s3:PutObject", "rds:CreateDBCluster", "S3:getobject"});
    made.resource =
        pick(Strings{"arn:aws:s3:::b/k", "arn:aws:s3:::b/bob/x", "arn:aws:rds:eu-west-1:111122223333:cluster:c", "*"});
    made.resource_account = pick(Strings{"", "", "111122223333", "999999999999"});
    made.rules = chance(5);
    for (const auto& [key, value] : keys(made.principal)) made.context.emplace(lower(key), value);
    if (made.principal.kind == Principal::Kind::user || made.principal.kind == Principal::Kind::assumed_role) {
      made.identity = several(2, false);
      if (chance(3)) made.boundary = policy(false);
    }
    if (made.principal.has_session_policies) made.session = several(2, false);
    if (chance(2)) made.resource_policy = policy(true);
    return made;
  }

  std::multimap<std::string, std::string> keys(const Principal& principal) {
    std::multimap<std::string, std::string> keys;
    Context principal_keys;
    add_principal_keys(principal_keys, principal);
    keys.insert(principal_keys.begin(), principal_keys.end());
    if (chance(2)) keys.emplace("aws:SecureTransport", pick(Strings{"true", "false"}));
    if (chance(2)) keys.emplace("s3:prefix", pick(Strings{"bob", "bob/x", "BOB", "red", ""}));
    if (chance(2)) keys.emplace("s3:max-keys", pick(Strings{"1", "10", "1e3"}));
    for (uint64_t i = random_.below(3); i > 0; --i) keys.emplace("aws:TagKeys", pick(Strings{"a", "b", "red"}));
    return keys;
  }

  PlainPolicy policy(bool has_principal) {
    PlainPolicy made(1 + random_.below(3));
    for (auto& each : made) each = statement(has_principal);
    return made;
  }

 private:
  template <class T>
  T pick(const std::vector<T>& from) {
    return from[random_.below(from.size())];
  }
  bool chance(uint64_t one_in) { return random_.below(one_in) == 0; }
  Strings some(const Strings& from) {
    Strings chosen;
    do chosen.push_back(pick(from));
    while (chance(2));
    return chosen;
  }
  std::vector<PlainPolicy> several(uint64_t most, bool has_principal) {
    std::vector<PlainPolicy> made(random_.below(most + 1));
    for (auto& each : made) each = policy(has_principal);
    return made;
  }

  Principal principal() {
    switch (random_.below(8)) {
      case 0: return {};
      case 1: return {.kind = Principal::Kind::service, .service = "backup.amazonaws.com"};
      case 2:
        return {.kind = Principal::Kind::root, .account = "111122223333", .arn = "arn:aws:iam::111122223333:root"};
      case 3:
      case 4: {
        Principal made{.kind = Principal::Kind::assumed_role,
                       .account = "111122223333",
                       .arn = "arn:aws:sts::111122223333:assumed-role/r/s",
                       .user_id = "AROAROLEROLEROLE:s",
                       .name = "r",
                       .role_arn = "arn:aws:iam::111122223333:role/r"};
        made.has_session_policies = chance(2);
        if (chance(2)) made.tags["team"] = "red";
        return made;
      }
      default: {
        Principal made{.kind = Principal::Kind::user,
                       .account = "111122223333",
                       .arn = "arn:aws:iam::111122223333:user/bob",
                       .user_id = "AIDABOBBOBBOBBOB",
                       .name = "bob"};
        if (chance(2)) made.tags["team"] = pick(Strings{"red", "b"});
        return made;
      }
    }
  }

  PlainStatement statement(bool has_principal) {
    PlainStatement made;
    made.allow = !chance(4);
    made.not_action = chance(6);
    made.actions = some({"*", "s3:*", "s3:Get*", "s3:?etObject", "rds:*", "S3:PUTOBJECT", "iam:*"});
    made.not_resource = chance(6);
    made.resources = some({"*", "arn:aws:s3:::b/*", "arn:aws:s3:::*", "arn:aws:s3:::b/${aws:username}/*",
                           "arn:aws:rds:*:111122223333:cluster:*", "arn:aws:rds:*:cluster:c",
                           "arn:aws:s3:::${aws:PrincipalTag/team}/?", "arn:aws:*:*:*:*"});
    while (chance(3)) made.conditions.push_back(condition());
    if (!has_principal) return made;
    made.not_principal = !made.allow && chance(3);
    made.aws_principals = some({"*", "111122223333", "999999999999", "arn:aws:iam::111122223333:user/bob",
                                "arn:aws:iam::111122223333:role/r", "arn:aws:sts::111122223333:assumed-role/r/s",
                                "arn:aws:iam::111122223333:user/eve"});
    if (chance(3)) made.service_principals = some({"backup.amazonaws.com", "s3.amazonaws.com"});
    return made;
  }

  PlainCondition condition() {
    PlainCondition made;
    switch (random_.below(4)) {
      case 0:
        made.name = pick(Strings{"NumericLessThan", "NumericNotEquals", "NumericEquals"});
        made.key = "s3:max-keys";
        made.values = some({"1", "10", "1000"});
        break;
      case 1:
        made.name = "Bool";
        made.key = "aws:securetransport";
        made.values = some({"true", "FALSE"});
        break;
      case 2:
        made.name = "Null";
        made.key = pick(Strings{"aws:TagKeys", "s3:Prefix", "aws:PrincipalTag/team", "aws:username"});
        made.values = some({"true", "false"});
        return made;
      default:
        made.name = pick(Strings{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike",
                                 "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"});
        made.key = pick(Strings{"aws:TagKeys", "s3:prefix", "aws:PrincipalTag/team", "aws:PrincipalType"});
        made.values = some({"a", "b", "red", "bob", "r*", "b?b*", "User", "${aws:username}",
                            "x${aws:PrincipalTag/team}", "${aws:PrincipalTag/team}"});
    }
    if (chance(3)) made.prefix = pick(Strings{"ForAllValues:", "ForAnyValue:"});
    if (chance(4)) made.suffix = "IfExists";
    return made;
  }

  SeededRandom random_;
};

json::Value list(const Strings& texts) {
  json::Value::Array array;
  for (const auto& text : texts) array.emplace_back(text);
  return array;
}

std::string to_json(const PlainPolicy& policy, bool has_principal) {
  json::Value::Array statements;
  for (const auto& plain : policy) {
    json::Value statement{json::Value::Object{}};
    statement.set("Effect", plain.allow ? "Allow" : "Deny");
    statement.set(plain.not_action ? "NotAction" : "Action", list(plain.actions));
    statement.set(plain.not_resource ? "NotResource" : "Resource", list(plain.resources));
    if (has_principal) {
      json::Value principal{json::Value::Object{}};
      principal.set("AWS", list(plain.aws_principals));
      if (!plain.service_principals.empty()) principal.set("Service", list(plain.service_principals));
      statement.set(plain.not_principal ? "NotPrincipal" : "Principal", std::move(principal));
    }
    // Two of the same operator would overwrite each other: each gets a block of its own, or joins by another key.
    json::Value block{json::Value::Object{}};
    for (const auto& condition : plain.conditions) {
      const auto name = condition.prefix + condition.name + condition.suffix;
      json::Value keys = block.find(name) ? *block.find(name) : json::Value{json::Value::Object{}};
      keys.set(condition.key, list(condition.values));
      block.set(name, std::move(keys));
    }
    statement.set("Condition", std::move(block));
    statements.push_back(std::move(statement));
  }
  json::Value document{json::Value::Object{}};
  document.set("Version", "2012-10-17");
  document.set("Statement", std::move(statements));
  return json::write(document);
}

// JSON keeps one condition for an operator and key: the last. So does the plain form, then.
void drop_overwritten(PlainPolicy& policy) {
  for (auto& statement : policy) {
    std::vector<PlainCondition> kept;
    for (const auto& condition : statement.conditions) {
      std::erase_if(kept, [&](const auto& other) {
        return other.key == condition.key &&
               other.prefix + other.name + other.suffix == condition.prefix + condition.name + condition.suffix;
      });
      kept.push_back(condition);
    }
    statement.conditions = std::move(kept);
  }
}

std::shared_ptr<const Policy> compiled(PlainPolicy& plain, bool has_principal) {
  drop_overwritten(plain);
  auto policy =
      Policy::parse(to_json(plain, has_principal), has_principal ? PolicyKind::resource : PolicyKind::identity);
  if (!policy) {
    ADD_FAILURE() << policy.error().message() << "\n" << to_json(plain, has_principal);
    return std::make_shared<const Policy>();
  }
  return std::make_shared<const Policy>(std::move(*policy));
}

TEST(PolicyDifferential, AgreesWithTheFlowChart) {
  const auto* wanted = std::getenv("BOREAL_POLICY_ROUNDS");
  const uint64_t rounds = wanted ? std::strtoull(wanted, nullptr, 10) : 20'000;
  size_t allowed = 0, explicit_denies = 0;
  for (uint64_t seed = 0; seed < rounds; ++seed) {
    Generator generator(seed);
    auto plain = generator.request();
    std::vector<std::shared_ptr<const Policy>> identity, session;
    for (auto& policy : plain.identity) identity.push_back(compiled(policy, false));
    for (auto& policy : plain.session) session.push_back(compiled(policy, false));
    const auto boundary = plain.boundary ? compiled(*plain.boundary, false) : nullptr;
    const auto resource = plain.resource_policy ? compiled(*plain.resource_policy, true) : nullptr;
    const Context context(plain.context.begin(), plain.context.end());
    const EvaluationInput input{.principal = plain.principal,
                                .action = plain.action,
                                .resource = plain.resource,
                                .context = context,
                                .identity = identity,
                                .boundary = boundary.get(),
                                .session = session,
                                .resource_policy = resource.get(),
                                .resource_policy_rules = plain.rules,
                                .resource_account = plain.resource_account};
    const auto decision = evaluate(input);
    const auto expected = chart(plain);
    allowed += decision.allowed;
    explicit_denies += decision.explicit_deny;
    ASSERT_TRUE(decision.allowed == expected.allowed && decision.explicit_deny == expected.explicit_deny &&
                decision.source == expected.source)
        << "seed " << seed << ": got " << decision.allowed << decision.explicit_deny
        << static_cast<int>(decision.source) << ", the chart says " << expected.allowed << expected.explicit_deny
        << static_cast<int>(expected.source);
  }
  // Both answers must be common, or the agreement means little.
  EXPECT_GT(allowed, rounds / 10);
  EXPECT_GT(explicit_denies, rounds / 20);
  EXPECT_LT(allowed, rounds * 8 / 10);
}

}  // namespace
}  // namespace boreal::aws
