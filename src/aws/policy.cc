#include "aws/policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/time.h"

namespace boreal::aws {
namespace {

using policy::PrincipalEntry;
using policy::Statement;
using Kind = Principal::Kind;

// How a resource's policy names the principal; the strongest that an Allow gives counts.
enum class Naming {
  none,
  account,  // lets the account decide: its identity policies must allow as well
  role,     // allows the role: its boundary and the session's policies still limit
  direct,   // allows this very user, session, service, or everyone
};

// All that statements are compared with, prepared once.
struct Subject {
  const EvaluationInput& input;
  policy::ArnSubject resource;
  explicit Subject(const EvaluationInput& in) : input(in), resource(in.resource) {}
};

Naming naming_of(const PrincipalEntry& entry, const EvaluationInput& input) {
  const auto& principal = input.principal;
  const bool person = principal.kind != Kind::anonymous && principal.kind != Kind::service;
  switch (entry.kind) {
    case PrincipalEntry::Kind::everyone: return Naming::direct;
    case PrincipalEntry::Kind::account:
      return person && entry.value == principal.account ? Naming::account : Naming::none;
    case PrincipalEntry::Kind::arn:
      if (!person || principal.kind == Kind::root) return Naming::none;
      if (entry.value == principal.arn) return Naming::direct;
      return principal.kind == Kind::assumed_role && entry.value == principal.role_arn ? Naming::role : Naming::none;
    case PrincipalEntry::Kind::unique_id:
      if (!principal.has_unique_id(entry.value)) return Naming::none;
      return principal.kind == Kind::user ? Naming::direct : Naming::role;
    case PrincipalEntry::Kind::service:
      return principal.kind == Kind::service && entry.value == principal.service ? Naming::direct : Naming::none;
    case PrincipalEntry::Kind::canonical_user:
      return person && !input.canonical_user.empty() && entry.value == input.canonical_user ? Naming::account
                                                                                            : Naming::none;
    case PrincipalEntry::Kind::federated: return Naming::none;  // callers of sts:AssumeRoleWith… are no principals here
  }
  return Naming::none;
}

// NotPrincipal stands with Deny only. It spares a caller of whom everything is listed: the user and the account, or the
// session, its role and the account. Listing the user alone denies the account, and the user with it. Who has a
// permissions boundary is never spared. Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal".
bool is_spared(const Statement& statement, const EvaluationInput& input) {
  if (input.boundary != nullptr) return false;
  const auto listed = [&](auto&& matches) { return std::ranges::any_of(statement.principals, matches); };
  if (listed([](const PrincipalEntry& entry) { return entry.kind == PrincipalEntry::Kind::everyone; })) return true;
  const auto named = [&](Naming naming) {
    return listed([&](const PrincipalEntry& entry) { return naming_of(entry, input) == naming; });
  };
  switch (input.principal.kind) {
    case Kind::anonymous: return false;
    case Kind::service: return named(Naming::direct);
    case Kind::root: return named(Naming::account);
    case Kind::user: return named(Naming::direct) && named(Naming::account);
    case Kind::assumed_role: return named(Naming::direct) && named(Naming::role) && named(Naming::account);
  }
  return false;
}

Naming naming_of(const Statement& statement, const EvaluationInput& input) {
  if (!statement.has_principal) return Naming::direct;
  if (statement.not_principals) return is_spared(statement, input) ? Naming::none : Naming::direct;
  Naming strongest = Naming::none;
  for (const auto& entry : statement.principals) strongest = std::max(strongest, naming_of(entry, input));
  return strongest;
}

bool covers_action(const Statement& statement, std::string_view action) {
  const bool named =
      std::ranges::any_of(statement.actions, [&](const Glob& glob) { return glob.matches_ignoring_case(action); });
  return named != statement.not_actions;
}

bool covers_resource(const Statement& statement, const Subject& subject) {
  if (statement.resources.empty()) return true;
  const auto resolves = [&](const policy::ArnText& text) { return text.resolves(subject.input.context); };
  // As in conditions: no resource would be the one that is excepted.
  if (statement.allow && statement.not_resources && !std::ranges::all_of(statement.resources, resolves)) return false;
  const bool named = std::ranges::any_of(statement.resources, [&](const policy::ArnText& text) {
    return text.matches(subject.resource, subject.input.context);
  });
  return named != statement.not_resources;
}

struct Verdict {
  Naming allow = Naming::none;  // identity, boundary and session policies: none or direct
  bool deny = false;
};

void apply(const Policy& policy, const Subject& subject, Verdict& verdict) {
  for (const auto& statement : policy.statements()) {
    if (!covers_action(statement, subject.input.action) || !covers_resource(statement, subject)) continue;
    const Naming naming = naming_of(statement, subject.input);
    if (naming == Naming::none) continue;
    const auto holds = [&](const auto& condition) { return condition.holds(subject.input.context, statement.allow); };
    if (!std::ranges::all_of(statement.conditions, holds)) continue;
    if (!statement.allow) {
      verdict.deny = true;
    } else {
      verdict.allow = std::max(verdict.allow, naming);
    }
  }
}

Verdict verdict_of(std::span<const std::shared_ptr<const Policy>> policies, const Subject& subject) {
  Verdict verdict;
  for (const auto& policy : policies) apply(*policy, subject, verdict);
  return verdict;
}

Verdict verdict_of(const Policy* policy, const Subject& subject) {
  Verdict verdict;
  if (policy) apply(*policy, subject, verdict);
  return verdict;
}

Decision allow(PolicySource source) { return {.allowed = true, .source = source}; }
Decision deny(PolicySource source) { return {.source = source}; }
Decision deny_explicitly(PolicySource source) { return {.explicit_deny = true, .source = source}; }

// What the principal's own side says, once identity policies (or a role's ARN in the resource's policy) granted it.
Decision limit(const EvaluationInput& input, const Verdict& boundary, const Verdict& session, PolicySource granted_by) {
  if (input.boundary && boundary.allow == Naming::none) return deny(PolicySource::boundary);
  if (input.principal.has_session_policies && session.allow == Naming::none) return deny(PolicySource::session);
  return allow(granted_by);
}

std::string_view described(PolicySource source, bool trust) {
  switch (source) {
    case PolicySource::resource: return trust ? "role trust policy" : "resource-based policy";
    case PolicySource::boundary: return "permissions boundary";
    case PolicySource::session: return "session policy";
    case PolicySource::identity:
    case PolicySource::none: break;
  }
  return "identity-based policy";
}

}  // namespace

Decision evaluate(const EvaluationInput& input) {
  const Subject subject(input);
  const auto& principal = input.principal;
  const bool root = principal.kind == Kind::root;
  const Verdict identity = verdict_of(input.identity, subject);
  const Verdict resource = verdict_of(input.resource_policy, subject);
  const Verdict boundary = verdict_of(input.boundary, subject);
  const Verdict session = principal.has_session_policies ? verdict_of(input.session, subject) : Verdict{};
  if (identity.deny) return deny_explicitly(PolicySource::identity);
  if (resource.deny) return deny_explicitly(PolicySource::resource);
  if (boundary.deny) return deny_explicitly(PolicySource::boundary);
  if (session.deny) return deny_explicitly(PolicySource::session);

  const bool named = resource.allow != Naming::none;
  if (principal.kind == Kind::anonymous || principal.kind == Kind::service) {
    return named ? allow(PolicySource::resource) : deny(PolicySource::resource);
  }
  const bool same_account = input.resource_account.empty() || input.resource_account == principal.account;
  if (same_account && resource.allow == Naming::direct) return allow(PolicySource::resource);
  if (!named && (!same_account || input.resource_policy_rules)) return deny(PolicySource::resource);
  if (root) return allow(PolicySource::none);
  if (identity.allow != Naming::none) return limit(input, boundary, session, PolicySource::identity);
  if (same_account && resource.allow == Naming::role) return limit(input, boundary, session, PolicySource::resource);
  return deny(PolicySource::identity);
}

std::string denial_message(const EvaluationInput& input, const Decision& decision) {
  std::string_view who = input.principal.arn;
  if (who.empty())
    who = input.principal.kind == Kind::service ? std::string_view(input.principal.service) : "anonymous";
  auto message = fmt::format("User: {} is not authorized to perform: {}", who, input.action);
  // "arn:aws:s3:::*" is none in particular, too.
  const bool names_one = input.resource != "*" && !input.resource.empty() && !input.resource.ends_with(":::*");
  if (names_one) message += fmt::format(" on resource: {}", input.resource);
  const bool trust = input.resource_policy_rules && input.action.starts_with("sts:");
  const auto source = described(decision.source, trust);
  if (decision.explicit_deny) {
    const bool vowel = source.starts_with("identity");
    return message += fmt::format(" with an explicit deny in {} {}",
                                  trust && source.starts_with("role") ? "the"
                                  : vowel                             ? "an"
                                                                      : "a",
                                  source);
  }
  return message += fmt::format(" because no {} allows the {} action", source, input.action);
}

void add_principal_keys(Context& context, const Principal& principal) {
  context.emplace("aws:PrincipalIsAWSService", principal.kind == Kind::service ? "true" : "false");
  switch (principal.kind) {
    case Kind::anonymous:
      context.emplace("aws:PrincipalType", "Anonymous");
      context.emplace("aws:userid", "anonymous");
      return;
    case Kind::service:
      context.emplace("aws:PrincipalServiceName", principal.service);
      context.emplace("aws:PrincipalServiceNamesList", principal.service);
      return;
    case Kind::root: context.emplace("aws:PrincipalType", "Account"); break;
    case Kind::user:
      context.emplace("aws:PrincipalType", "User");
      context.emplace("aws:username", principal.name);
      break;
    case Kind::assumed_role: context.emplace("aws:PrincipalType", "AssumedRole"); break;
  }
  // A session's principal is its role: conditions name roles, not sessions.
  context.emplace("aws:PrincipalArn", principal.kind == Kind::assumed_role ? principal.role_arn : principal.arn);
  context.emplace("aws:PrincipalAccount", principal.account);
  context.emplace("aws:userid", principal.user_id);
  if (!principal.source_identity.empty()) context.emplace("aws:SourceIdentity", principal.source_identity);
  if (principal.issued != Time()) {
    context.emplace("aws:TokenIssueTime", codec::format_iso8601(principal.issued));
    context.emplace("aws:MultiFactorAuthPresent", "false");  // not told of lasting keys; no session has a device
  }
  for (const auto& [key, value] : principal.tags) context.emplace("aws:PrincipalTag/" + key, value);
}

}  // namespace boreal::aws
