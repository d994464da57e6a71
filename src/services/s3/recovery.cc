// Buckets as AWS Backup copies and restores them: the current objects with their headers, tags and class, in the form
// that recovery_stream.h reads.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "s3/object_lock.h"
#include "s3/object_meta.h"
#include "s3/recovery_stream.h"
#include "s3/replication_rules.h"
#include "s3/service.h"

namespace boreal::s3 {

namespace {

constexpr size_t page_size = 200;

std::string frame(const objects::Version& version) {
  RecoveredHead head{
      .key = {version.key}, .size = version.size, .storage_class = version.meta.tier, .headers = {}, .tags = {}};
  for (const auto& [name, value] : version.meta.headers) head.headers[name] = {value};
  for (const auto& [name, value] : version.meta.tags) head.tags[name] = value;
  return frame_head(head);
}

// Objects that are not in a backup.
struct LeftOut {
  uint64_t count = 0;
  std::string first, why;  // of the first of them

  void add(const std::string& key, std::string reason) {
    log::warn("s3", "an object is not in the backup", {{"key", key}, {"why", reason}});
    if (count++ > 0) return;
    first = key;
    why = std::move(reason);
  }
};

// Walks the bucket while it is read: memory is one page of the listing and one object's reader.
class BucketSource final : public Source {
 public:
  BucketSource(objects::Objects& objects, KeyMaker& keys, aws::Asker asker, std::string bucket,
               std::shared_ptr<std::string> left_out)
      : objects_(objects), maker_(keys), asker_(asker), left_out_(std::move(left_out)) {
    query_.bucket = std::move(bucket);
    query_.max = page_size;
    query_.full = true;
  }

  Task<Result<size_t>> read(MutableBytes buffer) override {
    for (;;) {
      if (given_ < head_.size()) {
        const size_t count = std::min(buffer.size(), head_.size() - given_);
        std::memcpy(buffer.data(), head_.data() + given_, count);
        given_ += count;
        co_return count;
      }
      if (body_) {
        CO_TRY(const size_t count, co_await body_->read(buffer));
        if (count > 0) co_return count;
        body_.reset();
      }
      CO_TRY(const bool more, co_await next());
      if (!more) co_return size_t{0};
    }
  }

 private:
  Task<Result<bool>> next() {
    for (;;) {
      if (at_ == page_.objects.size()) {
        if (ended_) {
          tell_what_is_left_out();
          co_return false;
        }
        CO_TRY(page_, co_await objects_.list(query_));
        at_ = 0;
        ended_ = !page_.truncated;
        query_.after = page_.next;
        continue;
      }
      const std::string key = page_.objects[at_++].key;
      auto found = co_await objects_.find(query_.bucket, key, objects::Select::latest(), true);
      if (!found && found.error().code() == Errc::not_found) continue;  // deleted meanwhile
      if (!found) co_return std::unexpected(std::move(found).error());
      if (found->version->is_delete_marker) continue;
      if (wrapping_of(found->version->wrapped_key) == Wrapping::customer) {
        customers_.add(key, "it is under its client's own key");
        continue;
      }
      keys_.emplace(maker_, std::nullopt);
      if (auto opened = co_await keys_->open(asker_, found->version->wrapped_key); !opened) {
        // Unavailable is not refused.
        if (opened.error().status >= 500) co_return fail(Errc::unavailable, opened.error().message);
        refused_.add(key, std::move(opened.error().message));
        continue;
      }
      head_ = frame(*found->version);
      given_ = 0;
      CO_TRY(body_, co_await objects_.read(std::move(*found), {}, *keys_));
      co_return true;
    }
  }

  void tell_what_is_left_out() {
    if (customers_.count > 0) {
      *left_out_ = fmt::format(
          "{} object(s) are not in the backup: they are encrypted under keys of their clients (SSE-C), of which there "
          "are no backups. The first is '{}'.",
          customers_.count, customers_.first);
    }
    if (refused_.count == 0) return;
    if (!left_out_->empty()) *left_out_ += ' ';
    *left_out_ += fmt::format(
        "{} object(s) are not in the backup: their KMS keys do not open for the role. The first is '{}': {}",
        refused_.count, refused_.first, refused_.why);
  }

