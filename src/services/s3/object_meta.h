// What a request wants kept with an object, and how it is told again.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "aws/call.h"
#include "aws/error.h"
#include "objects/types.h"
#include "s3/acl.h"
#include "s3/encryption.h"
#include "s3/names.h"
#include "s3/object_lock.h"
#include "s3/resources.h"

namespace boreal::s3 {

// The members that PutObject, CreateMultipartUpload and CopyObject share.
struct Wishes {
  AclHeaders acl;
  std::optional<std::string> cache_control, content_disposition, content_encoding, content_language, content_type,
      expires;
  std::optional<std::map<std::string, std::string>> metadata;
  std::optional<std::string> storage_class, website_redirect, tagging;
  LockHeaders lock;
  std::optional<std::string> encryption, kms_key, kms_context;
  std::optional<bool> bucket_key;
  std::optional<std::string> customer_algorithm, customer_key, customer_md5;
};

template <class Input>
Wishes wishes_of(const Input& in) {
  return {acl_headers(in),
          in.cache_control,
          in.content_disposition,
          in.content_encoding,
          in.content_language,
          in.content_type,
          in.expires,
          in.metadata,
          in.storage_class,
          in.website_redirect_location,
          in.tagging,
          lock_headers(in),
          in.server_side_encryption,
          in.sse_kms_key_id,
          in.sse_kms_encryption_context,
          in.bucket_key_enabled,
          in.sse_customer_algorithm,
          in.sse_customer_key,
          in.sse_customer_key_md5};
}

// Who will own an object that the caller makes with these wishes.
std::string object_owner(const Bucket& bucket, const aws::Caller& caller, const AclHeaders& acl);

// Headers, metadata, tags, class, access list, lock. MetadataTooLarge, InvalidStorageClass, InvalidTag, …
aws::Outcome<objects::Meta> meta_of(const Bucket& bucket, const aws::Call& call, const Wishes& wishes);
// The headers and metadata alone.
aws::Outcome<objects::Properties> headers_of(const Wishes& wishes);
aws::Outcome<void> check_storage_class(const std::string& name);
// How long a body is to be must be told, one way or the other: MissingContentLength, EntityTooLarge. One that comes in
// chunks must be looked into: InvalidArgument.
aws::Outcome<void> check_length(const http::Request& request);
// What is half an UploadPart, or is meant for one version, must not become an object.
aws::Outcome<void> check_put_query(const aws::Call& call);
aws::ApiError part_without_upload();

// A bucket may refuse to have more written under clients' own keys.
aws::Outcome<void> check_customer_key(const Bucket& bucket, const std::optional<CustomerKey>& customer);

// As asked for, or as the bucket does by default.
aws::Outcome<Encryption> encryption_for(const Bucket& bucket, const Wishes& wishes);

// The headers that tell of an object's encryption, in any output that has them.
template <class Output>
void tell_encryption(const Encryption& encryption, const std::optional<std::string>& customer_md5, Output& output) {
  if (encryption.algorithm == "customer") {
    if constexpr (requires { output.sse_customer_algorithm; }) {
      output.sse_customer_algorithm = "AES256";
      output.sse_customer_key_md5 = customer_md5;
    }
    return;
  }
  output.server_side_encryption = encryption.algorithm;
  if (!encryption.is_kms()) return;
  output.sse_kms_key_id = encryption.kms_key;
  if (encryption.bucket_key) output.bucket_key_enabled = true;
  if constexpr (requires { output.sse_kms_encryption_context; }) {
    if (!encryption.kms_context.empty()) output.sse_kms_encryption_context = encryption.kms_context;
  }
}

// GLACIER and DEEP_ARCHIVE: not readable until restored.
bool is_archived(const std::string& storage_class);
std::optional<Time> restored_until(const objects::Meta& meta);

}  // namespace boreal::s3
