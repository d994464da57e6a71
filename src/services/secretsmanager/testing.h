// A Secrets Manager with its KMS, as its tests have it.
#pragma once

#include <gtest/gtest.h>

#include "aws/testing.h"
#include "crypto/sealer.h"
#include "kms/service.h"
#include "secretsmanager/service.h"

namespace boreal::secretsmanager {

using namespace api::secretsmanager;
using std::chrono::days;
using Labels = std::vector<std::string>;

inline constexpr const char* account = "000000000000";

inline std::string token(int number) {
  std::string text = std::to_string(number);
  return std::string(32 - text.size(), '0') + text;
}

class SecretsTest : public testing::Test {
 protected:
  std::unique_ptr<kms::Service> open_kms() {
    const auto root = *crypto::SecretKey::from(as_bytes("0123456789abcdef0123456789abcdef"));
    return std::make_unique<kms::Service>(fixture.context(), *crypto::Sealer::derive(root, "kms", fixture.random));
  }
  void reopen() {
    service.reset();
    keys = open_kms();
    service = std::make_unique<Service>(fixture.context(), *keys);
  }
  template <class Out, class In>
  Out good(std::string_view operation, In input) {
    auto out = fixture.call<Out>(*service, operation, std::move(input));
    if (!out) throw std::runtime_error(std::string(operation) + ": " + out.error().code + ": " + out.error().message);
    return std::move(*out);
  }
  template <class Out, class In>
  aws::ApiError bad(std::string_view operation, In input) {
    auto out = fixture.call<Out>(*service, operation, std::move(input));
    return out ? aws::ApiError("", 200, "") : out.error();
  }
  template <class Out, class In>
  std::string code(std::string_view operation, In input) {
    return bad<Out>(operation, std::move(input)).code;
  }
  CreateSecretResponse create(const std::string& name, const std::string& value = "v1") {
    return good<CreateSecretResponse>(
        "CreateSecret", CreateSecretRequest{.name = name, .client_request_token = token(1), .secret_string = value});
  }
  PutSecretValueResponse put(const std::string& id, int version, std::optional<Labels> labels = {}) {
    return good<PutSecretValueResponse>("PutSecretValue",
                                        PutSecretValueRequest{.secret_id = id,
                                                              .client_request_token = token(version),
                                                              .secret_string = "v" + std::to_string(version),
                                                              .version_stages = std::move(labels)});
  }
  std::string get(const std::string& id, std::optional<std::string> label = {}) {
    return *good<GetSecretValueResponse>("GetSecretValue",
                                         GetSecretValueRequest{.secret_id = id, .version_stage = std::move(label)})
                .secret_string;
  }
  DescribeSecretResponse describe(const std::string& id) {
    return good<DescribeSecretResponse>("DescribeSecret", DescribeSecretRequest{.secret_id = id});
  }
  Time work() { return *fixture.run(service->do_what_is_due()); }
  void be(const std::string& name, const std::string& policy = "", std::string of = account) {
    fixture.principal = aws::user_principal(std::move(of), name);
    fixture.policies = {};
    if (!policy.empty()) fixture.policies.identity = {aws::identity_policy(policy)};
  }
  void be_root() {
    fixture.principal = aws::root_principal(account);
    fixture.policies = {};
  }

  aws::CallFixture fixture;
  std::unique_ptr<kms::Service> keys = open_kms();
  std::unique_ptr<Service> service = std::make_unique<Service>(fixture.context(), *keys);
};

}  // namespace boreal::secretsmanager
