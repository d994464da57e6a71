// RestoreObject: an archived object is readable again for some days. Its bytes are on this machine all the time, so
// that a restore is done when it is answered.
#include <algorithm>

#include "codec/time.h"
#include "s3/lifecycle_due.h"
#include "s3/names.h"
#include "s3/object_meta.h"
#include "s3/service.h"
#include "s3/wording.h"

namespace boreal::s3 {

namespace {

constexpr Time last_day{253'402'214'400'000};  // 9999-12-31, behind which no date can be read

}  // namespace

Task<Outcome<api::RestoreObjectOutput>> Service::restore_object(Call& call, api::RestoreObjectRequest input) {
  CO_TRY(const BucketRef bucket, buckets_.need(input.bucket));
  if (!input.restore_request) co_return refuse(malformed_xml());
  if (input.restore_request->select_parameters || input.restore_request->type) {
    co_return refuse(errors::not_implemented("Select is not served."));
  }
  // These two belong to Select alone: how fast a restore is to be, its GlacierJobParameters say.
  if (input.restore_request->output_location || input.restore_request->tier) co_return refuse(malformed_xml());
  const auto& days = input.restore_request->days;
  if (days && *days < 1) {
    co_return refuse(errors::invalid_argument("A restore wants Days of at least 1.")
                         .with("ArgumentName", "Days")
                         .with("ArgumentValue", std::to_string(*days)));
  }
  const auto& job = input.restore_request->glacier_job_parameters;
  const bool is_expedited = job && job->tier == "Expedited";
  bool was_restored = false;
  CO_TRY(const auto restored,
         co_await update_object(
             call, bucket, input.key, input.version_id, [&](objects::Version& version) -> Outcome<void> {
               if (!is_archived(version.meta.tier)) {
                 return refuse(
                     errors::invalid_object_state("Restore is not allowed for the object's current storage class")
                         .with("StorageClass", version.meta.tier));
               }
               // Told after the class: of INTELLIGENT_TIERING a restore comes without.
               if (!days) return refuse(errors::malformed_xml("A restore wants Days of at least 1."));
               if (is_expedited && version.meta.tier == "DEEP_ARCHIVE") {
                 return refuse(
                     aws::ApiError("InvalidTier", 403, "Retrieval option is not supported by this storage class"));
               }
               const auto until = restored_until(version.meta);
               was_restored = until && *until > call.now;
               const Time end = std::min(due(call.now, *days), last_day);
               version.meta.attributes[std::string(attribute::restored_until)] = codec::format_iso8601(end);
               return {};
             }));
  if (bucket->is_versioned()) call.response_headers.set("x-amz-version-id", version_text(restored));
  call.response_status = was_restored ? 200 : 202;
  co_return api::RestoreObjectOutput{};
}

}  // namespace boreal::s3
