#include "s3/encryption.h"

#include <algorithm>

#include "api/s3/errors.h"
#include "codec/base64.h"
#include "codec/json_value.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "store/record.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {

constexpr std::string_view own_context = "s3 object data key";

// What KMS's ciphertext was made with; kept with it, since decryption must name the same.
struct KmsWrapped {
  std::string account;
  std::string region;
  store::Blob ciphertext;
  std::map<std::string, std::string> context;
  BOREAL_RECORD(KmsWrapped, account, region, ciphertext, context)
};

constexpr std::string_view encryption_header = "x-amz-server-side-encryption";

aws::ApiError bad_key(std::string message) {
  return errors::invalid_argument(std::move(message)).with("ArgumentName", std::string(encryption_header));
}

Result<crypto::SecretBytes> open_customer(const CustomerKey& customer, const std::string& wrapped) {
  TRY(const auto key, crypto::SecretKey::from(as_bytes(customer.key)));
  crypto::Aes256Gcm cipher(key);
  return cipher.open_message(as_bytes(own_context), as_bytes(std::string_view(wrapped).substr(1)));
}

// What KMS refused, under the names that S3 passes it on by.
aws::ApiError of_kms(aws::ApiError error) {
  constexpr std::string_view passed_on[] = {"NotFoundException", "DisabledException", "KMSInvalidStateException",
                                            "InvalidKeyUsageException", "KeyUnavailableException"};
  if (std::ranges::find(passed_on, error.code) != std::end(passed_on)) error.code.insert(0, "KMS.");
  return error;
}

// KMS must know who asks; nobody in particular is refused before.
Outcome<void> check_signed(const aws::Asker& asker) {
  if (asker.is_service_itself() || !asker.caller().is_anonymous()) return {};
  return refuse(errors::invalid_argument("Requests specifying Server Side Encryption with AWS KMS managed keys require "
                                         "AWS Signature Version 4.")
                    .with("ArgumentName", "Authorization")
                    .with("ArgumentValue", "null"));
}

Outcome<aws::Keys::Context> kms_context_of(const std::string& base64) {
  aws::Keys::Context context;
  if (base64.empty()) return context;
  const auto bad = [] {
    return refuse(
        errors::invalid_argument("The header 'x-amz-server-side-encryption-context' shall be Base64-encoded "
                                 "UTF-8 string holding JSON which represents a string-string map"));
  };
  const auto text = codec::base64_decode(base64);
  if (!text) return bad();
  const auto document = json::parse(*text, json::Duplicates::refuse);
  if (!document || document->object() == nullptr) return bad();
  for (const auto& member : *document->object()) {
    if (member.value.string() == nullptr) return bad();
    context[member.name] = *member.value.string();
  }
  return context;
}

}  // namespace

aws::ApiError kms_key_without_kms() {
  return errors::invalid_argument(
             "Server Side Encryption with AWS KMS managed key requires HTTP header "
             "x-amz-server-side-encryption : aws:kms")
      .with("ArgumentName", std::string(encryption_header));
}

Outcome<std::optional<CustomerKey>> parse_customer_key(const std::optional<std::string>& algorithm,
                                                       const std::optional<std::string>& key,
                                                       const std::optional<std::string>& md5, KeyUse use) {
  if (!algorithm && !key && !md5) return std::nullopt;
  if (!algorithm) {
    return refuse(
        bad_key("Requests specifying Server Side Encryption with Customer provided keys must provide a valid "
                "encryption algorithm."));
  }
  if (*algorithm != "AES256") {
    return refuse(
        errors::invalid_encryption_algorithm_error("The Encryption request you specified is not valid. Supported "
                                                   "value: AES256.")
            .with("ArgumentName", std::string(encryption_header))
            .with("ArgumentValue", *algorithm));
  }
  if (!key) {
    return refuse(
        bad_key("Requests specifying Server Side Encryption with Customer provided keys must provide an "
                "appropriate secret key."));
  }
  if (!md5 && use == KeyUse::writing) {  // who reads may do without
    return refuse(
        bad_key("Requests specifying Server Side Encryption with Customer provided keys must provide the "
                "client calculated MD5 of the secret key."));
  }
  auto bytes = codec::base64_decode(*key);
  if (!bytes || (use == KeyUse::writing && bytes->size() != crypto::SecretKey::size))
    return refuse(bad_key("The secret key was invalid for the specified algorithm."));
  const auto wanted = crypto::Md5::of(*bytes);
  if (md5) {
    const auto digest = codec::base64_decode(*md5);
    if (!digest || *digest != as_text(wanted)) {
      return refuse(bad_key("The calculated MD5 hash of the key did not match the hash that was provided."));
    }
  }
  return CustomerKey{std::move(*bytes), md5.value_or(codec::base64_encode(as_text(wanted)))};
}

