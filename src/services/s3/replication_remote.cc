// One version to a bucket at another endpoint: what is to be done there.
//
// What was sent is recorded in the version's attributes before its note goes, with the id that it has there. A version
// without such a record is sent at once only if it is new; after a crash, a failure or a change of an older version the
// bucket there is looked at first. Another boreal keeps our version ids, so that nothing comes twice, and nothing old
// comes to lie above what is newer. Any other server makes its latest version of what comes last: there a version is
// FAILED that is older than what the key has.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "codec/base64.h"
#include "codec/percent.h"
#include "codec/time.h"
#include "codec/xml.h"
#include "crypto/hash.h"
#include "s3/checksums.h"
#include "s3/names.h"
#include "s3/object_lock.h"
#include "s3/object_meta.h"
#include "s3/replica.h"
#include "s3/replication_job.h"
#include "s3/replication_rules.h"

namespace boreal::s3 {

namespace {

constexpr std::string_view s3_service = "s3.amazonaws.com";
constexpr std::string_view session_name = "s3-replication";
constexpr size_t max_versions_looked_at = 1000;

// The real time, wherever a developer has moved ours to: the server there judges by its own.
Time time_there() { return SystemClock().now(); }

std::string tag_header(const objects::Properties& tags) {
  std::string text;
  for (const auto& [key, value] : tags) {
    if (!text.empty()) text += '&';
    text += codec::percent_encode(key) + "=" + codec::percent_encode(value);
  }
  return text;
}

std::vector<std::pair<std::string, std::string>> headers_for(const objects::Version& version,
                                                             const api::ReplicationRule& rule, bool with_tags,
                                                             Time now) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& [name, value] : version.meta.headers) {
    headers.emplace_back(name == "website-redirect" ? "x-amz-website-redirect-location" : name, value);
  }
  if (with_tags && !version.meta.tags.empty()) headers.emplace_back("x-amz-tagging", tag_header(version.meta.tags));
  const std::string storage_class = rule.destination.storage_class.value_or(version.meta.tier);
  if (!storage_class.empty() && storage_class != "STANDARD") headers.emplace_back("x-amz-storage-class", storage_class);
  const auto& encryption = rule.destination.encryption_configuration;
  if (wrapping_of(version.wrapped_key) == Wrapping::kms && encryption && encryption->replica_kms_key_id) {
    headers.emplace_back("x-amz-server-side-encryption", "aws:kms");
    headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", *encryption->replica_kms_key_id);
  }
  if (const auto retention = retention_of(version.meta); retention && retention->until > now) {
    headers.emplace_back("x-amz-object-lock-mode", retention->mode);
    headers.emplace_back("x-amz-object-lock-retain-until-date",
                         codec::format_iso8601(retention->until, codec::Fraction::milliseconds));
  }
  if (has_legal_hold(version.meta)) headers.emplace_back("x-amz-object-lock-legal-hold", "ON");
  return headers;
}

std::string tags_body(const objects::Properties& tags) {
  std::string body;
  xml::Writer writer(body);
  writer.begin("Tagging");
  writer.begin("TagSet");
  for (const auto& [key, value] : tags) {
    writer.begin("Tag");
    writer.element("Key", key);
    writer.element("Value", value);
    writer.end();
  }
  writer.end();
  writer.end();
  return body;
}

// Whether what the answer to a HEAD tells is this version's bytes.
bool is_same(const objects::Version& version, const Remote::Answer& there, size_t parts, bool under_kms) {
  if (version.is_delete_marker) return there.status == 404 && there.header("x-amz-delete-marker") == "true";
  if (there.status != 200 || there.header("content-length") != std::to_string(version.size)) return false;
  for (const auto& [name, value] : version.meta.headers) {
    const bool is_told = name.starts_with("x-amz-meta-") || name == "content-type";
    if (is_told && there.header(name) != value) return false;
  }
  const std::string etag = unquoted_etag(there.header("etag"));
  if (etag == version.etag || under_kms) return true;
  for (const auto& checksum : version.checksums) {
    const std::string told = there.header(checksum_field(checksum.algorithm));
    if (!told.empty() && told == checksum_text(checksum, checksum.composite ? version.part_count : 0)) return true;
  }
  return parts > 0 && etag.ends_with(fmt::format("-{}", parts));
}

}  // namespace

void log_failed(const std::string& remote, const objects::Version& version, std::string_view why) {
  log::warn("s3", "a version is not replicated to a remote bucket",
            {{"remote_bucket", remote}, {"key", version.key}, {"version", version.id.text()}, {"why", why}});
}

Result<Replication::Outcome> Replication::refused(const Shipment& shipment, const Remote::Answer& answer) {
  CHECK(check_final(answer));
  log_failed(shipment.remote.name(), shipment.version(), refusal_text(answer));
  return Outcome::failed;
}

