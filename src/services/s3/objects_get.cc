// Reading objects: GetObject, HeadObject, GetObjectAttributes.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "codec/form.h"
#include "codec/time.h"
#include "codec/utf8.h"
#include "s3/checksums.h"
#include "s3/conditions.h"
#include "s3/lifecycle_due.h"
#include "s3/multipart.h"
#include "s3/object_meta.h"
#include "s3/ranges.h"
#include "s3/replication_rules.h"
#include "s3/service.h"

namespace boreal::s3 {

namespace {

constexpr int32_t max_attribute_parts = 1000;

// A body that keeps what opens it. Members end in reverse order: the source before its keys.
class KeyedSource final : public Source {
 public:
  KeyedSource(std::unique_ptr<RequestKeys> keys, std::unique_ptr<Source> inner)
      : keys_(std::move(keys)), inner_(std::move(inner)) {}
  Task<Result<size_t>> read(MutableBytes buffer) override { return inner_->read(buffer); }
  std::optional<uint64_t> size() const override { return inner_->size(); }
  bool detaches() const override { return inner_->detaches(); }
  Task<Result<std::unique_ptr<Source>>> detach() override { return inner_->detach(); }

 private:
  std::unique_ptr<RequestKeys> keys_;
  std::unique_ptr<Source> inner_;
};

template <class Output>
void tell_headers(const objects::Properties& headers, Output& output) {
  const auto take = [&](std::string_view name, std::optional<std::string>& to) {
    if (const auto found = headers.find(name); found != headers.end()) to = found->second;
  };
  take("cache-control", output.cache_control);
  take("content-disposition", output.content_disposition);
  take("content-encoding", output.content_encoding);
  take("content-language", output.content_language);
  take("content-type", output.content_type);
  take("expires", output.expires);
  take("website-redirect", output.website_redirect_location);
  constexpr std::string_view prefix = "x-amz-meta-";
  for (auto at = headers.lower_bound(prefix); at != headers.end() && at->first.starts_with(prefix); ++at) {
    // Forms name metadata as no header can be named. Source: S3 API Reference, "GetObject", x-amz-missing-meta.
    if (!is_header_name(at->first)) {
      output.missing_meta = output.missing_meta.value_or(0) + 1;
      continue;
    }
    if (!output.metadata) output.metadata.emplace();
    output.metadata->emplace(at->first.substr(prefix.size()), at->second);
  }
}

// Headers hold Latin-1. What has other characters, or ends a line, cannot be sent in one.
Outcome<std::string> header_text(std::string_view argument, const std::string& text) {
  std::string latin;
  for (size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const size_t length = codec::utf8_length(text, at);
    const bool is_wide = length > 2 || (length == 2 && first > 0xc3);
    if (length == 0 || is_wide || (length == 1 && (first < 0x20 || first == 0x7f) && first != '\t')) {
      return refuse(errors::invalid_argument("Header value cannot be represented using ISO-8859-1.")
                        .with("ArgumentName", std::string(argument))
                        .with("ArgumentValue", text));
    }
    latin += length == 1 ? text[at] : static_cast<char>((first << 6) | (text[at + 1] & 0x3f));
    at += length;
  }
  return latin;
}

// A parameter that looks like an override but is none.
Outcome<void> check_override_names(const Call& call) {
  constexpr std::string_view known[] = {"response-cache-control",    "response-content-disposition",
                                        "response-content-encoding", "response-content-language",
                                        "response-content-type",     "response-expires"};
  if (call.http.query.find("response-") == std::string::npos) return {};
  for (const auto& pair : codec::parse_query(call.http.query).value_or(std::vector<codec::NamedValue>())) {
    if (!pair.name.starts_with("response-") || std::ranges::find(known, pair.name) != std::end(known)) continue;
    return refuse(errors::invalid_argument(pair.name +
                                           " is not in the set of overridable response headers. Please "
                                           "refer to the S3 API documentation for a complete list of overridable "
                                           "response headers.")
                      .with("ArgumentName", pair.name)
                      .with("ArgumentValue", pair.value));
  }
  return {};
}

// response-content-type and the like; only for those that signed.
template <class Input, class Output>
Outcome<void> apply_overrides(const Call& call, const Input& input, Output& output) {
  CHECK(check_override_names(call));
  const bool any = input.response_cache_control || input.response_content_disposition ||
                   input.response_content_encoding || input.response_content_language || input.response_content_type ||
                   input.response_expires;
  if (!any) return {};
  if (call.caller.is_anonymous()) {
    return refuse(
        errors::invalid_request("Request specific response headers cannot be used for anonymous GET requests."));
  }
  const auto take = [](std::string_view name, const std::optional<std::string>& from,
                       std::optional<std::string>& to) -> Outcome<void> {
    if (!from || from->empty()) return {};  // without a value it overrides nothing
    TRY(to, header_text(name, *from));
    return {};
  };
  CHECK(take("response-cache-control", input.response_cache_control, output.cache_control));
  CHECK(take("response-content-disposition", input.response_content_disposition, output.content_disposition));
  CHECK(take("response-content-encoding", input.response_content_encoding, output.content_encoding));
  CHECK(take("response-content-language", input.response_content_language, output.content_language));
  CHECK(take("response-content-type", input.response_content_type, output.content_type));
  return take("response-expires", input.response_expires, output.expires);
}

// A 304 tells how long it holds as the whole would have: what is kept of the object elsewhere takes it over.
// Source: RFC 9110, section 15.4.5.
template <class Output>
aws::ApiError with_freshness(aws::ApiError error, const Output& output) {
  if (error.status != 304) return error;
  if (output.cache_control) error.headers.emplace_back("Cache-Control", *output.cache_control);
  if (output.expires) error.headers.emplace_back("Expires", *output.expires);
  return error;
}

aws::ApiError no_such_part(int32_t wanted, uint32_t parts) {
  return errors::invalid_part_number("The requested partnumber is not satisfiable")
      .with("PartNumberRequested", std::to_string(wanted))
      .with("ActualPartCount", std::to_string(parts));
}

Outcome<void> check_readable(const objects::Version& version, Time now) {
  if (!is_archived(version.meta.tier)) return {};
  const auto until = restored_until(version.meta);
  if (until && *until > now) return {};
  return refuse(errors::invalid_object_state("The operation is not valid for the object's storage class")
                    .with("StorageClass", version.meta.tier));
}

// Of a range that is just one part, that part's are told. Source: S3 User Guide, "Checking object integrity".
Task<Outcome<void>> narrow(objects::Objects& objects, const objects::Found& found, objects::Range range,
                           std::vector<objects::Checksum>& checksums, uint32_t& parts) {
  const bool is_composite = !checksums.empty() && checksums.front().composite;
  if (is_composite) {
    CO_TRY(auto part, co_await objects.part_at(found, range));
    if (part) {
      checksums = std::move(part->checksums);
      parts = 0;
      co_return {};
    }
  }
  if (range.length != found.version->size) checksums.clear();
  co_return {};
}

}  // namespace

struct Service::Picture {
  objects::Found found;
  objects::Range range;  // what is to be sent
  bool is_part = false;  // of the whole: 206
  std::unique_ptr<RequestKeys> keys;
};

Outcome<void> check_checksum_mode(const std::optional<std::string>& mode) {
  if (!mode || equal_ignoring_case(*mode, "ENABLED")) return {};
  return refuse(errors::invalid_request("Value for x-amz-checksum-mode header is invalid."));
}

template <class Output, class Input>
Task<Outcome<Service::Picture>> Service::describe_object(Call& call, const Input& input, Output& output,
                                                         bool with_data) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_CHECK(check_no_encryption(call));
  CO_CHECK(check_checksum_mode(input.checksum_mode));
  CO_CHECK(parse_version(input.version_id));
  if (input.part_number && input.range) {
    co_return refuse(errors::invalid_request("Cannot specify both Range header and partNumber query parameter"));
  }
  if (input.part_number) CO_CHECK(check_part_number(*input.part_number));
  CO_TRY(auto found, co_await find_object(call, bucket, input.key, input.version_id, with_data));
  const objects::Version& version = *found.version;
  tell_headers(version.meta.headers, output);
  CO_CHECK(apply_overrides(call, input, output));
  Picture picture;
  CO_TRY(auto customer, parse_customer_key(input.sse_customer_algorithm, input.sse_customer_key,
                                           input.sse_customer_key_md5, KeyUse::reading));
  const std::optional<std::string> key_md5 = customer ? std::optional(customer->md5) : std::nullopt;
  picture.keys = std::make_unique<RequestKeys>(keys_, std::move(customer));
  // That it is archived AWS tells first to who asks for the whole of it as it is, and last to who asks for less.
  const bool has_conditions =
      input.if_match || input.if_none_match || input.if_modified_since || input.if_unmodified_since;
  if (with_data && !has_conditions && !input.range && !input.part_number) CO_CHECK(check_readable(version, call.now));
  CO_CHECK(picture.keys->check_applicable(&call, version.wrapped_key));
  auto fits = check_read({input.if_match, input.if_none_match, input.if_modified_since, input.if_unmodified_since},
                         version, call.now, false);
  if (!fits) co_return refuse(with_freshness(std::move(fits).error(), output));

