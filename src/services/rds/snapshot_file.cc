#include "rds/snapshot_file.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace boreal::rds {

namespace {

constexpr size_t frame_bytes = 1 << 20;
constexpr size_t length_bytes = 4;

crypto::Aes256Gcm::Nonce nonce_of(uint64_t number) {
  crypto::Aes256Gcm::Nonce nonce{};
  for (size_t i = 0; i < 8; ++i) nonce[nonce.size() - 1 - i] = static_cast<std::byte>(number >> (8 * i));
  return nonce;
}

Bytes bound_to(bool last) { return as_bytes(last ? "boreal snapshot 1 end" : "boreal snapshot 1"); }

// Fills the buffer unless the source ends.
Task<Result<size_t>> read_full(Source& source, MutableBytes buffer) {
  size_t filled = 0;
  while (filled < buffer.size()) {
    CO_TRY(const size_t got, co_await source.read(buffer.subspan(filled)));
    if (got == 0) break;
    filled += got;
  }
  co_return filled;
}

Result<void> append_frame(io::File& file, crypto::Aes256Gcm& cipher, uint64_t number, bool last, Bytes plain) {
  std::vector<std::byte> frame(length_bytes + plain.size() + crypto::Aes256Gcm::tag_size);
  const auto size = static_cast<uint32_t>(frame.size() - length_bytes);
  for (size_t i = 0; i < length_bytes; ++i) frame[i] = static_cast<std::byte>(size >> (8 * (length_bytes - 1 - i)));
  CHECK(cipher.seal(nonce_of(number), bound_to(last), plain, std::span(frame).subspan(length_bytes)));
  return file.append(frame);
}

Task<Result<uint64_t>> write_frames(io::Pool& pool, io::File& file, crypto::Aes256Gcm& cipher, Source& source,
                                    const bool& stopping) {
  std::vector<std::byte> buffer(frame_bytes);
  uint64_t total = 0;
  for (uint64_t number = 0;; ++number) {
    if (stopping) co_return fail(Errc::cancelled, "boreal is ending");
    CO_TRY(const size_t got, co_await read_full(source, buffer));
    const bool last = got < buffer.size();
    total += got;
    CO_CHECK(co_await pool.run([&] { return append_frame(file, cipher, number, last, std::span(buffer).first(got)); }));
    if (last) break;
  }
  co_return total;
}

class SnapshotSource final : public Source {
 public:
  SnapshotSource(io::Pool& pool, io::File file, const crypto::SecretKey& key)
      : pool_(pool), file_(std::move(file)), cipher_(key) {}

  Task<Result<size_t>> read(MutableBytes buffer) override {
    if (at_ == plain_.size() && !ended_) CO_CHECK(co_await pool_.run([this] { return next_frame(); }));
    const size_t count = std::min(buffer.size(), plain_.size() - at_);
    std::copy_n(plain_.begin() + static_cast<ptrdiff_t>(at_), count, buffer.begin());
    at_ += count;
    co_return count;
  }

 private:
  Result<void> next_frame() {
    std::array<std::byte, length_bytes> head;
    CHECK(file_.read_exactly_at(offset_, head));
    size_t size = 0;
    for (const std::byte byte : head) size = size << 8 | static_cast<unsigned char>(byte);
    if (size < crypto::Aes256Gcm::tag_size || size > frame_bytes + crypto::Aes256Gcm::tag_size) {
      return fail(Errc::corrupt, file_.path() + ": a frame has an impossible length");
    }
    std::vector<std::byte> sealed(size);
    CHECK(file_.read_exactly_at(offset_ + length_bytes, sealed));
    plain_.resize(size - crypto::Aes256Gcm::tag_size);
    at_ = 0;
    // A last frame is never full, all others are.
    ended_ = plain_.size() < frame_bytes;
    CHECK(cipher_.open(nonce_of(number_++), bound_to(ended_), sealed, plain_));
    offset_ += length_bytes + size;
    return {};
  }

  io::Pool& pool_;
  io::File file_;
  crypto::Aes256Gcm cipher_;
  std::vector<std::byte> plain_;
  size_t at_ = 0;
  uint64_t offset_ = 0;
  uint64_t number_ = 0;
  bool ended_ = false;
};

}  // namespace

Task<Result<uint64_t>> write_snapshot_file(io::Pool& pool, io::Path path, crypto::SecretKey key, Source& source,
                                           const bool& stopping) {
  crypto::Aes256Gcm cipher(key);
  auto file = co_await pool.run([&]() -> Result<io::File> {
    auto removed = io::remove_file(path);  // what an earlier try left
    if (!removed && removed.error().code() != Errc::not_found) return std::unexpected(std::move(removed).error());
    return io::File::open(path, io::File::Mode::write_new);
  });
  if (!file) co_return std::unexpected(std::move(file).error());
  auto written = co_await write_frames(pool, *file, cipher, source, stopping);
  auto durable = co_await pool.run([&]() -> Result<void> {
    if (!written) {
      (void)io::remove_file(path);  // the error that is told is the one that came first
      return std::unexpected(written.error());
    }
    CHECK(file->sync());
    return io::sync_folder(path.substr(0, path.rfind('/')));
  });
  if (!durable) co_return std::unexpected(std::move(durable).error());
  co_return *written;
}

Result<std::unique_ptr<Source>> open_snapshot_file(io::Pool& pool, const io::Path& path, crypto::SecretKey key) {
  TRY(auto file, io::File::open(path, io::File::Mode::read));
  return std::make_unique<SnapshotSource>(pool, std::move(file), key);
}

}  // namespace boreal::rds
