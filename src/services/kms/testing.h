// What the tests of KMS share: a service over an empty catalog, and calls as whom one likes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "aws/testing.h"
#include "kms/service.h"

namespace boreal::kms {

using namespace api::kms;

inline constexpr const char* account = "000000000000";
inline constexpr const char* allow_all_kms =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]})";

class KmsTest : public testing::Test {
 protected:
  std::unique_ptr<Service> open() {
    const auto root = *crypto::SecretKey::from(as_bytes("0123456789abcdef0123456789abcdef"));
    return std::make_unique<Service>(fixture.context(), *crypto::Sealer::derive(root, "kms", fixture.random));
  }
  void reopen() { kms = open(); }

  template <class Out, class In>
  Out good(std::string_view operation, In input) {
    auto out = fixture.call<Out>(*kms, operation, std::move(input));
    if (!out) throw std::runtime_error(std::string(operation) + ": " + out.error().code + ": " + out.error().message);
    return std::move(*out);
  }
  template <class Out, class In>
  std::string code(std::string_view operation, In input) {
    auto out = fixture.call<Out>(*kms, operation, std::move(input));
    return out ? "" : out.error().code;
  }

  std::string make_key(CreateKeyRequest input = {}) {
    return good<CreateKeyResponse>("CreateKey", std::move(input)).key_metadata->key_id;
  }
  std::string encrypt(const std::string& key, std::string text, EncryptionContext context = {}) {
    return good<EncryptResponse>("Encrypt", encrypt_request(key, std::move(text), std::move(context)))
        .ciphertext_blob->bytes;
  }
  static EncryptRequest encrypt_request(const std::string& key, std::string text, EncryptionContext context = {}) {
    return {.key_id = key, .plaintext = {std::move(text)}, .encryption_context = std::move(context)};
  }
  static DecryptRequest decrypt_request(std::string ciphertext, EncryptionContext context = {}) {
    return {.ciphertext_blob = codec::Blob{std::move(ciphertext)}, .encryption_context = std::move(context)};
  }
  std::string decrypt(std::string ciphertext, EncryptionContext context = {}) {
    return good<DecryptResponse>("Decrypt", decrypt_request(std::move(ciphertext), std::move(context)))
        .plaintext->bytes;
  }
  KeyMetadata describe(const std::string& key) {
    return *good<DescribeKeyResponse>("DescribeKey", DescribeKeyRequest{.key_id = key}).key_metadata;
  }
  void be(const std::string& name, const char* policy = nullptr, std::string of = account) {
    fixture.principal = aws::user_principal(std::move(of), name);
    fixture.policies = {};
    if (policy != nullptr) fixture.policies.identity = {aws::identity_policy(policy)};
  }
  void be_root() {
    fixture.principal = aws::root_principal(account);
    fixture.policies = {};
  }
  void pass(Duration time) {
    fixture.clock.advance(time);
    ASSERT_TRUE(fixture.run(kms->do_what_is_due()));
  }
  aws::Outcome<aws::Keys::DataKey> data_key(std::string service, std::string key, aws::Keys::Context context = {}) {
    return fixture.run(
        kms->generate_data_key(nullptr, account, "us-east-1", std::move(service), std::move(key), std::move(context)));
  }
  aws::Outcome<std::string> open_data_key(std::string ciphertext, aws::Keys::Context context = {},
                                          std::string of = account) {
    return fixture.run(static_cast<aws::Keys&>(*kms).decrypt(nullptr, std::move(of), "us-east-1", std::move(ciphertext),
                                                             std::move(context)));
  }

  aws::CallFixture fixture;
  std::unique_ptr<Service> kms = open();
};

}  // namespace boreal::kms
