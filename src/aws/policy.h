// IAM policies: documents are parsed and compiled once, and evaluated without touching JSON again.
// Source: IAM User Guide, "Grammar of the IAM JSON policy language", "Policy evaluation logic".
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/caller.h"
#include "aws/policy_statement.h"
#include "base/result.h"

namespace boreal::aws {

// identity: of a user, group or role, a boundary, a session policy. No Principal; Resource needed.
// resource: of a bucket, secret, key, vault, topic. Principal and Resource needed.
// trust: a role's AssumeRolePolicyDocument. Principal needed, no Resource, sts actions only.
enum class PolicyKind { identity, resource, trust };

class Policy {
 public:
  // Errc::invalid with AWS's text of what is wrong; the service puts its own code on it (MalformedPolicyDocument …).
  // The size of the document is the caller's to limit.
  static Result<Policy> parse(std::string_view json, PolicyKind kind);

  const std::vector<policy::Statement>& statements() const { return statements_; }
  // Whether any of them looks at the facts of the request: by a condition, or by a variable in a resource.
  bool asks_context() const { return asks_context_; }

 private:
  std::vector<policy::Statement> statements_;
  bool asks_context_ = false;
};

inline Result<Policy> validate_identity_policy(std::string_view json) {
  return Policy::parse(json, PolicyKind::identity);
}
inline Result<Policy> validate_resource_policy(std::string_view json) {
  return Policy::parse(json, PolicyKind::resource);
}
inline Result<Policy> validate_trust_policy(std::string_view json) { return Policy::parse(json, PolicyKind::trust); }

// aws:username, aws:userid, aws:PrincipalArn, aws:PrincipalAccount, aws:PrincipalType, aws:PrincipalTag/…, aws:SourceIdentity, aws:TokenIssueTime,
// aws:PrincipalIsAWSService, aws:PrincipalServiceName: what policies may ask about the caller.
void add_principal_keys(Context& context, const Principal& principal);

// Views: all of it must outlive the call.
struct EvaluationInput {
  const Principal& principal;
  std::string_view action;    // "s3:GetObject"
  std::string_view resource;  // ARN, or "*"
  const Context& context;     // global and service keys; the principal's are added by add_principal_keys()
  std::span<const std::shared_ptr<const Policy>> identity;
  const Policy* boundary = nullptr;                        // null: none
  std::span<const std::shared_ptr<const Policy>> session;  // counts when principal.has_session_policies
  const Policy* resource_policy = nullptr;                 // null: none
  // KMS keys and role trust policies: without an Allow there nothing is allowed, not even to root.
  bool resource_policy_rules = false;
  std::string_view resource_account;  // empty: the principal's own
  std::string_view canonical_user;    // the principal's account as S3 names it; empty: unknown
};

enum class PolicySource { none, identity, resource, boundary, session };

struct Decision {
  bool allowed = false;
  bool explicit_deny = false;
  // Allowed: what granted it (none: root). Denied: where the Deny stands, or what would have had to allow it.
  PolicySource source = PolicySource::none;
};

// AWS's order: an explicit Deny anywhere; then the resource's policy, which in the same account is enough by itself
// when it names the user, the session or everyone (for a role's ARN boundary and session policy still count); then
// identity policies, boundary and session policies, all of which must allow. Across accounts both sides must allow.
// Root is allowed all in its account that no policy denies. Services and anonymous callers are allowed by resource
// policies alone.
Decision evaluate(const EvaluationInput& input);

// "User: ARN is not authorized to perform: ACTION on resource: ARN because no identity-based policy allows the ACTION
// action".
std::string denial_message(const EvaluationInput& input, const Decision& decision);

}  // namespace boreal::aws
