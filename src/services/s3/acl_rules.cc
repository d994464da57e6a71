#include <algorithm>

#include "api/s3/errors.h"
#include "base/text.h"
#include "s3/acl.h"
#include "s3/names.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {

constexpr std::string_view all_users = "http://acs.amazonaws.com/groups/global/AllUsers";
constexpr std::string_view authenticated_users = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
constexpr std::string_view log_delivery = "http://acs.amazonaws.com/groups/s3/LogDelivery";
constexpr size_t max_grants = 100;

api::Grant to_account(std::string_view account, std::string_view permission) {
  api::Grantee grantee;
  grantee.type = "CanonicalUser";
  grantee.id = canonical_id(account);
  grantee.display_name = std::string(account);
  return {.grantee = std::move(grantee), .permission = std::string(permission)};
}
api::Grant to_group(std::string_view uri, std::string_view permission) {
  api::Grantee grantee;
  grantee.type = "Group";
  grantee.uri = std::string(uri);
  return {.grantee = std::move(grantee), .permission = std::string(permission)};
}

bool is_known_group(std::string_view uri) {
  return uri == all_users || uri == authenticated_users || uri == log_delivery;
}

aws::ApiError malformed_acl() {
  return errors::malformed_acl_error(
      "The XML you provided was not well-formed or did not validate against our published schema");
}

Outcome<void> check_permission(std::string_view permission) {
  for (const std::string_view known : {"FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP"}) {
    if (permission == known) return {};
  }
  return refuse(malformed_acl());
}

aws::ApiError unresolvable_email() {
  return {"UnresolvableGrantByEmailAddress", 400,
          "The e-mail address you provided does not match any account on record."};
}

// id="…", uri="…", emailAddress="…" with commas between. AWS's own examples write URI= and emailaddress= too.
Outcome<void> add_grants(const std::optional<std::string>& header, std::string_view permission,
                         std::vector<api::Grant>& grants) {
  if (!header) return {};
  for (const std::string_view item : split(*header, ',')) {
    const std::string_view text = trim(item);
    const size_t equals = text.find('=');
    const auto bad = [&] {
      std::string name = "x-amz-grant-" + to_lower(permission);
      std::ranges::replace(name, '_', '-');
      return refuse(errors::invalid_argument("Argument format not recognized")
                        .with("ArgumentName", std::move(name))
                        .with("ArgumentValue", *header));
    };
    if (equals == std::string_view::npos) return bad();
    std::string value(trim(text.substr(equals + 1)));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    const std::string kind = to_lower(trim(text.substr(0, equals)));
    if (kind == "id") {
      const auto account = account_of_canonical_id(value);
      if (!account) return refuse(invalid_canonical_id("id", value));
      grants.push_back(to_account(*account, permission));
    } else if (kind == "uri") {
      if (!is_known_group(value))
        return refuse(
            errors::invalid_argument("Invalid group uri").with("ArgumentName", "uri").with("ArgumentValue", value));
      grants.push_back(to_group(value, permission));
    } else if (kind == "emailaddress") {
      return refuse(unresolvable_email());
    } else {
      return bad();
    }
  }
  return {};
}

Outcome<std::vector<api::Grant>> canned_grants(const Bucket& bucket, std::string_view owner, const std::string& name) {
  std::vector<api::Grant> grants = {to_account(owner, "FULL_CONTROL")};
  const auto also = [&](api::Grant grant) { grants.push_back(std::move(grant)); };
  if (name == "private" || name == "aws-exec-read") return grants;
  if (name == "public-read" || name == "public-read-write") {
    also(to_group(all_users, "READ"));
    if (name == "public-read-write") also(to_group(all_users, "WRITE"));
  } else if (name == "authenticated-read") {
    also(to_group(authenticated_users, "READ"));
  } else if (name == "bucket-owner-read") {
    if (owner != bucket.account) also(to_account(bucket.account, "READ"));
  } else if (name == "bucket-owner-full-control") {
    if (owner != bucket.account) also(to_account(bucket.account, "FULL_CONTROL"));
  } else if (name == "log-delivery-write") {
    also(to_group(log_delivery, "WRITE"));
    also(to_group(log_delivery, "READ_ACP"));
  } else {
    return refuse(errors::invalid_argument("").with("ArgumentName", "x-amz-acl").with("ArgumentValue", name));
  }
  return grants;
}

// Said once: AWS refuses the same grant twice, too.
bool only_bucket_owner(const Bucket& bucket, const std::vector<api::Grant>& grants) {
  if (grants.size() != 1) return false;
  const api::Grant& grant = grants.front();
  return grant.permission == "FULL_CONTROL" && grant.grantee && grant.grantee->id == canonical_id(bucket.account);
}

Outcome<void> check_allowed(const Bucket& bucket, const api::AccessControlPolicy& acl) {
  if (acl.grants->size() > max_grants)
    return refuse(errors::malformed_acl_error("An access control list may have 100 grants."));
  if (!bucket.has_acls() && !only_bucket_owner(bucket, *acl.grants)) {
    return refuse(errors::access_control_list_not_supported("The bucket does not allow ACLs"));
  }
  if (bucket.blocks(&api::PublicAccessBlockConfiguration::block_public_acls) && is_public(acl)) {
    return refuse(errors::access_denied(
        "Access Denied: public access control lists are blocked by the BlockPublicAcls setting."));
  }
  return {};
}

}  // namespace

