// Names as S3 writes them: buckets, owners, versions, copy sources, tags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/error.h"
#include "http/message.h"
#include "objects/types.h"
#include "s3/resources.h"

namespace boreal::s3 {

// InvalidBucketName. Source: S3 User Guide, "General purpose bucket naming rules".
aws::Outcome<void> check_bucket_name(std::string_view name);
// The same for a bucket that is only spoken of: its name may be one that was allowed once.
aws::Outcome<void> check_named_bucket(std::string_view name);
// KeyTooLongError, or InvalidURI for what is no UTF-8.
aws::Outcome<void> check_key(std::string_view key);

// Whether its `..` lead above its first segment, read from left to right; S3 answers such addresses with a bare 400.
// Source: S3 User Guide, "Naming Amazon S3 objects".
bool leads_out(std::string_view key);

// Whether rules for requests across origins may name the method.
bool is_cors_method(std::string_view method);

// Whether it can be the name of a header. Source: RFC 9110, section 5.1.
bool is_header_name(std::string_view name);
// Whether it can be a header's value. What a form or a URL brings need not be, and an answer that tells it is never
// sent.
bool is_header_value(std::string_view value);

// The bucket of a request's path: its first segment.
std::string bucket_of(std::string_view path);
// The key that it names, empty where it names none.
std::string key_of(std::string_view path);
// Whether it names a bucket and nothing in it.
bool is_bucket(std::string_view path);

// The address of a bucket, with a slash behind it, as the client wrote it: the host names the bucket, or the path does.
std::string address_of(const http::Request& request, std::string_view bucket);

// An account as access lists name it: 64 hexadecimal digits, always the same for the account.
std::string canonical_id(std::string_view account);
// The account that it names; nullopt: none. InvalidArgument is what clients are told of such an id, and
// of the place where it stands.
std::optional<std::string> account_of_canonical_id(std::string_view id);
aws::ApiError invalid_canonical_id(std::string place, std::string id);
api::Owner owner_of(std::string_view account);

// What a version is called outside.
std::string version_text(const objects::Version& version);
// versionId of a request, or what else names a version. InvalidArgument when it is none of ours.
aws::Outcome<objects::Select> parse_version(const std::optional<std::string>& text,
                                            std::string_view argument = "versionId");

// x-amz-copy-source: BUCKET/KEY or /BUCKET/KEY, percent-encoded, with an optional ?versionId=…
struct CopySource {
  std::string bucket;
  std::string key;
  std::optional<std::string> version_id;
};
aws::Outcome<CopySource> parse_copy_source(std::string_view text);

// encoding-type of a listing: whether its keys are to be encoded. It is `url` in any case, all else is InvalidArgument.
aws::Outcome<bool> wants_encoded_keys(const std::optional<std::string>& encoding_type);
// A key as such a listing has it.
std::string encoded_key(std::string_view key);

// What a listing of buckets or objects goes on behind, as clients hand it back. InvalidArgument: they made it up.
std::string continuation_token(std::string_view after);
aws::Outcome<std::string> parse_continuation_token(std::string_view token);

// An error of a key, as the operations tell it that name its bucket with it.
aws::ApiError with_bucket(aws::ApiError error, std::string_view bucket);

// Of UTF-8.
size_t characters(std::string_view text);

// x-amz-tagging: a query string. InvalidTag, InvalidArgument.
aws::Outcome<objects::Properties> parse_tag_header(std::string_view text);
// An object has at most 10 tags, a bucket 50. BadRequest, InvalidTag.
enum class TagsOf : uint8_t { object, bucket };
aws::Outcome<objects::Properties> check_tags(const std::vector<api::Tag>& tags, TagsOf what);
std::vector<api::Tag> tags_of(const objects::Properties& tags);

// S3 tells when something was made in whole seconds, everywhere.
inline Time in_seconds(Time time) { return {time.ms / 1000 * 1000}; }

inline std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

}  // namespace boreal::s3