Outcome<void> check_no_encryption(const aws::Call& call, const objects::Upload* upload) {
  const auto key = call.http.headers.get("x-amz-server-side-encryption-aws-kms-key-id");
  if (const auto value = call.http.headers.get(encryption_header)) {
    if (upload != nullptr) {
      const Encryption said = encryption_of(upload->meta);
      const bool is_its_key = !key || *key == said.kms_key || said.kms_key.ends_with(":key/" + std::string(*key));
      if (said.algorithm == *value && is_its_key) return {};
    }
    return refuse(
        errors::invalid_argument(std::string(encryption_header) + " header is not supported for this operation.")
            .with("ArgumentName", std::string(encryption_header))
            .with("ArgumentValue", std::string(*value)));
  }
  return key ? refuse(kms_key_without_kms()) : Outcome<void>();
}

Encryption encryption_of(const objects::Meta& meta) {
  Encryption encryption;
  if (auto algorithm = attribute_of(meta, attribute::encryption); !algorithm.empty())
    encryption.algorithm = std::move(algorithm);
  encryption.kms_key = attribute_of(meta, attribute::kms_key);
  encryption.kms_context = attribute_of(meta, attribute::kms_context);
  encryption.bucket_key = attribute_of(meta, attribute::bucket_key) == "true";
  return encryption;
}

void keep(const Encryption& encryption, objects::Properties& attributes) {
  const auto put = [&](std::string_view name, const std::string& value) {
    attributes.erase(std::string(name));
    if (!value.empty()) attributes.emplace(name, value);
  };
  put(attribute::encryption, encryption.algorithm);
  put(attribute::kms_key, encryption.is_kms() ? encryption.kms_key : "");
  put(attribute::kms_context, encryption.is_kms() ? encryption.kms_context : "");
  put(attribute::bucket_key, encryption.is_kms() && encryption.bucket_key ? "true" : "");
}

Task<Outcome<objects::DataKey>> KeyMaker::make(aws::Asker asker, const Bucket& bucket, std::string arn,
                                               Encryption& encryption) {
  objects::DataKey made;
  if (encryption.is_kms()) {
    CO_CHECK(check_signed(asker));
    CO_TRY(auto context, kms_context_of(encryption.kms_context));
    context["aws:s3:arn"] = encryption.bucket_key ? bucket.arn() : arn;
    // A key without an account is one of who asks, as are aliases and S3's own key.
    const std::string account = asker.is_service_itself() ? bucket.account : asker.caller().account();
    auto key = co_await kms_.generate_data_key(asker, account, bucket.region, "s3", encryption.kms_key, context);
    if (!key) co_return refuse(of_kms(std::move(key).error()));
    encryption.kms_key = key->key_arn;
    made.plain = crypto::SecretBytes(key->plaintext);
    crypto::wipe(std::as_writable_bytes(std::span(key->plaintext)));
    made.wrapped = static_cast<char>(Wrapping::kms) +
                   store::encode(KmsWrapped{account, bucket.region, {key->ciphertext}, std::move(context)});
    co_return made;
  }
  made.plain = crypto::SecretBytes(objects::data_key_bytes);
  random_.fill(made.plain.bytes());
  if (encryption.customer) {
    CO_TRY(const auto key, crypto::SecretKey::from(as_bytes(encryption.customer->key)));
    crypto::Aes256Gcm cipher(key);
    CO_TRY(auto sealed, cipher.seal_message(random_, as_bytes(own_context), made.plain.bytes()));
    made.wrapped = static_cast<char>(Wrapping::customer) + std::move(sealed);
  } else {
    CO_TRY(auto sealed, sealer_.seal(made.plain.text(), own_context));
    made.wrapped = static_cast<char>(Wrapping::own) + std::move(sealed);
  }
  co_return made;
}