  picture.range = {0, version.size};
  std::vector<objects::Checksum> checksums = version.checksums;
  uint32_t parts = version.part_count;
  if (input.part_number) {
    picture.is_part = true;
    if (version.part_count > 0) {
      CO_TRY(const auto page, co_await objects_.parts_of(found, static_cast<uint32_t>(*input.part_number) - 1, 1));
      if (page.parts.empty() || static_cast<int32_t>(page.parts.front().number) != *input.part_number) {
        co_return refuse(no_such_part(*input.part_number, version.part_count));
      }
      picture.range = {page.parts.front().offset, page.parts.front().size};
      // One of the whole tells nothing of a part among several.
      const bool is_composite = !version.checksums.empty() && version.checksums.front().composite;
      if (is_composite) checksums = page.parts.front().checksums;
      if (!is_composite && version.part_count > 1) checksums.clear();
      parts = 0;
      output.parts_count = static_cast<int32_t>(version.part_count);
    } else if (*input.part_number != 1) {
      co_return refuse(no_such_part(*input.part_number, 1));
    }
  } else if (const auto if_range = call.http.headers.get("if-range");
             input.range && (!if_range || range_is_wanted(*if_range, version))) {
    CO_TRY(const auto range, parse_range(*input.range, version.size));
    if (range) {
      picture.range = *range;
      picture.is_part = true;
      if (input.checksum_mode) CO_CHECK(co_await narrow(objects_, found, *range, checksums, parts));
    }
  }
  // What is not there is told before whether the key is right, and that before whether it is restored.
  // Who asks for the head alone needs no leave to use the KMS key, but for the checksum, which AWS keeps sealed by it.
  const bool is_sealed = with_data || (input.checksum_mode && !version.checksums.empty());
  if (is_sealed || wrapping_of(version.wrapped_key) != Wrapping::kms)
    CO_CHECK(co_await picture.keys->open(&call, version.wrapped_key));
  if (with_data) CO_CHECK(check_readable(version, call.now));
  if (picture.is_part && picture.range.length > 0) {
    output.content_range = fmt::format("bytes {}-{}/{}", picture.range.offset,
                                       picture.range.offset + picture.range.length - 1, version.size);
  }
  // The one part of an empty object is the whole of it to AWS.
  if (picture.is_part && version.size > 0) call.response_status = 206;

