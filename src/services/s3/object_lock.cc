#include "s3/object_lock.h"

#include <chrono>

#include "api/s3/errors.h"
#include "codec/time.h"

namespace boreal::s3 {

using aws::Outcome;
using aws::refuse;
namespace errors = boreal::api::s3::errors;

namespace {

constexpr int64_t day_ms = 24 * 3600 * 1000LL;

aws::ApiError held() { return errors::access_denied("Access Denied because object protected by object lock."); }

// Years are those of the calendar: two of them may have 731 days. What begins on a leap day ends on the 1st of March.
Time years_after(Time time, int32_t years) {
  const std::chrono::sys_time<std::chrono::milliseconds> from(std::chrono::milliseconds(time.ms));
  const auto day = std::chrono::floor<std::chrono::days>(from);
  const auto last = std::chrono::sys_days(std::chrono::year_month_day(day) + std::chrono::years(years));
  return Time{(last + (from - day)).time_since_epoch().count()};
}

}  // namespace

std::optional<Retention> retention_of(const objects::Meta& meta) {
  const auto mode = meta.attributes.find(attribute::lock_mode);
  const auto until = meta.attributes.find(attribute::lock_until);
  if (mode == meta.attributes.end() || until == meta.attributes.end()) return std::nullopt;
  const auto time = codec::parse_iso8601(until->second);
  // A date that cannot be read must not set a locked version free.
  return Retention{mode->second, time.value_or(Time{INT64_MAX})};
}

void keep_retention(const std::optional<Retention>& retention, objects::Meta& meta) {
  if (!retention) {
    meta.attributes.erase(std::string(attribute::lock_mode));
    meta.attributes.erase(std::string(attribute::lock_until));
    return;
  }
  meta.attributes[std::string(attribute::lock_mode)] = retention->mode;
  meta.attributes[std::string(attribute::lock_until)] =
      codec::format_iso8601(retention->until, codec::Fraction::milliseconds);
}

bool says_own_lock(const objects::Meta& meta) {
  return retention_of(meta) || meta.attributes.contains(attribute::legal_hold);
}

bool has_legal_hold(const objects::Meta& meta) { return attribute_of(meta, attribute::legal_hold) == "ON"; }

Outcome<void> check_removable(const objects::Version& version, Time now, bool bypass) {
  if (has_legal_hold(version.meta)) return refuse(held());
  const auto retention = retention_of(version.meta);
  if (!retention || retention->until <= now) return {};
  if (retention->mode == "GOVERNANCE" && bypass) return {};
  return refuse(held());
}

Outcome<void> check_retention_change(const std::optional<Retention>& before, const std::optional<Retention>& after,
                                     Time now, bool bypass) {
  if (!before || before->until <= now) return {};
  // To lock for longer needs nothing special; another mode does, the stricter one too.
  if (after && after->mode == before->mode && after->until >= before->until) return {};
  if (before->mode == "GOVERNANCE" && bypass) return {};
  return refuse(held());
}

Outcome<void> check_lock_values(const std::optional<std::string>& mode, const std::optional<Time>& until, Time now) {
  if (mode.has_value() != until.has_value()) {
    return refuse(
        errors::invalid_argument("x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")
            .with("ArgumentName", mode ? "x-amz-object-lock-retain-until-date" : "x-amz-object-lock-mode"));
  }
  if (mode && *mode != "GOVERNANCE" && *mode != "COMPLIANCE") {
    return refuse(errors::invalid_argument("Unknown wormMode directive.")
                      .with("ArgumentName", "x-amz-object-lock-mode")
                      .with("ArgumentValue", *mode));
  }
  if (until && *until <= now) {
    return refuse(errors::invalid_argument("The retain until date must be in the future!")
                      .with("ArgumentName", "x-amz-object-lock-retain-until-date")
                      .with("ArgumentValue", codec::format_iso8601(*until)));
  }
  return {};
}

bool is_as_strict(const Retention& one, const std::optional<Retention>& other, Time now) {
  if (!other || other->until <= now) return true;
  return one.until >= other->until && (one.mode == other->mode || one.mode == "COMPLIANCE");
}

bool retains_by_default(const Bucket& bucket) {
  return bucket.object_lock && bucket.object_lock->rule && bucket.object_lock->rule->default_retention;
}

std::optional<Retention> default_retention(const Bucket& bucket, Time now) {
  if (!retains_by_default(bucket)) return std::nullopt;
  const auto& by_default = *bucket.object_lock->rule->default_retention;
  const Time until =
      by_default.days ? now + Duration(*by_default.days * day_ms) : years_after(now, by_default.years.value_or(0));
  return Retention{by_default.mode.value_or("GOVERNANCE"), until};
}

Outcome<void> apply_lock(const Bucket& bucket, const LockHeaders& headers, Time now, objects::Meta& meta) {
  const bool asked = headers.mode || headers.until || headers.legal_hold;
  CHECK(check_lock_values(headers.mode, headers.until, now));
  if (headers.legal_hold && *headers.legal_hold != "ON" && *headers.legal_hold != "OFF") {
    return refuse(errors::invalid_argument("Legal Hold must be either of 'ON' or 'OFF'")
                      .with("ArgumentName", "x-amz-object-lock-legal-hold")
                      .with("ArgumentValue", *headers.legal_hold));
  }
  // Here it is one word; of an object that is there already, AWS writes it as three.
  if (asked && !bucket.object_lock) {
    return refuse(errors::invalid_request("Bucket is missing ObjectLockConfiguration"));
  }
  if (headers.legal_hold) {
    meta.attributes[std::string(attribute::legal_hold)] = *headers.legal_hold;
  }
  if (headers.mode) {
    keep_retention(Retention{*headers.mode, *headers.until}, meta);
  } else if (!headers.legal_hold) {
    keep_retention(default_retention(bucket, now), meta);
  }
  return {};
}

}  // namespace boreal::s3
