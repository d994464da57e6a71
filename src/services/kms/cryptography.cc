#include <fmt/format.h>

#include "kms/service.h"

namespace boreal::kms {

namespace errors = api::kms::errors;
using namespace api::kms;

namespace {

constexpr std::string_view algorithm = "SYMMETRIC_DEFAULT";
constexpr size_t max_data_keys = 1024;
constexpr Duration data_keys_kept_for = std::chrono::minutes(5);

const EncryptionContext& given(const std::optional<std::map<std::string, std::string>>& context) {
  static const EncryptionContext none;
  return context ? *context : none;
}

aws::Outcome<void> check_algorithm(const std::optional<std::string>& name) {
  if (!name || *name == algorithm) return {};
  return aws::refuse(errors::invalid_key_usage_exception(
      fmt::format("Algorithm {} is incompatible with key spec SYMMETRIC_DEFAULT.", *name)));
}

aws::Outcome<void> check_no_enclave(const std::optional<RecipientInfo>& recipient) {
  if (!recipient) return {};
  return aws::refuse(errors::unsupported_operation_exception("Recipient: boreal does not serve Nitro enclaves."));
}

aws::Outcome<size_t> data_key_size(const std::optional<std::string>& spec, const std::optional<int32_t>& bytes) {
  if (spec.has_value() == bytes.has_value()) {
    return aws::refuse(errors::validation_exception("Please specify either number of bytes or key spec."));
  }
  if (bytes) return static_cast<size_t>(*bytes);
  return *spec == "AES_128" ? 16 : 32;
}

}  // namespace

aws::Outcome<std::string> Service::seal(const Key& key, const EncryptionContext& context, Bytes plain) {
  TRY(const auto* secret, material(key, key.version));
  TRY(auto sealed, kms::encrypt(*secret, {.account = key.account, .key_id = key.id, .version = key.version}, context,
                                plain, context_.random));
  return sealed;
}

aws::Outcome<crypto::SecretBytes> Service::open(const Key& key, const EncryptionContext& context,
                                                std::string_view ciphertext) {
  TRY(const auto header, read_header(ciphertext));
  constexpr const char* wrong =
      "The ciphertext was damaged, or the encryption context is not the one it was made with.";
  // A version that never was is a damaged ciphertext, not a lost key.
  if (header.version == 0 || header.version > key.version)
    return aws::refuse(errors::invalid_ciphertext_exception(wrong));
  TRY(const auto* secret, material(key, header.version));
  auto plain = kms::decrypt(*secret, context, ciphertext);
  if (!plain) return aws::refuse(errors::invalid_ciphertext_exception(wrong));
  return std::move(*plain);
}

aws::Outcome<std::string> Service::open_data_key(const Key& key, const EncryptionContext& context,
                                                 const std::string& ciphertext) {
  const Time now = context_.clock.now();
  const auto known = data_keys_.find(ciphertext);
  if (known != data_keys_.end() && known->second.context == context && now < known->second.until) {
    return std::string(known->second.plain.text());
  }
  TRY(auto plain, open(key, context, ciphertext));
  std::string text(plain.text());
  if (data_keys_.size() >= max_data_keys) data_keys_.clear();
  data_keys_.insert_or_assign(
      ciphertext,
      OpenedKey{.key_id = key.id, .context = context, .plain = std::move(plain), .until = now + data_keys_kept_for});
  return text;
}

Result<std::string> Service::material_id(const Key& key, uint32_t version) const {
  TRY(const auto text, context_.catalog.get(partition_of(key.account, key.region), material_path(key.id, version)));
  if (!text) return fail(Errc::corrupt, fmt::format("{} has no material of version {}", key.arn(), version));
  TRY(auto stored, store::decode<Material>(*text));
  return std::move(stored.id);
}

aws::Outcome<Key> Service::key_of_ciphertext(const aws::Call& call, std::string_view ciphertext) const {
  const auto header = read_header(ciphertext);
  if (!header) return aws::refuse(errors::invalid_ciphertext_exception(header.error().message()));
  auto key = find(Reference{.account = header->account, .region = call.region, .key_id = header->key_id, .alias = {}});
  if (!key && key.error().code == "NotFoundException") {
    return aws::refuse(errors::access_denied_exception(
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are "
        "not allowed to access."));
  }
  return key;
}

aws::Outcome<Key> Service::decrypting_key(const aws::Call& call, std::string_view ciphertext,
                                          const std::optional<std::string>& key_id) const {
  TRY(auto key, key_of_ciphertext(call, ciphertext));
  if (key_id) {
    TRY(const auto named, find(call, *key_id));
    if (named.id != key.id) {
      return aws::refuse(errors::incorrect_key_exception(
          "The key ID in the request does not identify a CMK that can perform this operation."));
    }
  }
  CHECK(check_usable(key));
  return key;
}

Task<aws::Outcome<EncryptResponse>> Service::encrypt(aws::Call& call, EncryptRequest input) {
  CO_CHECK(check_algorithm(input.encryption_algorithm));
  CO_TRY(const auto key, find(call, input.key_id));
  CO_CHECK(check_usable(key));
  if (input.dry_run.value_or(false)) co_return aws::refuse(dry_run_succeeded());
  EncryptResponse out;
  CO_TRY(auto sealed, seal(key, given(input.encryption_context), as_bytes(input.plaintext.bytes)));
  out.ciphertext_blob = {std::move(sealed)};
  out.key_id = key.arn();
  out.encryption_algorithm = algorithm;
  co_return out;
}

Task<aws::Outcome<DecryptResponse>> Service::decrypt(aws::Call& call, DecryptRequest input) {
  CO_CHECK(check_algorithm(input.encryption_algorithm));
  CO_CHECK(check_no_enclave(input.recipient));
  const std::string& ciphertext = input.ciphertext_blob->bytes;  // access() refuses a request without it
  CO_TRY(const auto key, decrypting_key(call, ciphertext, input.key_id));
  CO_TRY(const auto plain, open(key, given(input.encryption_context), ciphertext));
  if (input.dry_run.value_or(false)) co_return aws::refuse(dry_run_succeeded());
  DecryptResponse out;
  out.plaintext = {std::string(plain.text())};
  out.key_id = key.arn();
  out.encryption_algorithm = algorithm;
  CO_TRY(out.key_material_id, material_id(key, read_header(ciphertext)->version));
  co_return out;
}

Task<aws::Outcome<ReEncryptResponse>> Service::re_encrypt(aws::Call& call, ReEncryptRequest input) {
  CO_CHECK(check_algorithm(input.source_encryption_algorithm));
  CO_CHECK(check_algorithm(input.destination_encryption_algorithm));
  const std::string& ciphertext = input.ciphertext_blob->bytes;  // access() refuses a request without it
  CO_TRY(const auto source, decrypting_key(call, ciphertext, input.source_key_id));
  CO_TRY(const auto destination, find(call, input.destination_key_id));
  CO_CHECK(check_usable(destination));
  CO_TRY(const auto plain, open(source, given(input.source_encryption_context), ciphertext));
  if (input.dry_run.value_or(false)) co_return aws::refuse(dry_run_succeeded());
  ReEncryptResponse out;
  CO_TRY(auto sealed, seal(destination, given(input.destination_encryption_context), plain.bytes()));
  out.ciphertext_blob = {std::move(sealed)};
  out.source_key_id = source.arn();
  out.key_id = destination.arn();
  out.source_encryption_algorithm = algorithm;
  out.destination_encryption_algorithm = algorithm;
  CO_TRY(out.source_key_material_id, material_id(source, read_header(ciphertext)->version));
  CO_TRY(out.destination_key_material_id, material_id(destination, destination.version));
  co_return out;
}

Task<aws::Outcome<GenerateDataKeyResponse>> Service::generate_data_key(aws::Call& call, GenerateDataKeyRequest input) {
  CO_CHECK(check_no_enclave(input.recipient));
  CO_TRY(const size_t size, data_key_size(input.key_spec, input.number_of_bytes));
  CO_TRY(const auto key, find(call, input.key_id));
  CO_CHECK(check_usable(key));
  if (input.dry_run.value_or(false)) co_return aws::refuse(dry_run_succeeded());
  GenerateDataKeyResponse out;
  out.plaintext = {context_.random.bytes(size)};
  CO_TRY(auto sealed, seal(key, given(input.encryption_context), as_bytes(out.plaintext->bytes)));
  out.ciphertext_blob = {std::move(sealed)};
  out.key_id = key.arn();
  CO_TRY(out.key_material_id, material_id(key, key.version));
  co_return out;
}

Task<aws::Outcome<GenerateDataKeyWithoutPlaintextResponse>> Service::generate_data_key_without_plaintext(
    aws::Call& call, GenerateDataKeyWithoutPlaintextRequest input) {
  CO_TRY(auto made, co_await generate_data_key(
                        call, GenerateDataKeyRequest{.key_id = std::move(input.key_id),
                                                     .encryption_context = std::move(input.encryption_context),
                                                     .number_of_bytes = input.number_of_bytes,
                                                     .key_spec = std::move(input.key_spec),
                                                     .grant_tokens = {},
                                                     .recipient = {},
                                                     .dry_run = input.dry_run}));
  crypto::wipe(std::as_writable_bytes(std::span(made.plaintext->bytes)));
  GenerateDataKeyWithoutPlaintextResponse out;
  out.ciphertext_blob = std::move(made.ciphertext_blob);
  out.key_id = std::move(made.key_id);
  out.key_material_id = std::move(made.key_material_id);
  co_return out;
}

Task<aws::Outcome<GenerateRandomResponse>> Service::generate_random(aws::Call&, GenerateRandomRequest input) {
  CO_CHECK(check_no_enclave(input.recipient));
  if (input.custom_key_store_id) {
    co_return aws::refuse(
        errors::unsupported_operation_exception("CustomKeyStoreId: boreal has no custom key stores."));
  }
  if (!input.number_of_bytes) {
    co_return aws::refuse(errors::validation_exception("NumberOfBytes is required: between 1 and 1024."));
  }
  GenerateRandomResponse out;
  out.plaintext = {context_.random.bytes(static_cast<size_t>(*input.number_of_bytes))};
  co_return out;
}

}  // namespace boreal::kms
