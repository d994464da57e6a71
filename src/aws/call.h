// One API call as a handler sees it: who calls, where, under which request id.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aws/caller.h"
#include "aws/error.h"
#include "base/clock.h"
#include "base/task.h"
#include "http/message.h"

namespace boreal::aws {

struct Operation;
class CheckedBody;
class Gate;

// One thing that a call does to one resource; all of a call's must be allowed before its handler runs.
struct Access {
  std::string action;    // "secretsmanager:GetSecretValue"
  std::string resource;  // ARN, or "*"
  // The account that owns the resource; empty: the caller's. Across accounts both sides must allow.
  std::string resource_account;
  // The resource's own policy, when it has one.
  std::optional<std::string> resource_policy;
  // KMS keys and role trust policies: identity policies count only if the resource policy lets them, and it must allow
  // itself.
  bool resource_policy_rules = false;
  // The caller's account as S3 names it in policies; empty: unknown.
  std::string canonical_user;
  // Condition keys of this access, in addition to the global ones: "s3:prefix", "kms:EncryptionContext:x",
  // "aws:ResourceTag/Name".
  std::multimap<std::string, std::string> context;
  // Adds further ones; called only if a policy asks for any. Must not outlive the call and its input.
  std::function<void(std::multimap<std::string, std::string>&)> add_context = nullptr;
};

// Lives as long as its request. Belongs to the loop.
struct Call {
  const Caller& caller;
  const Operation& operation;
  std::string region;
  std::string account;  // whose resources are meant: the caller's, or for S3 the bucket owner's
  std::string request_id;
  Time now;
  http::Request& http;
  http::Headers response_headers;  // sent with the answer, besides what the model places in headers
  int response_status = 0;         // 0: what the model says
  CheckedBody* body = nullptr;  // S3: what the input's stream reads from; its trailers are complete once that has ended
  Gate& gate;
  bool is_version_2 = false;  // signed in the older way, as browsers' forms may be
  // What access() took the things to be that the call names; for a handler that waits before it looks at them again.
  std::map<std::string, std::string> asked_for = {};

  // "arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE" of this call's region and account.
  std::string arn(std::string_view service, std::string_view resource) const;
  // A check beyond what Service::access() declared, for what only the handler finds out (a key, a passed role).
  // AccessDenied names action, resource and what was missing.
  Task<Outcome<void>> authorize(Access access);
};

}  // namespace boreal::aws
