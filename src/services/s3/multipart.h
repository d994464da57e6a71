// What the operations on uploads in parts share.
#pragma once

#include <string>

#include "aws/error.h"
#include "objects/types.h"
#include "s3/checksums.h"
#include "s3/encryption.h"

namespace boreal::s3 {

aws::ApiError no_such_upload(const std::string& id);
aws::Outcome<objects::UploadId> parse_upload_id(const std::string& text);
aws::Outcome<void> check_part_number(int32_t number);

// What an object is to be like is said where its upload begins: of a part, or of the completion, it would be lost. A
// copied part has no body, of which a digest could be.
aws::Outcome<void> check_upload_headers(const aws::Call& call, bool is_copy = false);

// The algorithm and type that an upload was begun with. None named: CRC64NVME of the whole.
struct UploadChecksum {
  objects::Algorithm algorithm = default_algorithm;
  bool composite = false;
  bool named = false;
};
UploadChecksum checksum_of(const objects::Meta& meta);

// Opens the key that an upload's parts share. InvalidRequest when it is a customer's and not the one that came.
Task<aws::Outcome<void>> open_upload(aws::Call& call, RequestKeys& keys, const objects::Upload& upload);

template <class Input>
aws::Outcome<std::optional<CustomerKey>> customer_key_of(const Input& input) {
  return parse_customer_key(input.sse_customer_algorithm, input.sse_customer_key, input.sse_customer_key_md5);
}

}  // namespace boreal::s3
