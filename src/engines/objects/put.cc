// Writing: bytes first, durable, then the index commit that names them.
#include <algorithm>

#include "base/log.h"
#include "codec/hex.h"
#include "objects/impl.h"
#include "objects/index_keys.h"

namespace boreal::objects {
namespace {

// Below this, hashing and sealing here costs less than going to the pool and back.
constexpr size_t worth_the_pool_bytes = 4 << 10;

// The frame of a small object, with its digests.
Result<void> seal_inline(std::string_view plain, FrameCipher& cipher, Digester& digester, Draft& draft) {
  digester.update(as_bytes(plain));
  draft.inline_data.resize(plain.size() + frame_overhead);
  return cipher.seal(0, as_bytes(plain), std::as_writable_bytes(std::span(draft.inline_data)));
}

bool is_surely_absent(const Error& error) {
  return error.code() == Errc::unavailable || error.code() == Errc::too_large || error.code() == Errc::no_space;
}

}  // namespace

Task<Result<Version>> Objects::put(PutRequest request, Source& body) {
  CO_CHECK(impl_->check_target(request.bucket, request.key));
  CO_CHECK(impl_->check_room());
  CO_TRY(request.meta.tier, impl_->tier_named(request.meta.tier));
  Destination to{request.bucket, request.meta.tier, impl_->options.inline_bytes_max};
  CO_TRY(auto draft,
         co_await impl_->write(std::move(to), request.data_key.plain.bytes(), request.checksums, request.accept, body));
  NewVersion made;
  made.bucket = std::move(request.bucket);
  made.version.key = std::move(request.key);
  made.version.size = draft.digests.size;
  made.version.modified = impl_->clock.now();
  made.version.etag = codec::hex_encode(draft.digests.md5);
  made.version.checksums = draft.digests.checksums;
  made.version.meta = std::move(request.meta);
  made.version.wrapped_key = std::move(request.data_key.wrapped);
  made.version.segment = draft.segment;
  made.draft = std::move(draft);
  made.versioning = std::move(request.versioning);
  made.precondition = std::move(request.precondition);
  made.note = request.note;
  made.origin = std::move(request.origin);
  co_return co_await impl_->commit_version(std::move(made));
}

Task<Result<BlobId>> Objects::Impl::reserve(std::string bucket, std::string tier, Draft& draft) {
  CO_TRY(const BlobId id, co_await buckets.reserve(std::move(bucket)));
  draft.blobs.push_back({id, std::move(tier), pins->pin(id)});
  co_return id;
}

// Data at most `inline_bytes_max` long is read whole; the first byte beyond that sends it to a blob.
Task<Result<Draft>> Objects::Impl::write(Destination to, Bytes data_key, std::vector<Algorithm> checksums,
                                         std::function<Result<void>(const Digests&)> accept, Source& body) {
  Draft draft;
  Digester digester(checksums);
  const size_t inline_max = std::min(to.inline_bytes_max, frame_bytes);
  // One byte more than is expected tells a body that is longer.
  std::string head(std::min<uint64_t>(inline_max, body.size().value_or(inline_max)) + 1, '\0');
  CO_TRY(const size_t filled, co_await read_full(body, std::as_writable_bytes(std::span(head))));
  const bool is_whole = filled < head.size();
  head.resize(filled);

  Segment segment;
  segment.blob = segment.salt = segment.referrer = ids.next();
  const bool is_inline = is_whole && to.inline_bytes_max > 0;
  if (is_inline) {
    CO_TRY(auto cipher, FrameCipher::make(data_key, segment.salt));
    if (filled > worth_the_pool_bytes) {
      CO_CHECK(co_await pool.run([&] { return seal_inline(head, cipher, digester, draft); }));
    } else if (filled > 0) {
      CO_CHECK(seal_inline(head, cipher, digester, draft));
    }
    segment.stored_size = draft.inline_data.size();
    segment.plain_size = filled;
  } else {
    CO_TRY(const BlobId id, co_await reserve(to.bucket, to.tier, draft));
    segment.blob = segment.salt = segment.referrer = id;
    segment.tier = to.tier;
    CO_TRY(auto cipher, FrameCipher::make(data_key, id));
    auto sizes = Result<BlobPipeline::Sizes>();
    if (auto writer = co_await blobs.create(id, to.tier); writer) {
      BlobPipeline pipeline(pool, **writer, std::move(cipher), false, &digester);
      sizes = co_await pipeline.run(std::move(head), body);
    } else {
      sizes = std::unexpected(std::move(writer).error());
    }
    if (!sizes) {
      co_await abandon(to.bucket, std::move(draft));
      co_return std::unexpected(std::move(sizes).error());
    }
    segment.plain_size = sizes->plain;
    segment.stored_size = sizes->stored;
  }
  segment.length = segment.plain_size;
  if (segment.plain_size > 0 || !is_inline) draft.segment = std::move(segment);
  draft.digests = digester.finish();
  if (accept) {
    if (auto accepted = accept(draft.digests); !accepted) {
      co_await abandon(to.bucket, std::move(draft));
      co_return std::unexpected(std::move(accepted).error());
    }
  }
  co_return draft;
}

// The one place where a version comes to be.
Task<Result<Version>> Objects::Impl::commit_version(NewVersion made) {
  const auto hold = co_await lock_key(made.bucket, made.version.key);
  std::optional<KeyLocks::Hold> only_of_its_id;
  if (made.origin) only_of_its_id.emplace(co_await lock_version(made.bucket, made.origin->id));
  auto use = co_await buckets.use(made.bucket);
  // Nothing is waited for between this and the decisions, nor does anybody else change the key before the commit.
  const Versioning versioning = made.origin ? Versioning::on : made.versioning();
  made.version.is_null = versioning != Versioning::on;
  auto change = KeyChange::begin(store, ids, made.bucket, made.version.key, versioning != Versioning::off);
  Result<void> planned;
  if (!use) {
    planned = std::unexpected(std::move(use).error());
  } else if (!change) {
    planned = std::unexpected(std::move(change).error());
  } else if (made.precondition) {
    planned = made.precondition(change->latest());
  }
  if (made.origin) {
    made.version.modified = made.origin->modified;
    if (!made.origin->etag.empty()) made.version.etag = made.origin->etag;
  }
  const auto id = made.origin ? std::optional(made.origin->id) : std::nullopt;
  if (planned) planned = change->put(made.version, std::move(made.draft.inline_data), id);
  if (!planned) {
    co_await abandon(made.bucket, std::move(made.draft));
    co_return std::unexpected(std::move(planned).error());
  }
  if (made.note) add_note(change->batch(), made.version);
  change->batch().append(std::move(made.more));
  const bool leaves_garbage = change->leaves_garbage() || made.more_garbage;
  CO_CHECK(co_await commit(made.bucket, std::move(change->batch()), leaves_garbage, std::move(made.draft)));
  co_return std::move(made.version);
}

// Should the commit fail it may yet be there after a restart, so the bytes stay; if it is not, the sweep finds their
// ids on record. But what the store did not even try to write, or was refused by a full disk, is not there and will not
// be: on a busy day that would be many bytes, and on a full disk they are what it needs.
Task<Result<void>> Objects::Impl::commit(std::string bucket, store::Batch batch, bool leaves_garbage, Draft draft) {
  for (const auto& blob : draft.blobs) batch.remove(index::reserved(buckets.run(), blob.id));
  if (draft.share) batch.remove(index::tentative(buckets.run(), *draft.share));
  auto done = co_await commit(bucket, std::move(batch), leaves_garbage);
  if (!done && is_surely_absent(done.error())) co_await abandon(std::move(bucket), std::move(draft));
  co_return done;
}

// Whatever does not succeed here stays on record, and the next start sweeps it.
Task<void> Objects::Impl::abandon(std::string bucket, Draft draft) {
  store::Batch batch(index::partition_of(bucket));
  for (const auto& blob : draft.blobs) {
    const auto removed = co_await blobs.remove(blob.id, blob.tier);
    if (removed) {
      batch.remove(index::reserved(buckets.run(), blob.id));
    } else {
      log::warn("objects", "cannot remove an unfinished blob now", {{"why", removed.error().message()}});
    }
  }
  if (draft.share) {
    batch.remove(index::tentative(buckets.run(), *draft.share));
    batch.put(index::garbage(ids.next()), encode(draft.share_garbage));
  }
  if (batch.empty()) co_return;
  const auto done = co_await commit(bucket, std::move(batch), draft.share.has_value());
  if (!done) log::warn("objects", "cannot clear an unfinished write now", {{"why", done.error().message()}});
}

}  // namespace boreal::objects
