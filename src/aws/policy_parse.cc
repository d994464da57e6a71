// From JSON to compiled statements. The texts of the errors are those that IAM gives, where it gives one.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "aws/policy.h"
#include "codec/json_value.h"

namespace boreal::aws {
namespace {

using json::Value;
using policy::Condition;
using policy::PrincipalEntry;
using policy::Statement;

std::unexpected<Error> bad(std::string message) { return fail(Errc::invalid, std::move(message)); }
std::unexpected<Error> syntax(std::string_view detail) {
  return bad(fmt::format("Syntax errors in policy. {}", detail));
}

bool all_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}
bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A string, or a list of strings.
Result<std::vector<std::string_view>> strings_of(const Value& value, std::string_view element) {
  std::vector<std::string_view> texts;
  if (const auto* text = value.string()) {
    texts.push_back(*text);
  } else if (const auto* list = value.array()) {
    for (const auto& entry : *list) {
      if (!entry.string()) return syntax(fmt::format("{} must be a string or a list of strings.", element));
      texts.push_back(*entry.string());
    }
  } else {
    return syntax(fmt::format("{} must be a string or a list of strings.", element));
  }
  return texts;
}

Result<void> check_action(std::string_view action, PolicyKind kind) {
  const size_t colon = action.find(':');
  if (kind == PolicyKind::trust) {
    constexpr std::string_view prefix = "sts:";
    const LessIgnoringCase less;
    const auto start = action.substr(0, prefix.size());
    if (less(start, prefix) || less(prefix, start))
      return bad("AssumeRole policy may only specify STS AssumeRole actions.");
  }
  if (action == "*") return {};
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == action.size()) {
    return bad("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
  }
  if (action.find(':', colon + 1) != std::string_view::npos)
    return bad("Actions/Condition can contain only one colon.");
  const auto vendor = action.substr(0, colon);
  if (vendor != "*" && !std::ranges::all_of(vendor, [](char c) { return is_alphanumeric(c) || c == '-'; })) {
    return bad(fmt::format("Vendor {} is not valid", vendor.substr(0, 64)));
  }
  if (!std::ranges::all_of(action.substr(colon + 1),
                           [](char c) { return is_alphanumeric(c) || c == '*' || c == '?' || c == '-'; })) {
    return bad(fmt::format("Action {} is not valid", action.substr(0, 128)));
  }
  return {};
}

Result<void> parse_actions(const Value& statement, PolicyKind kind, Statement& out) {
  const auto* actions = statement.find("Action");
  const auto* others = statement.find("NotAction");
  if (actions && others) return syntax("A statement has either Action or NotAction.");
  if (!actions && !others) return bad("Policy statement must contain actions.");
  out.not_actions = others != nullptr;
  TRY(const auto texts, strings_of(actions ? *actions : *others, actions ? "Action" : "NotAction"));
  if (texts.empty()) return bad("Policy statement must contain actions.");
  for (const auto text : texts) {
    CHECK(check_action(text, kind));
    out.actions.emplace_back(text);
  }
  return {};
}

Result<void> parse_resources(const Value& statement, PolicyKind kind, bool variables, Statement& out) {
  const auto* resources = statement.find("Resource");
  const auto* others = statement.find("NotResource");
  if (kind == PolicyKind::trust) {
    if (resources || others) return bad(fmt::format("Has prohibited field {}", resources ? "Resource" : "NotResource"));
    return {};
  }
  if (resources && others) return syntax("A statement has either Resource or NotResource.");
  if (!resources && !others) return bad("Policy statement must contain resources.");
  out.not_resources = others != nullptr;
  TRY(const auto texts, strings_of(resources ? *resources : *others, resources ? "Resource" : "NotResource"));
  if (texts.empty()) return bad("Policy statement must contain resources.");
  for (const auto text : texts) {
    const bool arn = text.starts_with("arn:") && (text.ends_with('*') || split_arn(text));
    if (text != "*" && !arn && !(variables && text.starts_with("${"))) {
      return bad(fmt::format("Resource {} must be in ARN format or \"*\".", text.substr(0, 256)));
    }
    out.resources.push_back(policy::ArnText::parse(text, variables, true));
  }
  return {};
}

// What may stand under "AWS": everyone, an account, its root, or one user, role or session.
Result<PrincipalEntry> parse_aws_principal(std::string_view text) {
  using Kind = PrincipalEntry::Kind;
  if (text == "*") return PrincipalEntry{Kind::everyone, {}};
  if (text.size() == 12 && all_digits(text)) return PrincipalEntry{Kind::account, std::string(text)};
  const auto wrong = bad(fmt::format("Invalid principal in policy: \"AWS\":\"{}\"", text.substr(0, 256)));
  if (text.size() >= 16 && text.size() <= 128 && (text.starts_with("AIDA") || text.starts_with("AROA")) &&
      std::ranges::all_of(text, is_alphanumeric)) {
    return PrincipalEntry{Kind::unique_id, std::string(text)};
  }
  const auto arn = Arn::parse(text);
  if (!arn || (arn->service != "iam" && arn->service != "sts") || !arn->region.empty() || arn->account.size() != 12 ||
      !all_digits(arn->account) || text.find_first_of("*?") != std::string_view::npos) {
    return wrong;
  }
  if (arn->resource == "root") return PrincipalEntry{Kind::account, arn->account};
  for (const std::string_view kind : {"user/", "role/", "assumed-role/", "federated-user/"}) {
    if (arn->resource.starts_with(kind) && arn->resource.size() > kind.size())
      return PrincipalEntry{Kind::arn, std::string(text)};
  }
  return wrong;
}

Result<void> parse_principal_kind(std::string_view kind, const Value& value, std::vector<PrincipalEntry>& out) {
  using Kind = PrincipalEntry::Kind;
  TRY(const auto texts, strings_of(value, "Principal"));
  if (texts.empty()) return bad("Invalid principal in policy");
  for (const auto text : texts) {
    if (kind == "AWS") {
      TRY(auto entry, parse_aws_principal(text));
      out.push_back(std::move(entry));
      continue;
    }
    const bool known = kind == "Service" || kind == "Federated" || kind == "CanonicalUser";
    if (!known || text.empty() || text.find_first_of("*?") != std::string_view::npos) {
      return bad(fmt::format("Invalid principal in policy: \"{}\":\"{}\"", kind.substr(0, 64), text.substr(0, 256)));
    }
    out.push_back({kind == "Service"     ? Kind::service
                   : kind == "Federated" ? Kind::federated
                                         : Kind::canonical_user,
                   std::string(text)});
  }
  return {};
}

Result<void> parse_principals(const Value& statement, PolicyKind kind, Statement& out) {
  const auto* principal = statement.find("Principal");
  const auto* others = statement.find("NotPrincipal");
  if (kind == PolicyKind::identity) {
    if (principal || others) return bad("Policy document should not specify a principal.");
    return {};
  }
  if (principal && others) return syntax("A statement has either Principal or NotPrincipal.");
  if (!principal && !others) return bad("Missing required field Principal");
  if (others && out.allow) return bad("NotPrincipal is supported with Effect Deny only.");
  out.has_principal = true;
  out.not_principals = others != nullptr;
  const auto& value = principal ? *principal : *others;
  if (const auto* text = value.string()) {
    if (*text != "*")
      return bad(fmt::format("Invalid principal in policy: \"{}\"", std::string_view(*text).substr(0, 256)));
    out.principals.push_back({PrincipalEntry::Kind::everyone, {}});
    return {};
  }
  const auto* object = value.object();
  if (!object || object->empty()) return bad("Invalid principal in policy");
  for (const auto& [name, texts] : *object) CHECK(parse_principal_kind(name, texts, out.principals));
  return {};
}

// Values of conditions may be written as JSON booleans and numbers too.
Result<void> add_condition_value(Condition& condition, const Value& value, bool variables) {
  if (const auto* text = value.string()) return add_value(condition, *text, variables);
  if (const auto* number = value.number_text()) return add_value(condition, *number, variables);
  if (const auto boolean = value.boolean()) return add_value(condition, *boolean ? "true" : "false", variables);
  return syntax(fmt::format("The values of {} must be strings.", condition.key));
}

Result<void> parse_conditions(const Value& statement, bool variables, Statement& out) {
  const auto* block = statement.find("Condition");
  if (!block) return {};
  if (!block->object()) return syntax("Condition must be an object.");
  for (const auto& [name, keys] : *block->object()) {
    const auto parsed = policy::parse_operator(name);
    if (!parsed) return bad(fmt::format("Invalid Condition type : {}", std::string_view(name).substr(0, 128)));
    if (!keys.object() || keys.object()->empty())
      return syntax(fmt::format("{} must be an object of keys and values.", name));
    for (const auto& [key, values] : *keys.object()) {
      if (key.find(':') == std::string::npos)
        return bad("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
      Condition condition = *parsed;
      condition.key = key;
      if (const auto* list = values.array()) {
        for (const auto& value : *list) CHECK(add_condition_value(condition, value, variables));
      } else {
        CHECK(add_condition_value(condition, values, variables));
      }
      if (condition.values.empty()) return syntax(fmt::format("The condition key {} has no value.", key));
      out.conditions.push_back(std::move(condition));
    }
  }
  return {};
}

Result<void> check_members(const Value& value, std::initializer_list<std::string_view> known) {
  for (const auto& member : *value.object()) {
    if (std::ranges::find(known, member.name) == known.end()) {
      return syntax(fmt::format("Unknown field {}", std::string_view(member.name).substr(0, 64)));
    }
  }
  return {};
}

Result<Statement> parse_statement(const Value& value, PolicyKind kind, bool variables) {
  if (!value.object()) return syntax("A statement must be an object.");
  CHECK(check_members(value, {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
                              "NotResource", "Condition"}));
  Statement out;
  if (const auto* sid = value.find("Sid")) {
    if (!sid->string()) return syntax("Sid must be a string.");
    out.sid = *sid->string();
    if (kind != PolicyKind::resource && !std::ranges::all_of(out.sid, is_alphanumeric)) {
      return bad(
          "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
          "[0-9A-Za-z]*");
    }
  }
  const auto* effect = value.find("Effect");
  if (!effect) return bad("Missing required field Effect");
  if (!effect->string() || (*effect->string() != "Allow" && *effect->string() != "Deny")) {
    return bad(fmt::format("Invalid effect: {}",
                           effect->string() ? std::string_view(*effect->string()).substr(0, 64) : "not a string"));
  }
  out.allow = *effect->string() == "Allow";
  CHECK(parse_principals(value, kind, out));
  CHECK(parse_actions(value, kind, out));
  CHECK(parse_resources(value, kind, variables, out));
  CHECK(parse_conditions(value, variables, out));
  return out;
}

}  // namespace

Result<Policy> Policy::parse(std::string_view json, PolicyKind kind) {
  const auto document = json::parse(json, json::Duplicates::refuse, 16);
  if (!document) return syntax(document.error().message());
  if (!document->object()) return syntax("A policy must be an object.");
  CHECK(check_members(*document, {"Version", "Id", "Statement"}));
  bool variables = false;  // came with 2012-10-17; without a version a policy is of 2008-10-17
  if (const auto* version = document->find("Version")) {
    if (!version->string() || (*version->string() != "2012-10-17" && *version->string() != "2008-10-17")) {
      return bad("The policy must contain a valid version string");
    }
    variables = *version->string() == "2012-10-17";
  }
  if (const auto* id = document->find("Id"); id && !id->string()) return syntax("Id must be a string.");
  const auto* statements = document->find("Statement");
  if (!statements) return syntax("Missing required field Statement");
  Policy result;
  std::set<std::string> sids;
  const auto add = [&](const json::Value& value) -> Result<void> {
    TRY(auto statement, parse_statement(value, kind, variables));
    if (!statement.sid.empty() && !sids.insert(statement.sid).second) {
      return bad("Statement IDs (SID) in a single policy must be unique.");
    }
    result.asks_context_ = result.asks_context_ || !statement.conditions.empty() ||
                           std::ranges::any_of(statement.resources, &policy::ArnText::has_variables);
    result.statements_.push_back(std::move(statement));
    return {};
  };
  if (const auto* list = statements->array()) {
    for (const auto& value : *list) CHECK(add(value));
  } else {
    CHECK(add(*statements));
  }
  if (result.statements_.empty()) return syntax("Statement is empty.");
  return result;
}

}  // namespace boreal::aws
