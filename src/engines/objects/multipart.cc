// Uploads in parts. Each part is a blob (or shares one); completing joins metadata and moves no bytes.
#include <fmt/format.h>

#include <algorithm>

#include "codec/hex.h"
#include "crypto/crc.h"
#include "objects/id_source.h"
#include "objects/impl.h"
#include "objects/index_keys.h"

namespace boreal::objects {
namespace {

// A part shares the blobs of its source only if it takes no more pieces than this, and most of each blob: a few
// bytes must not keep gigabytes alive. Nor may it have more of its pieces' wrapped keys: an object's parts are written
// in one batch, and there may be many of them. Keys can be wrapped anew later, and get longer.
constexpr size_t shared_pieces_max = 4;
constexpr size_t shared_keys_bytes_max = 2048;
constexpr size_t piece_bytes_max = 128;  // on record, without its key
constexpr size_t other_part_bytes_max = 256;
static_assert(max_parts * (shared_pieces_max * piece_bytes_max + shared_keys_bytes_max + other_part_bytes_max) <
              store::max_batch_bytes);

bool worth_sharing(const std::vector<Segment>& segments) {
  if (segments.size() > shared_pieces_max) return false;
  size_t keys_bytes = 0;
  for (const Segment& segment : segments) {
    if (segment.is_inline() || segment.length < segment.plain_size / 2) return false;
    keys_bytes += segment.wrapped_key.size();
  }
  return keys_bytes <= shared_keys_bytes_max;
}

constexpr uint64_t key_bits = 0xffff;

uint64_t bits_of_key(std::string_view key) { return crypto::crc32c(as_bytes(key)) & key_bits; }

Result<Upload> load_upload(const store::Store& store, const std::string& bucket, const std::string& key, UploadId id) {
  TRY(const auto record, store.get(index::partition_of(bucket), index::upload(key, id)));
  if (!record) return fail(Errc::not_found, fmt::format("there is no upload {} of '{}'", id.text(), key));
  TRY(auto upload, decode_upload(*record, true));
  upload.key = key;
  return upload;
}

// The parts with these numbers (ascending); absent ones are marked.
Result<std::vector<Part>> load_parts(const store::Store& store, const std::string& bucket, UploadId id,
                                     const std::vector<uint32_t>& numbers) {
  std::vector<Part> parts;
  const auto cursor = store.scan(index::partition_of(bucket), index::parts(id));
  for (const uint32_t number : numbers) {
    const std::string wanted = index::part(id, number);
    // Mostly they follow one another; only over gaps a seek is needed.
    if (cursor->valid() && cursor->key() < wanted) cursor->next();
    if (cursor->valid() && cursor->key() != wanted) cursor->seek(wanted);
    Part part;
    if (cursor->valid() && cursor->key() == wanted) {
      TRY(part, decode_part(cursor->value()));
    } else {
      part.number = number;
      part.present = false;
    }
    parts.push_back(std::move(part));
  }
  CHECK(cursor->status());
  return parts;
}

// Records a part, in place of the one with its number.
struct PartCommit {
  std::string bucket;
  std::string key;
  UploadId upload;
  Part part;
  Draft draft;
};

}  // namespace

bool may_be_upload_of(std::string_view key, const UploadId& id) { return (id.salt & key_bits) == bits_of_key(key); }
Time time_of(const UploadId& id) { return IdSource::time_of(id); }

Task<Result<Upload>> Objects::create_upload(UploadRequest request) {
  CO_CHECK(impl_->check_target(request.bucket, request.key));
  CO_CHECK(impl_->check_room());
  CO_TRY(request.meta.tier, impl_->tier_named(request.meta.tier));
  CO_TRY(const auto use, co_await impl_->buckets.use(request.bucket));
  CO_TRY(const auto latest, read_version(impl_->store, request.bucket, request.key, Select::latest()));
  Upload upload;
  upload.key = std::move(request.key);
  upload.id = latest ? impl_->ids.upload_after(latest->id) : impl_->ids.next();
  upload.id.salt = (upload.id.salt & ~key_bits) | bits_of_key(upload.key);
  upload.initiated = impl_->clock.now();
  upload.meta = std::move(request.meta);
  upload.wrapped_key = std::move(request.wrapped_key);
  store::Batch batch(index::partition_of(request.bucket));
  batch.put(index::upload(upload.key, upload.id), encode(upload));
  CO_CHECK(co_await impl_->commit(request.bucket, std::move(batch), false));
  co_return upload;
}

Task<Result<Upload>> Objects::find_upload(std::string bucket, std::string key, UploadId id) {
  CO_CHECK(impl_->check_target(bucket, key));
  co_return load_upload(impl_->store, bucket, key, id);
}

namespace {
Result<void> check_number(uint32_t number) {
  if (number >= 1 && number <= max_parts) return {};
  return fail(Errc::invalid, fmt::format("part number {}; 1 to {} are taken", number, max_parts));
}

Task<Result<Part>> commit_part(Objects::Impl& engine, PartCommit made) {
  const auto hold = co_await engine.lock_upload(made.bucket, made.upload);
  auto use = co_await engine.buckets.use(made.bucket);
  // Looked for again under the lock: it may have been completed or aborted while the bytes came.
  auto upload = load_upload(engine.store, made.bucket, made.key, made.upload);
  auto old = engine.store.get(index::partition_of(made.bucket), index::part(made.upload, made.part.number));
  auto replaced = old && *old ? decode_part(**old) : Result<Part>();
  if (!use || !upload || !old || !replaced) {
    Error error = !use      ? std::move(use).error()
                  : !upload ? std::move(upload).error()
                  : !old    ? std::move(old).error()
                            : std::move(replaced).error();
    co_await engine.abandon(made.bucket, std::move(made.draft));
    co_return std::unexpected(std::move(error));
  }
  store::Batch batch(index::partition_of(made.bucket));
  batch.put(index::part(made.upload, made.part.number), encode(made.part));
  if (*old) {
    Garbage garbage;
    garbage.segments = std::move(replaced->segments);
    batch.put(index::garbage(engine.ids.next()), encode(garbage));
  }
  CO_CHECK(co_await engine.commit(made.bucket, std::move(batch), old->has_value(), std::move(made.draft)));
  co_return std::move(made.part);
}

Part part_of(const Objects::Impl& engine, uint32_t number, const Digests& digests) {
  Part part;
  part.number = number;
  part.size = digests.size;
  part.modified = engine.clock.now();
  part.md5 = digests.md5;
  part.checksums = digests.checksums;
  return part;
}
}  // namespace

Task<Result<Part>> Objects::put_part(PartRequest request, Source& body) {
  CO_CHECK(impl_->check_target(request.bucket, request.key));
  CO_CHECK(impl_->check_room());
  CO_CHECK(check_number(request.number));
  CO_TRY(const auto upload, load_upload(impl_->store, request.bucket, request.key, request.upload));
  CO_TRY(const auto key, co_await request.keys->unwrap(upload.wrapped_key));
  Destination to{request.bucket, upload.meta.tier, 0};
  CO_TRY(auto draft, co_await impl_->write(std::move(to), key.bytes(), request.checksums, request.accept, body));
  Part part = part_of(*impl_, request.number, draft.digests);
  part.segments.push_back(*draft.segment);
  PartCommit made{std::move(request.bucket), std::move(request.key), request.upload, std::move(part), std::move(draft)};
  co_return co_await commit_part(*impl_, std::move(made));
}

Task<Result<Part>> Objects::copy_part(PartCopyRequest request) {
  CO_CHECK(impl_->check_target(request.bucket, request.key));
  CO_CHECK(impl_->check_room());
  CO_CHECK(check_number(request.number));
  CO_TRY(const auto upload, load_upload(impl_->store, request.bucket, request.key, request.upload));
  const Version& source = *request.source.version;
  if (source.is_delete_marker) co_return fail(Errc::invalid, "a delete marker has no bytes to copy");
  CO_TRY(const auto body, co_await impl_->open_source(request.source, request.range, request.source_keys));

  std::vector<Segment> segments;
  const bool may_share = request.share && source.meta.tier == upload.meta.tier;
  if (may_share) {
    Range range = request.range;
    range.length = std::min(range.length, source.size - range.offset);
    CO_TRY(segments, impl_->segments_in(request.source.bucket, source, range));
    for (Segment& segment : segments) {
      if (segment.wrapped_key.empty()) segment.wrapped_key = source.wrapped_key;
    }
  }
  if (!may_share || segments.empty() || !worth_sharing(segments)) {
    PartRequest put{request.bucket, request.key, request.upload, request.number, request.checksums, {}, request.keys};
    co_return co_await put_part(std::move(put), *body);
  }
  // The bytes stay where they are, but the part's own digests are nowhere yet: they are read once.
  CO_TRY(const auto digests, co_await impl_->digest(*body, request.checksums));
  Part part = part_of(*impl_, request.number, digests);
  Draft draft;
  CO_TRY(part.segments, co_await impl_->share(request.bucket, std::move(segments), draft));
  PartCommit made{std::move(request.bucket), std::move(request.key), request.upload, std::move(part), std::move(draft)};
  co_return co_await commit_part(*impl_, std::move(made));
}

Task<Result<PartsPage>> Objects::list_parts(std::string bucket, std::string key, UploadId id, uint32_t after,
                                            size_t max) {
  CO_CHECK(impl_->check_target(bucket, key));
  CO_TRY(const auto upload, load_upload(impl_->store, bucket, key, id));
  PartsPage page;
  const auto cursor = impl_->store.scan(index::partition_of(bucket), index::parts(id));
  if (after < max_parts) {
    cursor->seek(index::part(id, after + 1));
  } else {
    co_return page;
  }
  for (; cursor->valid() && page.parts.size() < max; cursor->next()) {
    CO_TRY(auto part, decode_part(cursor->value()));
    page.parts.push_back(std::move(part));
  }
  CO_CHECK(cursor->status());
  page.truncated = cursor->valid();
  co_return page;
}

Task<Result<Version>> Objects::complete_upload(CompleteRequest request) {
  CO_CHECK(impl_->check_target(request.bucket, request.key));
  const auto hold = co_await impl_->lock_upload(request.bucket, request.upload);
  CO_TRY(auto upload, load_upload(impl_->store, request.bucket, request.key, request.upload));
  if (request.numbers.empty() || request.numbers.size() > max_parts ||
      std::ranges::adjacent_find(request.numbers, std::greater_equal()) != request.numbers.end()) {
    co_return fail(Errc::invalid, fmt::format("1 to {} part numbers in ascending order are wanted", max_parts));
  }
  CO_TRY(auto parts, co_await impl_->pool.run(
                         [&] { return load_parts(impl_->store, request.bucket, request.upload, request.numbers); }));
  const std::string tier = upload.meta.tier;
  if (request.accept) CO_CHECK(request.accept(parts, upload.meta));
  upload.meta.tier = tier;  // where the parts lie, whatever was changed
  const auto absent = std::ranges::find(parts, false, &Part::present);
  if (absent != parts.end()) co_return fail(Errc::invalid, fmt::format("part {} was not uploaded", absent->number));

  NewVersion made;
  Version& version = made.version;
  version.key = request.key;
  version.modified = upload.initiated;  // what is made of parts is as old as its upload
  version.part_count = static_cast<uint32_t>(parts.size());
  version.meta = std::move(upload.meta);
  version.wrapped_key = std::move(upload.wrapped_key);
  Garbage left;
  left.upload = request.upload;
  made.more.put(index::garbage(impl_->ids.next()), encode(left));
  made.more_garbage = true;
  const Id manifest = impl_->ids.next();
  // Of ten thousand parts it takes 70 ms, mostly to combine their checksums.
  CO_CHECK(co_await impl_->pool.run([&]() -> Result<void> {
    version.etag = etag_of_parts(parts);
    if (request.checksum) {
      TRY(auto checksum, checksum_of_parts(parts, *request.checksum, request.composite));
      version.checksums.push_back(std::move(checksum));
    }
    for (Part& part : parts) {
      part.offset = version.size;
      version.size += part.size;
    }
    // The parts' records become the object's; what is left of the upload is garbage.
    for (const Part& part : parts) made.more.remove(index::part(request.upload, part.number));
    made.more.remove(index::upload(request.key, request.upload));
    add_manifest(made.more, version, manifest, std::move(parts));
    return {};
  }));
  if (request.verify) CO_CHECK(request.verify(version));

  made.bucket = std::move(request.bucket);
  made.versioning = std::move(request.versioning);
  made.precondition = std::move(request.precondition);
  made.note = request.note;
  made.origin = std::move(request.origin);
  co_return co_await impl_->commit_version(std::move(made));
}

Task<Result<void>> Objects::abort_upload(std::string bucket, std::string key, UploadId id) {
  CO_CHECK(impl_->check_target(bucket, key));
  const auto hold = co_await impl_->lock_upload(bucket, id);
  CO_TRY(const auto use, co_await impl_->buckets.use(bucket));
  CO_TRY(const auto upload, load_upload(impl_->store, bucket, key, id));
  Garbage left;
  left.upload = id;
  store::Batch batch(index::partition_of(bucket));
  batch.remove(index::upload(key, id));
  batch.put(index::garbage(impl_->ids.next()), encode(left));
  co_return co_await impl_->commit(bucket, std::move(batch), true);
}

}  // namespace boreal::objects
