// Access control lists: canned ones, grants in headers and in XML, and what they allow.
// Source: S3 User Guide, "Access control list (ACL) overview".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/s3/types.h"
#include "aws/caller.h"
#include "aws/error.h"
#include "objects/types.h"
#include "s3/resources.h"

namespace boreal::s3 {

// What a request says of access: x-amz-acl and x-amz-grant-….
struct AclHeaders {
  std::optional<std::string> canned, full_control, read, write, read_acp, write_acp;
  bool any() const { return canned || has_grants(); }
  bool has_grants() const { return full_control || read || write || read_acp || write_acp; }
};
template <class Input>
AclHeaders acl_headers(const Input& input) {
  AclHeaders headers{input.acl, input.grant_full_control, input.grant_read,
                     {},        input.grant_read_acp,     input.grant_write_acp};
  if constexpr (requires { input.grant_write; }) headers.write = input.grant_write;
  if (headers.canned == "") headers.canned.reset();  // overlooked by AWS; Go's SDK sends it of a setting that is empty
  return headers;
}

// How an object's list lies in its attributes.
struct KeptAcl {
  api::AccessControlPolicy acl;
  BOREAL_RECORD(KeptAcl, acl)
};

// Owner: full control, and nobody else.
api::AccessControlPolicy private_acl(std::string_view owner_account);

// The list that the headers ask for, of a thing that `owner_account` owns in the bucket. nullopt: none was asked for.
// AccessControlListNotSupported where the bucket's owner enforces ownership, AccessDenied where public lists are
// blocked, InvalidArgument, InvalidRequest.
aws::Outcome<std::optional<api::AccessControlPolicy>> acl_of_headers(const Bucket& bucket,
                                                                     std::string_view owner_account,
                                                                     const AclHeaders& headers);
// One sent as XML: MalformedACLError and the same refusals.
aws::Outcome<api::AccessControlPolicy> check_acl(const Bucket& bucket, std::string_view owner_account,
                                                 api::AccessControlPolicy acl);

// That there is such a grantee, whose name is filled in. MalformedACLError, InvalidArgument.
aws::Outcome<void> check_grantee(api::Grantee& grantee);

// READ, WRITE, READ_ACP, WRITE_ACP for the caller. `ignore_public`: grants to everybody do not count.
enum class Granted { no, account, everybody };
Granted granted(const api::AccessControlPolicy& acl, std::string_view permission, const aws::Caller& caller,
                bool ignore_public);
// An object's list: its own, or the private one.
api::AccessControlPolicy acl_of(const objects::Version& version);
// Gives to everybody, or to all who have an account.
bool is_public_grant(const api::Grant& grant);
bool is_public(const api::AccessControlPolicy& acl);
// Takes what is given so off an object's own list.
void drop_public_grants(objects::Meta& meta);

}  // namespace boreal::s3
