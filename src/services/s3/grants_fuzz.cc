// Any text where a request asks for access or for encryption: canned lists, grants, a client's key, an encryption
// context, an upload's id.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "s3/acl.h"
#include "s3/multipart.h"
#include "s3/object_meta.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace boreal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string value(text);
  s3::Bucket bucket;
  bucket.name = "shop";
  bucket.account = "000000000000";
  bucket.ownership = "ObjectWriter";
  for (const bool canned : {false, true}) {
    s3::AclHeaders headers;
    (canned ? headers.canned : headers.read) = value;
    const auto acl = s3::acl_of_headers(bucket, "111111111111", headers);
    if (!acl || !*acl) continue;
    (void)s3::is_public(**acl);
    if (!s3::check_acl(bucket, "111111111111", **acl)) std::abort();
  }
  if (const auto key = s3::parse_customer_key("AES256", value, value); key && *key && (*key)->key.size() != 32)
    std::abort();
  s3::Wishes wishes;
  wishes.encryption = "aws:kms";
  wishes.kms_context = value;
  (void)s3::encryption_for(bucket, wishes);
  if (const auto id = s3::parse_upload_id(value); id && id->text() != value) std::abort();
  return 0;
}
