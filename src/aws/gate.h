// The gate: the one way from a request to a Caller, and from a Caller to a resource. Deny by default.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/call.h"
#include "aws/caller.h"
#include "aws/error.h"
#include "aws/policy.h"
#include "aws/service.h"
#include "aws/sigv4.h"
#include "base/clock.h"

namespace boreal::aws {

// What the gate asks of IAM and STS. Thread rule: the loop.
class Identities {
 public:
  virtual ~Identities() = default;

  struct Credential {
    Principal principal;
    std::string secret_key;
    Time expires{INT64_MAX};  // of a session
  };
  // The key that a signature names, with the session token that came along (empty: none). An unknown or
  // inactive key, or a token that is not that key's: nullopt. An expired session is returned; the gate refuses it by name.
  virtual Task<Outcome<std::optional<Credential>>> credential(std::string access_key, std::string session_token) = 0;

  // What the principal's own side allows. The compiled policies are shared with IAM's cache.
  struct Policies {
    std::vector<std::shared_ptr<const Policy>> identity;
    std::shared_ptr<const Policy> boundary;                // null: none
    std::vector<std::shared_ptr<const Policy>> session;    // counts when the principal has session policies
  };
  virtual Task<Outcome<Policies>> policies(const Principal& principal) = 0;
};

class Gate {
 public:
  Gate(Identities& identities, const Clock& clock);

  // Who signed the request. `body`: the whole body where it was read already (everything but S3); for S3 none: the
  // request's body Source is wrapped so that what is read is what was signed.
  // Errors are in the service's own words (InvalidClientTokenId, SignatureDoesNotMatch, RequestTimeTooSkewed …).
  Task<Outcome<Caller>> authenticate(http::Request& request, const ServiceModel& service, std::string region,
                                     const std::string* body);
  // S3's browser form uploads: the policy document's signature stands in for the request's.
  Task<Outcome<Caller>> authenticate_form(std::string access_key, std::string session_token, FormSignature form, const ServiceModel& service);

  // A caller for what a service does by itself under a role that the user gave it (AWS Backup's role, say).
  Task<Outcome<Caller>> assume(std::string role_arn, std::string session_name, std::string service);

  Task<Outcome<void>> authorize(const Call& call, const Access& access);

 private:
  Identities& identities_;
  const Clock& clock_;
  SigningKeyCache signing_keys_;
};

}  // namespace boreal::aws