api::AccessControlPolicy private_acl(std::string_view owner_account) {
  return {.grants = std::vector<api::Grant>{to_account(owner_account, "FULL_CONTROL")},
          .owner = owner_of(owner_account)};
}

Outcome<std::optional<api::AccessControlPolicy>> acl_of_headers(const Bucket& bucket, std::string_view owner_account,
                                                                const AclHeaders& headers) {
  if (!headers.any()) return std::nullopt;
  if (headers.canned && headers.has_grants()) {
    return refuse(errors::invalid_request("Specifying both Canned ACLs and Header Grants is not allowed"));
  }
  api::AccessControlPolicy acl{.grants = std::vector<api::Grant>(), .owner = owner_of(owner_account)};
  if (headers.canned) {
    TRY(acl.grants, canned_grants(bucket, owner_account, *headers.canned));
    // The owner's own full control may always be asked for.
    if (!bucket.has_acls() && *headers.canned != "bucket-owner-full-control") {
      return refuse(errors::access_control_list_not_supported("The bucket does not allow ACLs"));
    }
  } else {
    CHECK(add_grants(headers.full_control, "FULL_CONTROL", *acl.grants));
    CHECK(add_grants(headers.read, "READ", *acl.grants));
    CHECK(add_grants(headers.write, "WRITE", *acl.grants));
    CHECK(add_grants(headers.read_acp, "READ_ACP", *acl.grants));
    CHECK(add_grants(headers.write_acp, "WRITE_ACP", *acl.grants));
  }
  CHECK(check_allowed(bucket, acl));
  return acl;
}

// Its type says which one of the names counts; whoever looks at a list later may look at another.
Outcome<void> check_grantee(api::Grantee& grantee) {
  const bool is_group = grantee.type == "Group";
  if (is_group ? grantee.id || grantee.email_address : grantee.uri.has_value()) return refuse(malformed_acl());
  if (grantee.type == "AmazonCustomerByEmail") return refuse(unresolvable_email());
  if (is_group) {
    const std::string uri = grantee.uri.value_or("");
    if (is_known_group(uri)) return {};
    return refuse(
        errors::invalid_argument("Invalid group uri").with("ArgumentName", "Group/URI").with("ArgumentValue", uri));
  }
  if (grantee.type != "CanonicalUser" || !grantee.id) return refuse(malformed_acl());
  const std::string& id = *grantee.id;
  grantee.display_name = account_of_canonical_id(id);  // what the request says of it does not count
  if (!grantee.display_name) return refuse(invalid_canonical_id("CanonicalUser/ID", id));
  return {};
}

Outcome<api::AccessControlPolicy> check_acl(const Bucket& bucket, std::string_view owner_account,
                                            api::AccessControlPolicy acl) {
  if (!acl.owner || !acl.owner->id || !acl.grants) return refuse(malformed_acl());
  if (!account_of_canonical_id(*acl.owner->id)) {
    return refuse(invalid_canonical_id("CanonicalUser/ID", *acl.owner->id));
  }
  if (*acl.owner->id != canonical_id(owner_account)) {
    return refuse(
        errors::access_denied("Access Denied: the owner of a resource cannot be changed by its access control list."));
  }
  acl.owner = owner_of(owner_account);
  for (api::Grant& grant : *acl.grants) {
    CHECK(check_permission(grant.permission.value_or("")));
    if (!grant.grantee) return refuse(errors::malformed_acl_error("A grant names no grantee."));
    CHECK(check_grantee(*grant.grantee));
  }
  CHECK(check_allowed(bucket, acl));
  return acl;
}

api::AccessControlPolicy acl_of(const objects::Version& version) {
  if (const auto kept = version.meta.attributes.find(attribute::acl); kept != version.meta.attributes.end()) {
    if (auto acl = store::decode<KeptAcl>(kept->second)) return std::move(acl->acl);
  }
  return private_acl(version.meta.owner);
}

bool is_public_grant(const api::Grant& grant) {
  return grant.grantee && (grant.grantee->uri == all_users || grant.grantee->uri == authenticated_users);
}

bool is_public(const api::AccessControlPolicy& acl) {
  return acl.grants && std::ranges::any_of(*acl.grants, is_public_grant);
}

void drop_public_grants(objects::Meta& meta) {
  const auto kept = meta.attributes.find(attribute::acl);
  if (kept == meta.attributes.end()) return;
  auto list = store::decode<KeptAcl>(kept->second);
  if (!list || !is_public(list->acl)) return;
  std::erase_if(*list->acl.grants, is_public_grant);
  kept->second = store::encode(*list);
}

Granted granted(const api::AccessControlPolicy& acl, std::string_view permission, const aws::Caller& caller,
                bool ignore_public) {
  Granted most = Granted::no;
  if (!acl.grants) return most;
  const std::string own_id = caller.is_anonymous() ? "" : canonical_id(caller.account());
  for (const api::Grant& grant : *acl.grants) {
    if (!grant.grantee || (grant.permission != "FULL_CONTROL" && grant.permission != permission)) continue;
    if (grant.grantee->type == "CanonicalUser") {
      if (!own_id.empty() && grant.grantee->id == own_id) most = std::max(most, Granted::account);
    } else if (!ignore_public && (grant.grantee->uri == all_users ||
                                  (grant.grantee->uri == authenticated_users && !caller.is_anonymous()))) {
      return Granted::everybody;
    }
  }
  return most;
}

}  // namespace boreal::s3
