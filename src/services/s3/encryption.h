// How objects are encrypted: the data key of each, and who wraps it. A wrapped key tells by its first byte who can
// open it: the service itself (SSE-S3), KMS, or only the client with its own key (SSE-C).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "aws/call.h"
#include "aws/peers.h"
#include "base/random.h"
#include "crypto/sealer.h"
#include "objects/types.h"
#include "s3/resources.h"

namespace boreal::s3 {

enum class Wrapping : char { own = 'i', kms = 'k', customer = 'c' };
inline Wrapping wrapping_of(const std::string& wrapped) {
  return wrapped.empty() ? Wrapping::own : static_cast<Wrapping>(wrapped.front());
}

// The three headers of SSE-C, of a request or of its copy source.
struct CustomerKey {
  std::string key;  // 32 bytes, if it is to write
  std::string md5;  // as sent: base64
};
// To read, a key of any size will do: one of another is just not the right one.
enum class KeyUse : uint8_t { writing, reading };
// nullopt: none of the headers came. InvalidArgument, InvalidEncryptionAlgorithmError.
aws::Outcome<std::optional<CustomerKey>> parse_customer_key(const std::optional<std::string>& algorithm,
                                                            const std::optional<std::string>& key,
                                                            const std::optional<std::string>& md5,
                                                            KeyUse use = KeyUse::writing);

// How an object is encrypted is told by most calls, not asked of them; only a customer's key comes with them. `upload`:
// of what the call is about; to say again how that is encrypted does no harm.
aws::Outcome<void> check_no_encryption(const aws::Call& call, const objects::Upload* upload = nullptr);

// InvalidArgument: a key or a context of KMS came, and KMS was not asked for.
aws::ApiError kms_key_without_kms();

// What an object is to be encrypted with.
struct Encryption {
  std::string algorithm = "AES256";  // AES256, aws:kms, aws:kms:dsse, or "customer"
  std::string kms_key;               // ARN
  std::string kms_context;           // base64 of JSON, as sent
  bool bucket_key = false;
  std::optional<CustomerKey> customer;
  bool is_kms() const { return algorithm.starts_with("aws:kms"); }
};
Encryption encryption_of(const objects::Meta& meta);
void keep(const Encryption& encryption, objects::Properties& attributes);

class KeyMaker;

// Opens the keys of one request. What KMS opened for it stays open, so that a body may be read after the call is over.
class RequestKeys final : public objects::Keys {
 public:
  RequestKeys(KeyMaker& maker, std::optional<CustomerKey> customer) : maker_(maker), customer_(std::move(customer)) {}
  Task<Result<crypto::SecretBytes>> unwrap(std::string wrapped) override;
  // Asks KMS in the asker's name, with KMS's own refusals; other keys are opened when they are needed. AccessDenied
  // for a customer's key that is not the one.
  Task<aws::Outcome<void>> open(aws::Asker asker, const std::string& wrapped);
  // InvalidRequest: a customer's key was sent for what none opens. InvalidArgument: nobody in particular asks for what
  // KMS opens.
  aws::Outcome<void> check_applicable(const aws::Asker& asker, const std::string& wrapped) const;

 private:
  KeyMaker& maker_;
  std::optional<CustomerKey> customer_;
  std::map<std::string, crypto::SecretBytes> opened_;
};

class KeyMaker {
 public:
  KeyMaker(crypto::Sealer sealer, Random& random, aws::Keys& kms)
      : sealer_(std::move(sealer)), random_(random), kms_(kms) {}

  // For an object at `arn` in the bucket. `encryption.kms_key` becomes the ARN.
  Task<aws::Outcome<objects::DataKey>> make(aws::Asker asker, const Bucket& bucket, std::string arn,
                                            Encryption& encryption);
  // A data key that is there already, wrapped by the KMS key that `encryption` names by its ARN.
  Task<aws::Outcome<std::string>> wrap(aws::Asker asker, const Bucket& bucket, std::string arn,
                                       const Encryption& encryption, const crypto::SecretBytes& plain);

 private:
  friend class RequestKeys;
  Task<aws::Outcome<crypto::SecretBytes>> open_kms(aws::Asker asker, std::string wrapped);
  Result<crypto::SecretBytes> open_own(const std::string& wrapped);

  crypto::Sealer sealer_;
  Random& random_;
  aws::Keys& kms_;
};

}  // namespace boreal::s3