  objects::Objects& objects_;
  KeyMaker& maker_;
  const aws::Asker asker_;
  std::optional<RequestKeys> keys_;        // of the object that is read
  std::shared_ptr<std::string> left_out_;  // whoever backs up reads it after this is gone
  LeftOut customers_, refused_;
  objects::ListQuery query_;
  objects::ListPage page_;
  size_t at_ = 0;
  bool ended_ = false;
  std::string head_;
  size_t given_ = 0;
  std::unique_ptr<Source> body_;
};

std::string bucket_name(std::string_view arn_or_name) {
  constexpr std::string_view arn = "arn:aws:s3:::";
  return std::string(arn_or_name.starts_with(arn) ? arn_or_name.substr(arn.size()) : arn_or_name);
}

aws::Recoverable::Resource resource_of(const Bucket& bucket) {
  aws::Recoverable::Resource resource{.arn = bucket.arn(), .name = bucket.name, .tags = {}, .id = bucket.id};
  for (const auto& tag : bucket.tags.value_or(std::vector<api::Tag>())) resource.tags[tag.key] = tag.value;
  return resource;
}

}  // namespace

Task<Outcome<std::optional<aws::Recoverable::Resource>>> Service::find(std::string account, std::string region,
                                                                       std::string arn_or_name) {
  const BucketRef bucket = buckets_.find(bucket_name(arn_or_name));
  if (bucket == nullptr || bucket->account != account || bucket->region != region) co_return std::nullopt;
  co_return resource_of(*bucket);
}

Task<Outcome<std::vector<aws::Recoverable::Resource>>> Service::list(std::string account, std::string region) {
  std::vector<Resource> all;
  for (const auto& [name, bucket] : buckets_.all()) {
    if (bucket->account == account && bucket->region == region) all.push_back(resource_of(*bucket));
  }
  co_return all;
}

Task<Outcome<aws::Recoverable::Backup>> Service::back_up(aws::Asker asker, std::string account, std::string,
                                                         Resource resource) {
  CO_TRY(const BucketRef bucket, buckets_.need(resource.name));
  if (bucket->account != account || bucket->id != resource.id) co_return refuse(no_such_bucket(bucket->name));
  // As AWS: point-in-time copies stand on versions.
  if (bucket->versioning != "Enabled") {
    co_return refuse(errors::invalid_request("Versioning must be enabled on a bucket that is backed up."));
  }
  Backup backup;
  auto left_out = std::make_shared<std::string>();
  backup.left_out = left_out;
  backup.data = std::make_unique<BucketSource>(objects_, keys_, asker, bucket->id, std::move(left_out));
  backup.restore_metadata = {{"DestinationBucketName", bucket->name}, {"NewBucket", "false"}};
  co_return backup;
}

Task<Outcome<void>> Service::restore_object_of(aws::Asker asker, const Bucket& bucket, RecoveredHead head,
                                               Source& body) {
  Encryption encryption;
  CO_TRY(encryption, encryption_for(bucket, {}));
  objects::PutRequest put;
  put.bucket = bucket.id;
  put.key = head.key.bytes;
  put.versioning = buckets_.versioning_then(bucket);
  put.meta.owner = bucket.account;
  put.meta.tier = head.storage_class;
  for (const auto& [name, value] : head.headers) put.meta.headers[name] = value.bytes;
  for (const auto& [name, value] : head.tags) put.meta.tags[name] = value;
  CO_TRY(put.data_key, co_await keys_.make(asker, bucket, bucket.arn_of(head.key.bytes), encryption));
  keep(encryption, put.meta.attributes);
  // What is restored is put: it is locked and replicated as the bucket says.
  keep_retention(default_retention(bucket, context_.clock.now()), put.meta);
  put.precondition = [&, is_held = retention_of(put.meta).has_value()](const objects::Version*) -> Result<void> {
    if (check_unlocked_then(bucket, is_held)) return {};
    return fail(Errc::conflict, "the bucket locks what comes since the object began to be restored");
  };
  put.note = mark_for_replication(bucket, put.key, put.meta);
  const bool is_replicated = put.note;
  put.checksums = {objects::Algorithm::crc64nvme};
  CO_CHECK(co_await objects_.put(std::move(put), body));
  if (is_replicated) replication_.wake(bucket.name);
  co_return Outcome<void>();
}

Task<Outcome<std::string>> Service::restore(aws::Asker asker, std::string account, std::string region,
                                            std::map<std::string, std::string> metadata, std::unique_ptr<Source> data) {
  const std::string name = bucket_name(metadata["DestinationBucketName"]);
  if (metadata["NewBucket"] == "true") {
    CO_CHECK(check_bucket_name(name));
    Bucket anew;
    anew.name = name;
    anew.account = account;
    anew.region = region;
    anew.created = context_.clock.now();
    anew.versioning = "Enabled";
    anew.ownership = "BucketOwnerEnforced";
    anew.public_access_block = api::PublicAccessBlockConfiguration{true, true, true, true};
    bool made = false;
    CO_TRY(const BucketRef there, co_await buckets_.create(std::move(anew), made));
    if (!made && there->account != account)
      co_return refuse(errors::bucket_already_exists("The bucket name is taken."));
    // It may have been made since the job looked; its objects are not to be mixed with those of the backup.
    if (!made) {
      co_return refuse(errors::bucket_already_owned_by_you(
          fmt::format("NewBucket is true, and bucket {} exists already: nothing was restored into it.", name)));
    }
  }
  CO_TRY(const BucketRef bucket, buckets_.need(name));
  if (bucket->account != account || bucket->region != region) co_return refuse(no_such_bucket(name));
  RecoveryReader reader(*data);
  for (;;) {
    CO_TRY(auto head, co_await reader.next());
    if (!head) break;
    // It may have come to say other things of what is put there, or be gone, since the last object.
    CO_TRY(const BucketRef now, buckets_.need(name));
    if (now->id != bucket->id) co_return refuse(no_such_bucket(name));
    CO_CHECK(co_await restore_object_of(asker, *now, std::move(*head), reader.body()));
  }
  co_return bucket->arn();
}

}  // namespace boreal::s3
