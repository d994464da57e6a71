// What users can have at AWS and nothing here can make: lists of it are empty because there is none. Who takes a user
// away looks for all of it first, as Terraform does with `force_destroy`, and gets a true answer.
#include "iam/documents.h"
#include "iam/service.h"

namespace boreal::iam {

using namespace api::iam;
using aws::Call;
using aws::Outcome;

namespace {

aws::ApiError no_login_profile(std::string_view user) {
  return errors::no_such_entity_exception(fmt::format("Login Profile for User {} cannot be found.", user));
}

}  // namespace

Task<Outcome<GetLoginProfileResponse>> Service::get_login_profile(Call& call, GetLoginProfileRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto holder, key_holder(tx, call, input.user_name));
  co_return aws::refuse(no_login_profile(holder.entity.name));
}

Task<Outcome<DeleteLoginProfileOutput>> Service::delete_login_profile(Call& call, DeleteLoginProfileRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_TRY(const auto holder, key_holder(tx, call, input.user_name));
  co_return aws::refuse(no_login_profile(holder.entity.name));
}

Task<Outcome<ListMFADevicesResponse>> Service::list_mfa_devices(Call& call, ListMFADevicesRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_CHECK(key_holder(tx, call, input.user_name));
  co_return ListMFADevicesResponse{.is_truncated = false};
}

Task<Outcome<ListVirtualMFADevicesResponse>> Service::list_virtual_mfa_devices(Call&, ListVirtualMFADevicesRequest) {
  co_return ListVirtualMFADevicesResponse{.is_truncated = false};
}

Task<Outcome<ListSSHPublicKeysResponse>> Service::list_ssh_public_keys(Call& call, ListSSHPublicKeysRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_CHECK(key_holder(tx, call, input.user_name));
  co_return ListSSHPublicKeysResponse{.ssh_public_keys = std::vector<SSHPublicKeyMetadata>(), .is_truncated = false};
}

Task<Outcome<ListSigningCertificatesResponse>> Service::list_signing_certificates(
    Call& call, ListSigningCertificatesRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  CO_CHECK(key_holder(tx, call, input.user_name));
  co_return ListSigningCertificatesResponse{.is_truncated = false};
}

Task<Outcome<ListServiceSpecificCredentialsResponse>> Service::list_service_specific_credentials(
    Call& call, ListServiceSpecificCredentialsRequest input) {
  CO_TRY(auto tx, co_await begin(call));
  if (!input.all_users.value_or(false)) CO_CHECK(key_holder(tx, call, input.user_name));
  co_return ListServiceSpecificCredentialsResponse{
      .service_specific_credentials = std::vector<ServiceSpecificCredentialMetadata>(), .is_truncated = false};
}

}  // namespace boreal::iam