Task<Outcome<std::string>> KeyMaker::wrap(aws::Asker asker, const Bucket& bucket, std::string arn,
                                          const Encryption& encryption, const crypto::SecretBytes& plain) {
  CO_CHECK(check_signed(asker));
  aws::Keys::Context context = {{"aws:s3:arn", encryption.bucket_key ? bucket.arn() : std::move(arn)}};
  auto sealed = co_await kms_.encrypt(asker, bucket.account, bucket.region, "s3", encryption.kms_key,
                                      std::string(plain.text()), context);
  if (!sealed) co_return refuse(of_kms(std::move(sealed).error()));
  co_return static_cast<char>(Wrapping::kms) +
      store::encode(KmsWrapped{bucket.account, bucket.region, {std::move(*sealed)}, std::move(context)});
}

Result<crypto::SecretBytes> KeyMaker::open_own(const std::string& wrapped) {
  return sealer_.open(std::string_view(wrapped).substr(1), own_context);
}

Task<Outcome<crypto::SecretBytes>> KeyMaker::open_kms(aws::Asker asker, std::string wrapped) {
  CO_TRY(const auto kept, store::decode<KmsWrapped>(std::string_view(wrapped).substr(1)));
  auto plain = co_await kms_.decrypt(asker, kept.account, kept.region, kept.ciphertext.bytes, kept.context);
  if (!plain) co_return refuse(of_kms(std::move(plain).error()));
  crypto::SecretBytes key(*plain);
  crypto::wipe(std::as_writable_bytes(std::span(*plain)));
  co_return key;
}

Task<Result<crypto::SecretBytes>> RequestKeys::unwrap(std::string wrapped) {
  if (const auto found = opened_.find(wrapped); found != opened_.end()) co_return found->second.copy();
  switch (wrapping_of(wrapped)) {
    case Wrapping::own: co_return maker_.open_own(wrapped);
    case Wrapping::customer:
      if (!customer_) co_return fail(Errc::denied, "the object is encrypted with a key that only its owner has");
      co_return open_customer(*customer_, wrapped);
    case Wrapping::kms: break;
  }
  auto key = co_await maker_.open_kms(nullptr, wrapped);
  if (!key) co_return fail(Errc::denied, key.error().code + ": " + key.error().message);
  co_return std::move(*key);
}

Outcome<void> RequestKeys::check_applicable(const aws::Asker& asker, const std::string& wrapped) const {
  if (wrapping_of(wrapped) == Wrapping::kms) CHECK(check_signed(asker));
  const bool needs_customer = wrapping_of(wrapped) == Wrapping::customer;
  if (needs_customer == customer_.has_value()) return {};
  if (!needs_customer)
    return refuse(errors::invalid_request("The encryption parameters are not applicable to this object."));
  return refuse(
      errors::invalid_request("The object was stored using a form of Server Side Encryption. The correct "
                              "parameters must be provided to retrieve the object."));
}

Task<Outcome<void>> RequestKeys::open(aws::Asker asker, const std::string& wrapped) {
  CO_CHECK(check_applicable(asker, wrapped));
  const Wrapping wrapping = wrapping_of(wrapped);
  if (wrapping == Wrapping::customer) {
    const auto wrong = [] {
      return refuse(
          errors::access_denied("Requests specifying Server Side Encryption with Customer provided keys must provide "
                                "the correct secret key."));
    };
    if (customer_->key.size() != crypto::SecretKey::size) co_return wrong();
    if (auto key = open_customer(*customer_, wrapped); !key) {
      if (key.error().code() != Errc::corrupt) co_return refuse(aws::ApiError(std::move(key).error()));
      co_return wrong();
    } else {
      opened_.insert_or_assign(wrapped, std::move(*key));
    }
    co_return Outcome<void>();
  }
  if (wrapping == Wrapping::kms) {
    CO_TRY(auto key, co_await maker_.open_kms(asker, wrapped));
    opened_.insert_or_assign(wrapped, std::move(key));
  }
  co_return Outcome<void>();
}

}  // namespace boreal::s3