  output.accept_ranges = "bytes";
  output.last_modified = version.modified;
  output.etag = quoted(version.etag);
  if (bucket->is_versioned()) output.version_id = version_text(version);
  tell_encryption(encryption_of(version.meta), key_md5, output);
  if (const auto retention = retention_of(version.meta);
      retention && co_await may_read(call, bucket, version, "s3:GetObjectRetention")) {
    output.object_lock_mode = retention->mode;
    output.object_lock_retain_until_date = retention->until;
  }
  if (const auto hold = version.meta.attributes.find(attribute::legal_hold);
      hold != version.meta.attributes.end() && co_await may_read(call, bucket, version, "s3:GetObjectLegalHold")) {
    output.object_lock_legal_hold_status = hold->second;
  }
  if (input.checksum_mode) write_checksums(checksums, parts, checksum_fields(output), nullptr);
  // One of a part is told under the type of the whole object's.
  if (input.checksum_mode && !checksums.empty())
    output.checksum_type = version.checksums.front().composite ? "COMPOSITE" : "FULL_OBJECT";
  if (!version.meta.tags.empty() &&
      co_await may_read(call, bucket, version, input.version_id ? "s3:GetObjectVersionTagging" : "s3:GetObjectTagging"))
    output.tag_count = static_cast<int32_t>(version.meta.tags.size());
  if (version.meta.tier != "STANDARD") output.storage_class = version.meta.tier;
  if (!input.version_id) output.expiration = expiration_header(*bucket, version);
  if (const auto status = replication_status_of(version.meta); !status.empty()) output.replication_status = status;
  if (const auto until = restored_until(version.meta); until && *until > call.now) {
    output.restore = fmt::format("ongoing-request=\"false\", expiry-date=\"{}\"", codec::format_http_date(*until));
  }
  picture.found = std::move(found);
  co_return picture;
}

