// Who is calling. Only the gate can make a Caller, and handlers cannot be reached without one: there is
// no second path to the data.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace boreal::aws {

// What a signature was checked against. Kept by IAM and STS; secrets never leave this struct into a log or an answer.
struct Principal {
  enum class Kind { anonymous, root, user, assumed_role, service };
  Kind kind = Kind::anonymous;
  std::string account;   // 12 digits; empty for anonymous
  std::string arn;       // arn:aws:iam::…:user/…, arn:aws:sts::…:assumed-role/ROLE/SESSION
  std::string user_id;   // AIDA…, AROA…:session, the account id for root
  std::string name;      // user name, or role name for an assumed role
  std::string role_arn;  // of an assumed role: arn:aws:iam::…:role/…
  std::string service;   // of a service principal: "backup.amazonaws.com"
  std::string access_key;
  std::map<std::string, std::string> tags;       // principal and session tags
  std::vector<std::string> session_policies;     // JSON documents; empty: none were given
  std::vector<std::string> session_policy_arns;  // managed policies that stand beside them
  bool has_session_policies = false;             // of either kind
  // Of a session.
  std::string source_identity;               // who first assumed a role on the way here; empty: was not said
  std::vector<std::string> transitive_tags;  // keys of tags that go on to the next role
  Time issued;                               // 0: the principal is no session

  // Whether this is the user with that id, or a session of the role with that id.
  bool has_unique_id(std::string_view id) const {
    if (kind == Kind::user) return user_id == id;
    return kind == Kind::assumed_role && user_id.size() > id.size() && user_id.starts_with(id) &&
           user_id[id.size()] == ':';
  }
};

class Caller {
 public:
  const Principal& principal() const { return *principal_; }
  const std::string& account() const { return principal_->account; }
  const std::string& arn() const { return principal_->arn; }
  bool is_anonymous() const { return principal_->kind == Principal::Kind::anonymous; }

 private:
  friend class Gate;
  explicit Caller(std::shared_ptr<const Principal> principal) : principal_(std::move(principal)) {}
  explicit Caller(Principal principal) : principal_(std::make_shared<const Principal>(std::move(principal))) {}
  std::shared_ptr<const Principal> principal_;  // IAM's cache has it too
};

}  // namespace boreal::aws
