#include "backup/streams.h"

#include <fmt/format.h>

#include "codec/hex.h"

namespace boreal::backup {

Task<Result<size_t>> CountedSource::read(MutableBytes buffer) {
  if (progress_->stop) co_return fail(Errc::cancelled, "the job was stopped");
  if (clock_.now() > progress_->complete_by)
    co_return fail(Errc::timeout, "the job was not complete within its completion window");
  CO_TRY(const size_t count, co_await from_->read(buffer));
  progress_->bytes += count;
  if (count == 0 && progress_->on_end) std::exchange(progress_->on_end, nullptr)();
  co_return count;
}

VerifiedSource::VerifiedSource(std::unique_ptr<Source> from, uint64_t size, std::string sha256,
                               std::shared_ptr<Verdict> verdict, io::Pool& pool)
    : from_(std::move(from)), size_(size), sha256_(std::move(sha256)), verdict_(std::move(verdict)), pool_(pool) {
  if (size_ == 0) (void)judge();
}

Task<Result<size_t>> VerifiedSource::read(MutableBytes buffer) {
  CO_TRY(const size_t count, co_await from_->read(buffer));
  if (count == 0) {
    if (!verdict_->verified) co_return fail(Errc::corrupt, fmt::format("ends after {} of {} bytes", passed_, size_));
    co_return 0;
  }
  passed_ += count;
  if (passed_ > size_) co_return fail(Errc::corrupt, fmt::format("goes on after its {} bytes", size_));
  const Bytes bytes = buffer.first(count);
  co_await pool_.run([this, bytes] { hash_.update(bytes); });
  if (passed_ == size_) CO_CHECK(judge());
  co_return count;
}

Result<void> VerifiedSource::judge() {
  const auto digest = hash_.finish();
  const std::string found = codec::hex_encode(Bytes(digest));
  if (found != sha256_)
    return fail(Errc::corrupt, fmt::format("SHA-256 is {}, was {} when it was stored", found, sha256_));
  verdict_->verified = true;
  return {};
}

}  // namespace boreal::backup
