// The passwords of endpoints: how they are kept, and where a connection gets its own from.
#pragma once

#include <string>

#include "aws/call.h"
#include "aws/context.h"
#include "aws/peers.h"
#include "dms/names.h"
#include "dms/probes.h"
#include "dms/resources.h"

namespace boreal::dms {

// What the service works with; all of it outlives the service.
struct Tools {
  aws::ServiceContext context;
  aws::Network& network;
  aws::Keys& keys;
  aws::Roles& roles;
  aws::Secrets& secrets;
  Names& names;
  Probes& probes;
};

// What an endpoint says of how to reach its database, with the password.
struct Login {
  std::string host;
  int32_t port = 0;
  std::string database;
  std::string user;
  std::string password;
  std::string ssl_mode;  // DMS's word
};

// The ARN of the key (empty: alias/aws/dms), which the caller may use: who may not must not have it used, nor hear
// whether it is there. Errors: KMSKeyNotAccessibleFault.
Task<aws::Outcome<std::string>> usable_key(const Tools& tools, aws::Call& call, std::string key_id);

// Seals the password under a new data key of the endpoint's KMS key (endpoint.key_arn; empty: alias/aws/dms, and
// key_arn is set). Errors: KMSKeyNotAccessibleFault.
Task<aws::Outcome<void>> seal_password(const Tools& tools, aws::Call& call, EndpointRecord& endpoint,
                                       std::string password);

// Whether the service may read the endpoint's secret: the endpoint's access role must be allowed to, by the secret's
// own policy and its key too. Endpoints without a secret pass.
Task<aws::Outcome<void>> authorize_secret(const Tools& tools, aws::Call& call, const EndpointRecord& endpoint);

// For background work on what was authorised before. Errors say what cannot be had.
Task<Result<Login>> login_of(const Tools& tools, Place place, EndpointRecord endpoint);

// The parts of a secret's value: {"username", "password", "host", "port"}, the last two if they are there.
Result<void> apply_secret(std::string_view value, Login& login);

}  // namespace boreal::dms
