// Buckets as AWS Backup copies and restores them: the current objects with their headers, tags and class. A backup is
// a run of records: the length of the head (8 bytes, big-endian), the head as JSON, the object's bytes.
#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "s3/object_meta.h"
#include "s3/service.h"
#include "store/record.h"

namespace boreal::s3 {

namespace {

constexpr size_t page_size = 200;
constexpr uint64_t max_head_bytes = 1 << 20;

struct Head {
  store::Blob key;
  uint64_t size = 0;
  std::string storage_class;
  std::map<std::string, store::Blob> headers;
  std::map<std::string, std::string> tags;
  BOREAL_RECORD(Head, key, size, storage_class, headers, tags)
};

std::string frame(const objects::Version& version) {
  Head head{.key = {version.key}, .size = version.size, .storage_class = version.meta.tier, .headers = {}, .tags = {}};
  for (const auto& [name, value] : version.meta.headers) head.headers[name] = {value};
  for (const auto& [name, value] : version.meta.tags) head.tags[name] = value;
  const std::string text = store::encode(head);
  std::string framed;
  put_be64(framed, text.size());
  return framed + text;
}

// Walks the bucket while it is read: memory is one page of the listing and one object's reader.
class BucketSource final : public Source {
 public:
  BucketSource(objects::Objects& objects, KeyMaker& keys, std::string bucket)
      : objects_(objects), keys_(keys, std::nullopt) {
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
        if (ended_) co_return false;
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
      if (found->version.is_delete_marker) continue;
      if (wrapping_of(found->version.wrapped_key) == Wrapping::customer) {
        log::warn("s3", "an object under its client's own key is not in the backup", {{"key", key}});
        continue;
      }
      head_ = frame(found->version);
      given_ = 0;
      CO_TRY(body_, co_await objects_.read(std::move(*found), {}, keys_));
      co_return true;
    }
  }

  objects::Objects& objects_;
  RequestKeys keys_;
  objects::ListQuery query_;
  objects::ListPage page_;
  size_t at_ = 0;
  bool ended_ = false;
  std::string head_;
  size_t given_ = 0;
  std::unique_ptr<Source> body_;
};

// The next `size` bytes of another source.
class PieceSource final : public Source {
 public:
  PieceSource(Source& inner, uint64_t size) : inner_(inner), left_(size) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    if (left_ == 0) co_return size_t{0};
    CO_TRY(const size_t count, co_await inner_.read(buffer.first(std::min<uint64_t>(buffer.size(), left_))));
    if (count == 0) co_return fail(Errc::corrupt, "the backup ends within an object");
    left_ -= count;
    co_return count;
  }

 private:
  Source& inner_;
  uint64_t left_;
};

// Fills the buffer; false when the source had ended before its first byte.
Task<Result<bool>> fill(Source& source, MutableBytes buffer) {
  size_t filled = 0;
  while (filled < buffer.size()) {
    CO_TRY(const size_t count, co_await source.read(buffer.subspan(filled)));
    if (count == 0 && filled == 0) co_return false;
    if (count == 0) co_return fail(Errc::corrupt, "the backup ends within a head");
    filled += count;
  }
  co_return true;
}

std::string bucket_name(std::string_view arn_or_name) {
  constexpr std::string_view arn = "arn:aws:s3:::";
  return std::string(arn_or_name.starts_with(arn) ? arn_or_name.substr(arn.size()) : arn_or_name);
}

aws::Recoverable::Resource resource_of(const Bucket& bucket) {
  aws::Recoverable::Resource resource{.arn = bucket.arn(), .name = bucket.name, .tags = {}};
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

Task<Outcome<aws::Recoverable::Backup>> Service::back_up(std::string account, std::string, std::string arn) {
  CO_TRY(const BucketRef bucket, buckets_.need(bucket_name(arn)));
  if (bucket->account != account) co_return refuse(no_such_bucket(bucket->name));
  // As AWS: point-in-time copies stand on versions.
  if (bucket->versioning != "Enabled") {
    co_return refuse(errors::invalid_request("Versioning must be enabled on a bucket that is backed up."));
  }
  Backup backup;
  backup.data = std::make_unique<BucketSource>(objects_, keys_, bucket->id);
  backup.restore_metadata = {{"DestinationBucketName", bucket->name}, {"NewBucket", "false"}};
  co_return backup;
}

Task<Outcome<void>> Service::restore_object_of(const Bucket& bucket, Source& data, std::string head_text) {
  CO_TRY(const auto head, store::decode<Head>(head_text));
  Encryption encryption;
  CO_TRY(encryption, encryption_for(bucket, {}));
  objects::PutRequest put;
  put.bucket = bucket.id;
  put.key = head.key.bytes;
  put.versioning = versioning_of(bucket);
  put.meta.owner = bucket.account;
  put.meta.tier = head.storage_class;
  for (const auto& [name, value] : head.headers) put.meta.headers[name] = value.bytes;
  for (const auto& [name, value] : head.tags) put.meta.tags[name] = value;
  CO_TRY(put.data_key, co_await keys_.make(nullptr, bucket, bucket.arn_of(head.key.bytes), encryption));
  keep(encryption, put.meta.attributes);
  put.checksums = {objects::Algorithm::crc64nvme};
  PieceSource body(data, head.size);
  CO_CHECK(co_await objects_.put(std::move(put), body));
  co_return Outcome<void>();
}

Task<Outcome<std::string>> Service::restore(std::string account, std::string region,
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
  }
  CO_TRY(const BucketRef bucket, buckets_.need(name));
  if (bucket->account != account || bucket->region != region) co_return refuse(no_such_bucket(name));
  for (;;) {
    std::string length(8, '\0');
    CO_TRY(const bool more, co_await fill(*data, std::as_writable_bytes(std::span(length))));
    if (!more) break;
    const uint64_t size = get_be64(length);
    if (size > max_head_bytes) co_return refuse(aws::ApiError(Error(Errc::corrupt, "the backup's head is too long")));
    std::string head(size, '\0');
    CO_TRY(const bool whole, co_await fill(*data, std::as_writable_bytes(std::span(head))));
    if (!whole) co_return refuse(aws::ApiError(Error(Errc::corrupt, "the backup ends within a head")));
    CO_CHECK(co_await restore_object_of(*bucket, *data, std::move(head)));
  }
  co_return bucket->arn();
}

}  // namespace boreal::s3