Task<Result<Replication::Outcome>> Replication::replicate_elsewhere(Run& run, BucketRef bucket,
                                                                    const objects::Found& found, bool is_new) {
  const std::string& name = run.track.remote;
  const api::ReplicationRule* rule = nullptr;
  for (const api::ReplicationRule* one : rules_for(*bucket, *found.version)) {
    if (track_of(*one) == name) rule = one;
  }
  if (rule == nullptr) co_return Outcome::done;
  if (!may_send(bucket->account, name)) {  // the configuration is another than when the rule was put
    log_failed(name, *found.version, fmt::format("the configuration does not give it to account {}", bucket->account));
    co_return Outcome::failed;
  }
  if (wrapping_of(found.version->wrapped_key) == Wrapping::customer) {
    log_failed(name, *found.version, "only its owner has the key to it (SSE-C)");
    co_return Outcome::failed;
  }
  auto caller = co_await gate_.assume(bucket->replication->role, std::string(session_name), std::string(s3_service),
                                      bucket->account, bucket->arn());
  if (!caller && caller.error().status >= 500) co_return fail(Errc::io, caller.error().message);
  if (!caller) {
    log_failed(name, *found.version, caller.error().message);
    co_return Outcome::failed;
  }
  Job job{.from = bucket, .found = found, .rule = *rule, .to = nullptr, .caller = std::move(*caller)};
  CO_TRY(const bool is_allowed, co_await may_all(job));
  if (!is_allowed) co_return Outcome::failed;
  Shipment shipment{.job = job,
                    .remote = *remotes_.at(name),
                    .keys = RequestKeys(keys_, std::nullopt),
                    .sent = attribute_of(found.version->meta, std::string(attribute::sent_prefix) + name),
                    .headers = headers_for(*found.version, *rule, job.with_tags, time_there()),
                    .checksum = {},
                    .upload = {},
                    .parts = {}};
  if (wrapping_of(found.version->wrapped_key) == Wrapping::kms) {
    const aws::Asker role(gate_, job.caller, "s3");
    if (auto opened = co_await shipment.keys.open(role, found.version->wrapped_key); !opened) {
      if (opened.error().status >= 500) co_return fail(Errc::io, opened.error().message);
      log_failed(name, *found.version, opened.error().message);
      co_return Outcome::failed;
    }
  }
  co_return co_await deliver(shipment, is_new);
}

Task<Result<Replication::Outcome>> Replication::deliver(Shipment& shipment, bool is_new) {
  const objects::Version& version = shipment.version();
  constexpr std::string_view known = "version:";
  if (shipment.sent.starts_with(known)) co_return co_await update_there(shipment, shipment.sent.substr(known.size()));
  const bool is_replica = replication_status_of(version.meta) == replication_status::replica;
  if (!is_new || is_replica || !shipment.sent.empty()) {
    CO_TRY(const There there, co_await look_there(shipment));
    if (there == There::refused) co_return Outcome::failed;
    if (there == There::same) {
      const std::string id = shipment.sent.substr(known.size());
      CO_CHECK(co_await record(*shipment.job.from, version, shipment.remote.name(), shipment.sent));
      co_return co_await update_there(shipment, id);
    }
    if (there == There::newer) {
      log_failed(shipment.remote.name(), version, "the key has something newer there");
      co_return Outcome::failed;
    }
    // Replicas are not replicated further; only what is changed of them may go back.
    if (is_replica) co_return Outcome::done;
  }
  co_return co_await send_version(shipment);
}

// Fills shipment.sent where the version is there.
Task<Result<Replication::There>> Replication::look_there(Shipment& shipment) {
  const objects::Version& version = shipment.version();
  Remote::Request request{.method = "HEAD", .key = version.key, .query = {}, .headers = {}, .body = {}};
  request.headers.emplace_back(replica_field, replica_text({version.id, version.modified}));
  request.headers.emplace_back("x-amz-checksum-mode", "ENABLED");
  CO_TRY(const auto latest, co_await shipment.remote.send(request));
  if (latest.header(replica_field) != replica_kept) co_return co_await compare(shipment, latest);
  request.query.emplace_back("versionId", version.id.text());
  CO_TRY(const auto exact, co_await shipment.remote.send(std::move(request)));
  if (exact.status == 404) co_return There::older;  // its place among the others is its id's
  if (exact.ok() || exact.status == 405) {          // 405: a delete marker
    shipment.sent = "version:" + version.id.text();
    co_return There::same;
  }
  CO_CHECK(check_final(exact));
  log_failed(shipment.remote.name(), version, "its key may not be looked at there: " + refusal_text(exact));
  co_return There::refused;
}