Task<Outcome<api::GetObjectOutput>> Service::get_object(Call& call, api::GetObjectRequest input) {
  api::GetObjectOutput output;
  CO_TRY(auto picture, co_await describe_object(call, input, output, true));
  CO_TRY(auto body, co_await objects_.read(std::move(picture.found), picture.range, *picture.keys));
  // Without room for any byte it only gets the first ones ready: that they are damaged is still told in S3's words.
  CO_CHECK(co_await body->read({}));
  output.body = std::make_unique<KeyedSource>(std::move(picture.keys), std::move(body));
  co_return output;
}

Task<Outcome<api::HeadObjectOutput>> Service::head_object(Call& call, api::HeadObjectRequest input) {
  api::HeadObjectOutput output;
  CO_TRY(const auto picture, co_await describe_object(call, input, output, false));
  output.content_length = static_cast<int64_t>(picture.range.length);
  co_return output;
}

Task<Outcome<api::GetObjectAttributesOutput>> Service::get_object_attributes(Call& call,
                                                                             api::GetObjectAttributesRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  CO_CHECK(check_no_encryption(call));
  CO_TRY(const auto found, co_await find_object(call, bucket, input.key, input.version_id, false));
  const objects::Version& version = *found.version;
  CO_TRY(auto customer, parse_customer_key(input.sse_customer_algorithm, input.sse_customer_key,
                                           input.sse_customer_key_md5, KeyUse::reading));
  RequestKeys keys(keys_, std::move(customer));
  CO_CHECK(co_await keys.open(&call, version.wrapped_key));
  const auto wants = [&](std::string_view name) {
    return std::ranges::find(input.object_attributes, name) != input.object_attributes.end();
  };
  api::GetObjectAttributesOutput output;
  output.last_modified = version.modified;
  if (bucket->is_versioned()) output.version_id = version_text(version);
  if (wants("ETag")) output.etag = version.etag;
  if (wants("StorageClass")) output.storage_class = version.meta.tier;
  if (wants("ObjectSize")) output.object_size = static_cast<int64_t>(version.size);
  if (wants("Checksum") && !version.checksums.empty()) {
    output.checksum.emplace();
    write_checksums(version.checksums, 0, checksum_fields(*output.checksum), &output.checksum->checksum_type);
    for (const auto& checksum : version.checksums) {
      checksum_fields(*output.checksum).of(checksum.algorithm) =
          checksum_text({checksum.algorithm, false, checksum.value}, 0);
    }
  }
  if (wants("ObjectParts") && version.part_count > 0) {
    auto& told = output.object_parts.emplace();
    told.total_parts_count = static_cast<int32_t>(version.part_count);
    const int32_t after = input.part_number_marker.value_or(0);
    // A maximum below zero is as if it had not been sent.
    const int32_t asked = input.max_parts.value_or(max_attribute_parts);
    const int32_t max = asked < 0 ? max_attribute_parts : asked;
    if (after < 0) {
      co_return refuse(
          errors::invalid_argument("Argument part-number-marker must be an integer between 0 and 2147483647")
              .with("ArgumentName", "x-amz-part-number-marker")
              .with("ArgumentValue", std::to_string(after)));
    }
    // More only where the checksum is made of the parts'; one of the whole tells nothing of them.
    const bool are_listed = !version.checksums.empty() && version.checksums.front().composite;
    if (are_listed) {
      CO_TRY(const auto page, co_await objects_.parts_of(found, static_cast<uint32_t>(after),
                                                         static_cast<size_t>(std::min(max, max_attribute_parts))));
      told.part_number_marker = after;
      told.max_parts = max;
      told.is_truncated = page.truncated && max > 0;
      told.next_part_number_marker = page.parts.empty() ? 0 : static_cast<int32_t>(page.parts.back().number);
      told.parts.emplace();
      for (const auto& part : page.parts) {
        api::ObjectPart row;
        row.part_number = static_cast<int32_t>(part.number);
        row.size = static_cast<int64_t>(part.size);
        write_checksums(part.checksums, 0, checksum_fields(row), nullptr);
        told.parts->push_back(std::move(row));
      }
    }
  }
  co_return output;
}

}  // namespace boreal::s3
