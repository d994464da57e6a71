// What IAM's own tests share: a service over an empty catalog, and calls as whom one likes.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "aws/testing.h"
#include "iam/service.h"

namespace boreal::iam {

inline constexpr std::string_view anyone_document =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]})";

class IamTest : public testing::Test {
 protected:
  IamTest() { fixture.identities = &service; }

  template <class Out, class In>
  Out must(std::string_view operation, In input) {
    auto out = fixture.call<Out>(service, operation, std::move(input));
    if (!out) {
      ADD_FAILURE() << operation << ": " << out.error().code << ": " << out.error().message;
      return Out{};
    }
    return std::move(*out);
  }
  // The error's code, or "" when it succeeds.
  template <class Out, class In>
  std::string code(std::string_view operation, In input) {
    auto out = fixture.call<Out>(service, operation, std::move(input));
    return out ? "" : out.error().code;
  }

  void make_user(const std::string& name) {
    must<api::iam::CreateUserResponse>("CreateUser", api::iam::CreateUserRequest{.user_name = name});
  }
  void allow(const std::string& user, const std::string& action, const std::string& resource,
             const std::string& policy = "allowed") {
    must<api::iam::PutUserPolicyOutput>(
        "PutUserPolicy",
        api::iam::PutUserPolicyRequest{
            .user_name = user, .policy_name = policy, .policy_document = document("Allow", action, resource)});
  }
  static std::string document(const std::string& effect, const std::string& action, const std::string& resource) {
    return R"({"Version":"2012-10-17","Statement":[{"Effect":")" + effect + R"(","Action":")" + action +
           R"(","Resource":")" + resource + R"("}]})";
  }
  static std::string trust(const std::string& kind, const std::string& who) {
    return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{")" + kind + R"(":")" + who +
           R"("},"Action":"sts:AssumeRole"}]})";
  }
  api::iam::AccessKey make_key(const std::string& user) {
    return must<api::iam::CreateAccessKeyResponse>("CreateAccessKey",
                                                   api::iam::CreateAccessKeyRequest{.user_name = user})
        .access_key;
  }
  std::optional<aws::Identities::Credential> credential(const std::string& key, const std::string& token = "") {
    auto found = fixture.run(service.credential(key, token));
    EXPECT_TRUE(found);
    return found ? *found : std::nullopt;
  }
  // From here on the owner of a new key of the user calls.
  void become(const std::string& user) {
    const auto found = credential(make_key(user).access_key_id);
    ASSERT_TRUE(found);
    fixture.principal = *found->principal;
  }
  void become_root() { fixture.principal = aws::root_principal("000000000000"); }
  // Whether the caller may; else what the gate says.
  std::string refusal(const std::string& action, const std::string& resource) {
    auto caller = fixture.run(fixture.gate_caller());
    auto outcome = fixture.run(fixture.gate().authorize(*caller, {.action = action, .resource = resource}));
    return outcome ? "" : outcome.error().message;
  }
  static crypto::Sealer make_sealer(Random& random) {
    auto key = crypto::SecretKey::from(as_bytes("0123456789abcdef0123456789abcdef"));
    return std::move(*crypto::Sealer::derive(*key, "iam", random));
  }

  aws::CallFixture fixture;
  Service service{fixture.context(), make_sealer(fixture.random), {.dev = true}};
};

}  // namespace boreal::iam