// Of a server that keeps ids of its own: what the latest version there is to ours.
Task<Result<Replication::There>> Replication::compare(Shipment& shipment, const Remote::Answer& latest) {
  const objects::Version& version = shipment.version();
  const std::string name = std::string(attribute::sent_prefix) + shipment.remote.name();
  const std::string latest_id = latest.header("x-amz-version-id");
  const bool is_marker = latest.status == 404 && latest.header("x-amz-delete-marker") == "true";
  if (latest.status != 404 && !latest.ok()) {
    CO_CHECK(check_final(latest));
    log_failed(shipment.remote.name(), version, "its key may not be looked at there: " + refusal_text(latest));
    co_return There::refused;
  }
  // What the other versions of the key are there.
  objects::ListVersionsQuery query;
  query.bucket = shipment.job.from->id;
  query.prefix = version.key;
  query.max = max_versions_looked_at;
  query.full = true;
  CO_TRY(const auto page, co_await objects_.list_versions(std::move(query)));
  bool is_of_an_older = false;
  for (const auto& other : page.objects) {
    if (other.key != version.key || other.id == version.id) continue;
    const std::string sent = attribute_of(other.meta, name);
    if (!sent.starts_with("version:")) continue;
    if (other.id > version.id) co_return There::newer;
    is_of_an_older |= !latest_id.empty() && sent == "version:" + latest_id;
  }
  if (is_of_an_older || (latest.status == 404 && !is_marker)) co_return There::older;
  const bool under_kms = std::ranges::any_of(
      shipment.headers, [](const auto& field) { return field.first == "x-amz-server-side-encryption"; });
  CO_CHECK(co_await plan_parts(shipment));
  if (is_same(version, latest, shipment.parts.size(), under_kms)) {
    shipment.sent = "version:" + latest_id;
    co_return There::same;
  }
  const auto made = codec::parse_http_date(latest.header("last-modified"));
  // Both tell whole seconds; what cannot be told apart by time was not made by us.
  co_return made && *made < in_seconds(version.modified) ? There::older : There::newer;
}

// Tags and locks may have changed since it was sent. `version`: its id there; empty where there are no versions.
Task<Result<Replication::Outcome>> Replication::update_there(Shipment& shipment, std::string version) {
  const objects::Version& ours = shipment.version();
  if (ours.is_delete_marker) co_return Outcome::done;
  // To take the last ones off is to change tags, too.
  if (ours.meta.tags.empty()) {
    CO_TRY(shipment.job.with_tags, co_await may_copy_tags(shipment.job));
  }
  if (shipment.job.with_tags) {
    const auto& tags = ours.meta.tags;
    CO_TRY(const Outcome done,
           co_await update_one(shipment, "tagging", version, tags.empty() ? std::string() : tags_body(tags)));
    if (done == Outcome::failed) co_return Outcome::failed;
  }
  if (const auto retention = retention_of(ours.meta); retention && retention->until > time_there()) {
    std::string body;
    xml::Writer writer(body);
    writer.begin("Retention");
    writer.element("Mode", retention->mode);
    writer.element("RetainUntilDate", codec::format_iso8601(retention->until, codec::Fraction::milliseconds));
    writer.end();
    CO_TRY(const Outcome done, co_await update_one(shipment, "retention", version, std::move(body)));
    if (done == Outcome::failed) co_return Outcome::failed;
  }
  if (ours.meta.attributes.contains(attribute::legal_hold)) {
    std::string body;
    xml::Writer writer(body);
    writer.begin("LegalHold");
    writer.element("Status", has_legal_hold(ours.meta) ? "ON" : "OFF");
    writer.end();
    co_return co_await update_one(shipment, "legal-hold", version, std::move(body));
  }
  co_return Outcome::done;
}

// Without a body it is taken off.
Task<Result<Replication::Outcome>> Replication::update_one(Shipment& shipment, std::string what, std::string version,
                                                           std::string body) {
  const objects::Version& ours = shipment.version();
  Remote::Request request{
      .method = body.empty() ? "DELETE" : "PUT", .key = ours.key, .query = {{what, ""}}, .headers = {}, .body = body};
  if (!version.empty()) request.query.emplace_back("versionId", version);
  if (!body.empty()) request.headers.emplace_back("Content-MD5", codec::base64_encode(as_text(crypto::Md5::of(body))));
  request.headers.emplace_back(replica_field, replica_text({ours.id, ours.modified}));
  CO_TRY(const auto answer, co_await shipment.remote.send(std::move(request)));
  // It was deleted there for good: so it stays.
  if (answer.ok() || answer.code == "NoSuchVersion" || answer.code == "NoSuchKey") co_return Outcome::done;
  co_return refused(shipment, answer);
}

}  // namespace boreal::s3
