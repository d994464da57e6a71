// The gate: the one way from a request to a Caller, and from a Caller to a resource. Deny by default.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/call.h"
#include "aws/caller.h"
#include "aws/chunked.h"
#include "aws/error.h"
#include "aws/policy.h"
#include "aws/policy_principals.h"
#include "aws/record_cache.h"
#include "aws/service.h"
#include "aws/sigv4.h"
#include "base/clock.h"

namespace boreal::aws {

// What the gate asks of IAM and STS. Thread rule: the loop.
class Identities {
 public:
  virtual ~Identities() = default;

  struct Credential {
    std::shared_ptr<const Principal> principal;  // with the access key
    std::string secret_key;
    Time expires{INT64_MAX};  // of a session
  };
  // The key that a signature names, with the session token that came along (empty: none). An unknown or
  // inactive key, or a token that is not that key's: nullopt. An expired session is returned; the gate refuses it by
  // name.
  virtual Task<Outcome<std::optional<Credential>>> credential(std::string access_key, std::string session_token) = 0;

  // What the principal's own side allows. The compiled policies are shared with IAM's cache.
  struct Policies {
    std::vector<std::shared_ptr<const Policy>> identity;
    std::shared_ptr<const Policy> boundary;              // null: none
    std::vector<std::shared_ptr<const Policy>> session;  // counts when the principal has session policies
  };
  virtual Task<Outcome<Policies>> policies(const Principal& principal) = 0;

  // The principal's signature was right, for a request to the service in the region. Cheap: on every request's way.
  virtual void note_use(const Principal&, std::string_view /*service*/, std::string_view /*region*/) {}

  struct RoleSession {
    Principal principal;
    std::string trust_policy;  // of the role: JSON
  };
  // nullopt: there is no such role.
  virtual Task<Outcome<std::optional<RoleSession>>> role_session(std::string role_arn, std::string session_name) = 0;

  // The unique id of the user or role of that ARN; nullopt: it is not there. ARNs of other things (an account's root, a
  // session) are not looked up: empty.
  virtual Task<Outcome<std::optional<std::string>>> principal_id(std::string arn) = 0;
  // The ARN that the user or role of that id has now, which once had `arn`: users may be renamed. nullopt: it is gone,
  // whoever has that ARN now.
  virtual Task<Outcome<std::optional<std::string>>> principal_arn(std::string id, std::string arn) = 0;
};

class Gate {
 public:
  Gate(Identities& identities, const Clock& clock) : identities_(identities), clock_(clock) {}

  // Who signed the request. `body`: the whole body where it was read already (everything but S3); null for S3, whose
  // request.body is replaced by one that lets through only what was signed, which `checked` then points to.
  // Errors are in the protocol's own words (InvalidClientTokenId, SignatureDoesNotMatch, RequestTimeTooSkewed …).
  Task<Outcome<Caller>> authenticate(http::Request& request, const ServiceModel& service, Protocol protocol,
                                     const std::string* body, CheckedBody** checked);

  // S3's browser uploads: the policy document's signature stands in for the request's. `region`: that the scope must
  // have, if there is one.
  Task<Outcome<Caller>> authenticate_form(FormSignature form, std::string session_token, std::string region,
                                          Protocol protocol);

  // For what a service ("backup.amazonaws.com") does in the background for an account, under a role of that account
  // which its user gave it. The role's trust policy must let the service assume it. NoSuchEntity, AccessDenied.
  // `source_arn`: the resource of the account that the service works for, which trust policies compare as
  // aws:SourceArn; empty: not told.
  Task<Outcome<Caller>> assume(std::string role_arn, std::string session_name, std::string service, std::string account,
                               std::string source_arn);
  // That half of it which a trust policy decides: the role of the account may be assumed by the service.
  Task<Outcome<void>> check_trust(std::string role_arn, std::string trust_policy, std::string service,
                                  std::string account, std::string source_arn);

  // A resource's policy as it is to be kept: a stranger must not come to what was given to somebody else of that name.
  // `parsed`: the document.
  Task<Outcome<KeptPolicy>> keep_policy(std::string document, Policy parsed);
  // Such a document with the ARNs in it again of those who are there still. `principals`: what ARN each id had.
  Task<Outcome<std::string>> shown_policy(std::string document, std::map<std::string, std::string> principals);

  // The id of one user or role, to be kept so; empty of all else, nullopt when there is none of that name.
  Task<Outcome<std::optional<std::string>>> principal_id(std::string arn);
  // The ARN now of who had that one; the id of who is gone.
  Task<Outcome<std::string>> shown_principal(std::string id, std::string arn);

  // By which time what was signed then is judged, if it may be used later: a URL, a form. Clients sign by the system's
  // time where a developer has moved ours: what was made since is of their now, what is older is as old as ours says.
  Time now_for(Time signed_at) const;

  // What a service does in its own name, as S3 delivers access logs: only resource policies can let it.
  Caller service(std::string name) const;

  // AccessDenied (or the service's own word for it) names who, what, on which resource, and what was missing.
  Task<Outcome<void>> authorize(const Call& call, Access access);
  // The same without a request, for a caller that assume() made.
  Task<Outcome<void>> authorize(const Caller& caller, Access access);

 private:
  // By which time a signature is judged.
  Time time_for(const Signature& signature) const;
  Task<Outcome<Caller>> verify(Signature signature, RequestView view, VerifyOptions options, Protocol protocol,
                               BodyCheck* check);
  // `call`: null for what has no request. Both outlive the task.
  Task<Outcome<void>> evaluate_access(const Caller& caller, const Call* call, Access access);
  Outcome<std::shared_ptr<const Policy>> compile(const std::string& document);

  Identities& identities_;
  const Clock& clock_;
  SigningKeyCache signing_keys_;
  TextCache<Policy> resource_policies_;  // compiled
};

}  // namespace boreal::aws
