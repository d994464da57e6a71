#include "s3/access_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "codec/json_value.h"
#include "codec/percent.h"
#include "codec/time.h"
#include "net/pause.h"
#include "s3/acl.h"
#include "s3/bucket_policy.h"
#include "s3/checksums.h"
#include "s3/names.h"
#include "s3/object_meta.h"
#include "s3/replication_rules.h"
#include "s3/service.h"
#include "s3/text_source.h"

namespace boreal::s3 {

namespace {

constexpr std::string_view log_partition = "s3/access-log";
constexpr std::string_view log_group = "http://acs.amazonaws.com/groups/s3/LogDelivery";
constexpr std::string_view log_service = "logging.s3.amazonaws.com";
constexpr Duration age_of_delivery{300'000};
constexpr size_t size_of_delivery_bytes = 4 << 20;
constexpr size_t row_bytes = 1 << 20;
constexpr size_t save_bytes = 8 << 20;
constexpr size_t max_fresh = 20'000;  // records in memory; a tick that brings more loses some
constexpr size_t max_fresh_bytes = 64 << 20;
constexpr size_t rows_at_once = 64;

uint64_t ms_since(int64_t ns) { return static_cast<uint64_t>(monotonic_ns() - ns) / 1'000'000; }

// Counts what a client takes of an answer; the record is complete when that has ended.
class LoggedSource final : public Source {
 public:
  LoggedSource(std::unique_ptr<Source> inner, std::shared_ptr<AccessLog*> log, LogRecord record, int64_t began_ns)
      : inner_(std::move(inner)), log_(std::move(log)), record_(std::move(record)), began_ns_(began_ns) {}
  ~LoggedSource() override {
    if (*log_ == nullptr) return;
    record_.total_ms = ms_since(began_ns_);
    (*log_)->add(std::move(record_));
  }
  Task<Result<size_t>> read(MutableBytes buffer) override {
    auto got = co_await inner_->read(buffer);
    if (got) record_.bytes_sent += *got;
    co_return got;
  }
  std::optional<uint64_t> size() const override { return inner_->size(); }

 private:
  std::unique_ptr<Source> inner_;
  std::shared_ptr<AccessLog*> log_;  // shared: the answer may outlive the log
  LogRecord record_;
  int64_t began_ns_;
};

// What clients make long.
size_t size_of(const LogRecord& record) {
  return sizeof(LogRecord) + record.key.size() + record.request_line.size() + record.referrer.size() +
         record.user_agent.size();
}

std::string day_of(Time time) { return codec::format_iso8601(time).substr(0, 10); }

// The group of log deliverers has the permission by the target's access list.
bool is_granted(const Bucket& target, std::string_view permission) {
  if (!target.has_acls() || !target.acl || !target.acl->grants) return false;
  return std::ranges::any_of(*target.acl->grants, [&](const api::Grant& grant) {
    return grant.grantee && grant.grantee->uri == log_group &&
           (grant.permission == permission || grant.permission == "FULL_CONTROL");
  });
}

// The same in the words of a policy.
json::Value grant_to_logs() {
  json::Value who(json::Value::Object{});
  who.set("Service", std::string(log_service));
  json::Value statement(json::Value::Object{});
  statement.set("Effect", "Allow");
  statement.set("Principal", std::move(who));
  statement.set("Action", "s3:PutObject");
  statement.set("Resource", "*");
  return statement;
}

}  // namespace

// What is known of a request before its answer.
struct AccessLog::Request {
  struct Deleted {
    std::string key, version_id, code;
  };
  Time time;
  int64_t began_ns = 0;
  std::string requester;
  std::string operation;
  std::string key;  // that of a form, which is not in its path
  std::string signature;
  std::vector<Deleted> deleted;
};

// A row of the catalog, under BUCKET/TIME-UUID: lines on their way to one target.
struct AccessLog::Lines {
  std::string account;  // of the bucket that was asked
  std::string region;
  api::LoggingEnabled target;  // as it was when the requests came
  Time first;
  Time day;  // of the requests, where the names of log objects tell it
  store::Blob text;
  BOREAL_RECORD(Lines, account, region, target, first, day, text)
};

struct AccessLog::Waiting {
  Time oldest{INT64_MAX};
  size_t bytes = 0;
};

// One log object to be.
struct AccessLog::Batch {
  std::string bucket;
  Lines lines;
  std::vector<std::string> rows;
};

AccessLog::AccessLog(aws::ServiceContext context, Directory& buckets, objects::Objects& objects, KeyMaker& keys,
                     aws::Gate& gate, Replication& replication)
    : context_(context),
      buckets_(buckets),
      objects_(objects),
      keys_(keys),
      gate_(gate),
      replication_(replication),
      self_(std::make_shared<AccessLog*>(this)) {}

AccessLog::~AccessLog() { *self_ = nullptr; }

Result<void> AccessLog::start(Duration tick) {
  std::string from;
  for (;;) {
    TRY(const auto rows, context_.catalog.scan(log_partition, "", rows_at_once, from));
    for (const auto& [key, value] : rows) {
      Waiting& waiting = waiting_[key.substr(0, key.find('/'))];
      const auto lines = store::decode<Lines>(value);
      waiting.oldest = std::min(waiting.oldest, lines ? lines->first : Time{0});
      if (lines) waiting.bytes += lines->text.bytes.size();
    }
    if (rows.size() < rows_at_once) break;
    from = rows.back().first + '\0';
  }
  if (tick > Duration(0)) running_.spawn(work(tick));
  return {};
}

Task<void> AccessLog::stop() {
  stopping_ = true;
  co_await running_.wait();
  if (auto saved = co_await save(); !saved)
    log::warn("s3", "access log records are lost", {{"why", saved.error().message()}});
}

Task<void> AccessLog::work(Duration tick) {
  while (!stopping_) {
    const int64_t began_ns = monotonic_ns();
    auto done = co_await save();
    if (done) done = co_await deliver();
    if (!done) log::warn("s3", "access logs wait for the next try", {{"why", done.error().message()}});
    been_round_ns_ = began_ns;
    co_await net::pause(context_.loop, tick, stopping_);
  }
}

void AccessLog::begin(const aws::Call& call, const Bucket& bucket) {
  if (!bucket.logging) return;
  Request request;
  request.time = call.now;
  request.began_ns = monotonic_ns();
  request.requester = log_requester(call.caller.principal());
  request.operation = call.operation.name;
  if (!call.caller.is_anonymous()) request.signature = call.is_version_2 ? "SigV2" : "SigV4";
  requests_.insert_or_assign(&call.http, std::move(request));
}

void AccessLog::pass_on(const http::Request& from, const http::Request& to) {
  auto under_way = requests_.extract(&from);
  if (!under_way) return;
  under_way.key() = &to;
  under_way.mapped().key = logged_key(key_of(from.path));
  requests_.insert(std::move(under_way));
}

void AccessLog::add_deleted(const aws::Call& call, const std::string& key, const std::string& version_id,
                            const std::string& code) {
  const auto found = requests_.find(&call.http);
  if (found != requests_.end()) found->second.deleted.push_back({key, version_id, code});
}

void AccessLog::finish(const http::Request& request, http::Response& response) {
  auto under_way = requests_.extract(&request);
  const BucketRef bucket = buckets_.find(bucket_of(request.path));
  if (bucket == nullptr || !bucket->logging) return;
  // What went well without having been seen on its way turned logging on itself; a preflight never is.
  if (!under_way && response.status < 300 && request.method != "OPTIONS") return;
  LogRecord record = log_record_of(request, response);
  const Request known = under_way ? std::move(under_way.mapped()) : Request{context_.clock.now(), monotonic_ns()};
  const bool at_website = request.host.find(".s3-website") != std::string::npos;
  record.bucket_owner = canonical_id(bucket->account);
  record.time = known.time;
  record.requester = known.requester;
  record.signature = known.signature;
  if (known.requester.empty()) record.authentication.clear();
  record.operation = log_operation(known.operation, request.method, !record.key.empty(), at_website);
  if (record.key.empty()) record.key = known.key;
  record.turn_around_ms = record.total_ms = ms_since(known.began_ns);
  if (known.operation == "CopyObject" || known.operation == "UploadPartCopy") add_copy_source(request, record);
  for (const auto& deleted : known.deleted) {
    LogRecord one = record;
    one.operation = "BATCH.DELETE.OBJECT";
    one.key = codec::percent_encode(deleted.key, codec::Slash::keep);
    one.version_id = deleted.version_id;
    one.status = deleted.code.empty() ? 204 : 403;
    one.error_code = deleted.code;
    one.request_line = "-";
    one.bytes_sent = 0;
    add(std::move(one));
  }
  if (response.stream != nullptr && request.method != "HEAD") {
    response.stream =
        std::make_unique<LoggedSource>(std::move(response.stream), self_, std::move(record), known.began_ns);
    return;
  }
  add(std::move(record));
}

// Copying reads, too: that is for the log of the bucket that is read.
void AccessLog::add_copy_source(const http::Request& request, LogRecord record) {
  const auto source = parse_copy_source(request.headers.get("x-amz-copy-source").value_or(""));
  const BucketRef bucket = source ? buckets_.find(source->bucket) : nullptr;
  if (bucket == nullptr || !bucket->logging) return;
  record.bucket_owner = canonical_id(bucket->account);
  record.bucket = bucket->name;
  record.operation += "_GET";
  record.key = logged_key(source->key);
  record.version_id = source->version_id.value_or("");
  record.bytes_sent = 0;
  record.object_size.reset();
  add(std::move(record));
}

void AccessLog::add_action(const Bucket& bucket, std::string operation, const std::string& key, std::string version_id,
                           std::optional<uint64_t> size) {
  if (!bucket.logging) return;
  LogRecord record;
  record.bucket_owner = canonical_id(bucket.account);
  record.bucket = bucket.name;
  record.time = context_.clock.now();
  record.requester = "AmazonS3";
  record.request_id = context_.random.pick("0123456789ABCDEF", 16);
  record.operation = std::move(operation);
  record.key = codec::percent_encode(key, codec::Slash::keep);  // once, otherwise than a request's
  record.version_id = std::move(version_id);
  record.object_size = size;
  add(std::move(record));
}

void AccessLog::add(LogRecord record) {
  const size_t bytes = size_of(record);
  if (fresh_count_ >= max_fresh || fresh_bytes_ + bytes > max_fresh_bytes) {
    ++lost_;
    return;
  }
  ++fresh_count_;
  fresh_bytes_ += bytes;
  fresh_[record.bucket].push_back(std::move(record));
}

Task<Result<void>> AccessLog::save() {
  if (lost_ > 0) log::warn("s3", "there were more requests than could be logged", {{"lost", lost_}});
  lost_ = 0;
  auto fresh = std::exchange(fresh_, {});  // what comes meanwhile is the next tick's
  while (!fresh.empty()) {
    if (auto done = co_await save_some(fresh); !done) {
      take_back(std::move(fresh));
      co_return done;
    }
  }
  co_return Result<void>();
}

// As many as one batch of the store takes with certainty: records are as long as what clients send.
Task<Result<void>> AccessLog::save_some(Records& fresh) {
  auto transaction = co_await context_.catalog.begin(std::string(log_partition));
  size_t bytes = 0;
  size_t count = 0;
  size_t memory = 0;
  auto at = fresh.begin();
  size_t taken = 0;  // of the records at `at`
  for (; at != fresh.end() && bytes < save_bytes; ++at) {
    const auto& [name, records] = *at;
    const BucketRef bucket = buckets_.find(name);
    if (bucket == nullptr || !bucket->logging) {  // deleted, or told to stop, meanwhile
      count += records.size();
      for (const LogRecord& record : records) memory += size_of(record);
      continue;
    }
    Lines lines{bucket->account, bucket->region, *bucket->logging, records.front().time, records.front().time, {}};
    const auto flush = [&] {
      transaction.put(fmt::format("{}/{:016x}-{}", name, lines.first.ms, context_.random.uuid()), store::encode(lines));
      Waiting& waiting = waiting_[name];
      waiting.oldest = std::min(waiting.oldest, lines.first);
      waiting.bytes += lines.text.bytes.size();
      lines.text.bytes.clear();
    };
    for (taken = 0; taken < records.size() && bytes < save_bytes; ++taken) {
      const LogRecord& record = records[taken];
      const bool is_other_day = day_of(record.time) != day_of(lines.day);
      if (!lines.text.bytes.empty() && (is_other_day || lines.text.bytes.size() >= row_bytes)) flush();
      if (lines.text.bytes.empty()) lines.first = lines.day = record.time;
      const std::string line = log_line(record);
      lines.text.bytes += line;
      bytes += line.size();
      memory += size_of(record);
    }
    flush();
    count += taken;
    if (taken < records.size()) break;
    taken = 0;
  }
  CO_CHECK(co_await transaction.commit());
  fresh_count_ -= count;
  fresh_bytes_ -= memory;
  fresh.erase(fresh.begin(), at);
  if (taken > 0) {
    auto& rest = fresh.begin()->second;
    rest.erase(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(taken));
  }
  co_return Result<void>();
}

void AccessLog::take_back(Records records) {
  for (auto& [bucket, newer] : fresh_) std::ranges::move(newer, std::back_inserter(records[bucket]));
  fresh_ = std::move(records);
}

Task<Result<void>> AccessLog::deliver() {
  std::vector<std::string> due;
  const Time now = context_.clock.now();
  for (const auto& [bucket, waiting] : waiting_) {
    // A clock that was put back must not put off what came while it was ahead.
    const bool is_old = now >= waiting.oldest + age_of_delivery || now + age_of_delivery < waiting.oldest;
    if (is_old || waiting.bytes >= size_of_delivery_bytes) due.push_back(bucket);
  }
  Result<void> done;
  for (const std::string& bucket : due) {
    if (auto one = co_await deliver_of(bucket); !one) done = std::move(one);  // the others do not wait for it
  }
  co_return done;
}

Task<Result<void>> AccessLog::deliver_of(std::string bucket) {
  // Only what is there now: what comes meanwhile is not due.
  waiting_.erase(bucket);
  for (;;) {
    const auto more = co_await deliver_batch(bucket);
    if (!more) {
      waiting_[bucket].oldest = Time{0};  // at the next tick again
      co_return std::unexpected(more.error());
    }
    if (!*more) co_return Result<void>();
  }
}

// The oldest rows, as far as they go to one object.
Result<AccessLog::Batch> AccessLog::next_batch(const std::string& bucket) const {
  Batch batch;
  batch.bucket = bucket;
  TRY(const auto rows, context_.catalog.scan(log_partition, bucket + "/", rows_at_once));
  for (const auto& [key, value] : rows) {
    auto lines = store::decode<Lines>(value);
    if (!lines) {  // nobody will ever read it: it goes with those around it, which must not wait for it
      log::error("s3", "access log records are lost: they are damaged",
                 {{"bucket", bucket}, {"why", lines.error().message()}});
    } else if (batch.lines.text.bytes.empty()) {
      batch.lines = std::move(*lines);
    } else {
      const bool is_same_target = store::encode(lines->target) == store::encode(batch.lines.target);
      const bool is_same_day = !is_dated_by_event(lines->target) || day_of(lines->day) == day_of(batch.lines.day);
      const bool fits = batch.lines.text.bytes.size() + lines->text.bytes.size() <= size_of_delivery_bytes;
      if (!is_same_target || !is_same_day || !fits) break;
      batch.lines.text.bytes += lines->text.bytes;
    }
    batch.rows.push_back(key);
  }
  return batch;
}

Task<Result<bool>> AccessLog::deliver_batch(std::string bucket) {
  CO_TRY(auto batch, next_batch(bucket));
  if (batch.rows.empty()) co_return false;
  const bool has_lines = !batch.lines.text.bytes.empty();
  CO_TRY(const bool written, has_lines ? co_await write(batch) : Result<bool>(true));
  if (!written) {
    log::warn("s3", "access log records are dropped: their target does not take them",
              {{"bucket", bucket}, {"target", batch.lines.target.target_bucket}});
  }
  auto transaction = co_await context_.catalog.begin(std::string(log_partition));
  for (const std::string& row : batch.rows) transaction.remove(row);
  CO_CHECK(co_await transaction.commit());
  co_return true;
}

Task<Result<bool>> AccessLog::write(Batch& batch) {
  const api::LoggingEnabled& to = batch.lines.target;
  const BucketRef target = buckets_.find(to.target_bucket);
  // Its name may have come to somebody else since.
  if (target == nullptr || target->region != batch.lines.region || target->account != batch.lines.account)
    co_return false;
  const std::string key = log_object_key(to, batch.lines.account, batch.lines.region, batch.bucket, batch.lines.day,
                                         context_.clock.now(), context_.random.pick("0123456789ABCDEF", 16));
  CO_TRY(const bool is_allowed, co_await may_write(batch, target, key));
  if (!is_allowed) co_return false;
  objects::PutRequest put;
  put.bucket = target->id;
  put.key = key;
  put.versioning = buckets_.versioning_then(*target);
  put.meta.owner = target->account;
  put.meta.tier = "STANDARD";
  put.meta.headers.emplace("content-type", "text/plain");
  if (target->has_acls() && to.target_grants && !to.target_grants->empty()) {
    auto acl = private_acl(target->account);
    for (const auto& grant : *to.target_grants) acl.grants->push_back({grant.grantee, grant.permission});
    if (target->blocks(&api::PublicAccessBlockConfiguration::block_public_acls))
      std::erase_if(*acl.grants, is_public_grant);
    put.meta.attributes[std::string(attribute::acl)] = store::encode(KeptAcl{std::move(acl)});
  }
  Encryption encryption;
  auto data_key = co_await keys_.make(nullptr, *target, target->arn_of(key), encryption);
  if (!data_key) co_return fail(Errc::unavailable, data_key.error().message);
  keep(encryption, put.meta.attributes);
  put.data_key = std::move(*data_key);
  put.note = mark_for_replication(*target, key, put.meta);
  const bool is_replicated = put.note;
  put.checksums = {default_algorithm};
  TextSource text(batch.lines.text.bytes);
  auto made = co_await objects_.put(std::move(put), text);
  if (made && is_replicated) replication_.wake(target->name);
  if (made) co_return true;
  if (made.error().code() == Errc::not_found) co_return false;
  co_return std::unexpected(std::move(made).error());
}

// By the target's policy, which names the log service, or by its access list, which names the group of old.
Task<Result<bool>> AccessLog::may_write(const Batch& batch, BucketRef target, std::string key) {
  // AWS delivers no logs under KMS, nor where others pay, nor where they would be locked. Targets of the first two
  // kinds are taken all the same; one of the third is refused, but a bucket may have become so. Source: S3 User Guide,
  // "Troubleshooting server access logging".
  const bool is_kms =
      target->encryption &&
      target->encryption->rules.front().apply_server_side_encryption_by_default->sse_algorithm != "AES256";
  const bool retains = target->object_lock && target->object_lock->rule;
  if (is_kms || retains || target->payer == "Requester") co_return false;
  aws::Access access = access_in(*target, "s3:PutObject", target->arn_of(key));
  // What the list opens the policy may close, as for anybody.
  if (is_granted(*target, "WRITE")) access.resource_policy = with_statement(access.resource_policy, grant_to_logs());
  access.context.emplace("aws:SourceArn", "arn:aws:s3:::" + batch.bucket);
  access.context.emplace("aws:SourceAccount", batch.lines.account);
  access.context.emplace("s3:ResourceAccount", target->account);
  access.context.emplace("aws:ResourceAccount", target->account);
  const auto allowed = co_await gate_.authorize(gate_.service(std::string(log_service)), std::move(access));
  if (!allowed && allowed.error().status >= 500) co_return fail(Errc::io, allowed.error().message);
  co_return allowed.has_value();
}

}  // namespace boreal::s3
