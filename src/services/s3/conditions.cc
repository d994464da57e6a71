#include "s3/conditions.h"

#include "api/s3/errors.h"
#include "base/text.h"
#include "codec/time.h"
#include "s3/names.h"
#include "s3/wording.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {

std::unexpected<aws::ApiError> failed(std::string condition) {
  return refuse(errors::precondition_failed("At least one of the pre-conditions you specified did not hold")
                    .with("Condition", std::move(condition)));
}

// HTTP dates know no milliseconds.
int64_t seconds(Time time) { return time.ms / 1000; }

}  // namespace

bool etag_matches(const std::string& header, const std::string& etag) {
  for (std::string_view item : split(header, ',')) {
    item = trim(item);
    if (item.starts_with("W/")) item.remove_prefix(2);
    if (item.starts_with('"')) item.remove_prefix(1);  // S3 takes tags with one quote or none too
    if (item.ends_with('"')) item.remove_suffix(1);
    if (item == "*" || item == etag) return true;
  }
  return false;
}

Outcome<void> check_read(const ReadConditions& conditions, const objects::Version& version, Time now, bool copying) {
  if (conditions.match) {
    if (!etag_matches(*conditions.match, version.etag))
      return failed(copying ? "x-amz-copy-source-If-Match" : "If-Match");
  } else if (conditions.unmodified_since && seconds(version.modified) > seconds(*conditions.unmodified_since)) {
    return failed(copying ? "x-amz-copy-source-If-Unmodified-Since" : "If-Unmodified-Since");
  }
  std::string unchanged;
  if (conditions.none_match) {
    if (etag_matches(*conditions.none_match, version.etag))
      unchanged = copying ? "x-amz-copy-source-If-None-Match" : "If-None-Match";
  } else if (conditions.modified_since && *conditions.modified_since <= now &&  // one of the future does not count
             seconds(version.modified) <= seconds(*conditions.modified_since)) {
    unchanged = copying ? "x-amz-copy-source-If-Modified-Since" : "If-Modified-Since";
  }
  if (unchanged.empty()) return {};
  if (copying) return failed(unchanged);
  aws::ApiError not_modified = errors::not_modified("Not Modified");
  not_modified.headers.emplace_back("ETag", quoted(version.etag));
  not_modified.headers.emplace_back("Last-Modified", codec::format_http_date(version.modified));
  return refuse(std::move(not_modified));
}

bool range_is_wanted(std::string_view if_range, const objects::Version& version) {
  if (if_range.starts_with('"')) return if_range == quoted(version.etag);  // weak ones do not do for parts
  const auto date = codec::parse_http_date(if_range);
  return date && seconds(*date) == seconds(version.modified);
}

Outcome<void> check_write_headers(const std::optional<std::string>& match,
                                  const std::optional<std::string>& none_match) {
  if (match && match->empty()) {
    return refuse(
        errors::invalid_argument("The value provided for the If-Match query parameter cannot be empty for this API.")
            .with("ArgumentName", "If-Match"));
  }
  if (none_match && *none_match != "*") {
    return refuse(
        unserved_header("If-None-Match")
            .with("additionalMessage", "We don't accept the provided value of If-None-Match header for this API"));
  }
  if (match && none_match) {
    return refuse(unserved_header("If-Match,If-None-Match")
                      .with("additionalMessage", "Multiple conditional request headers present in the request"));
  }
  return {};
}

Outcome<void> check_write(const std::optional<std::string>& match, const std::optional<std::string>& none_match,
                          const std::string& key, const objects::Version* latest) {
  const bool is_there = latest != nullptr && !latest->is_delete_marker;
  if (none_match && is_there) return failed("If-None-Match");
  if (!match) return {};
  if (!is_there) return refuse(errors::no_such_key("The specified key does not exist.").with("Key", key));
  if (!etag_matches(*match, latest->etag)) return failed("If-Match");
  return {};
}

Outcome<void> check_delete(const DeleteConditions& conditions, const std::string& key, const objects::Version* latest) {
  const bool is_there = latest != nullptr && !latest->is_delete_marker;
  CHECK(check_write(is_there ? std::nullopt : conditions.match, {}, key, latest));
  if (!is_there) return {};
  // One tag, and no weak one.
  if (conditions.match && *conditions.match != "*" && *conditions.match != latest->etag &&
      *conditions.match != quoted(latest->etag))
    return failed("If-Match");
  if (conditions.modified && seconds(*conditions.modified) != seconds(latest->modified))
    return failed("x-amz-if-match-last-modified-time");
  if (conditions.size && static_cast<uint64_t>(*conditions.size) != latest->size) return failed("x-amz-if-match-size");
  return {};
}

Outcome<void> check_abort(const std::optional<Time>& initiated, Time begun) {
  if (!initiated || seconds(*initiated) == seconds(begun)) return {};
  return failed("x-amz-if-match-initiated-time");
}

Outcome<void> check_complete(const std::optional<std::string>& match, const std::optional<std::string>& none_match,
                             const std::string& key, const objects::Version* latest, const objects::UploadId& upload,
                             bool overwrites) {
  CHECK(check_write(match, none_match, key, latest));
  // By ids, whose order no clock that is set back disturbs; and what was made of parts is as old as its upload.
  const bool is_changed = latest != nullptr && latest->id.order > upload.order;
  const bool is_conflict = match ? is_changed : none_match && (overwrites || is_changed);
  if (!is_conflict) return {};
  return refuse(errors::conditional_request_conflict("The conditional request cannot succeed due to a conflicting "
                                                     "operation against this resource.")
                    .with("Condition", match ? "If-Match" : "If-None-Match")
                    .with("Key", key));
}

}  // namespace boreal::s3
