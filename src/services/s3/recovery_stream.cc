#include "s3/recovery_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/utf8.h"
#include "s3/object_meta.h"

namespace boreal::s3 {

namespace {

constexpr size_t length_bytes = 8;
constexpr uint64_t max_head_bytes = 1 << 20;
constexpr uint64_t max_object_bytes = 50ULL << 40;  // S3 User Guide, "Uploading objects"
constexpr size_t max_headers = 1000;                // 2 KiB of metadata and a handful that have names of their own
constexpr size_t max_header_bytes = 16 << 10;
constexpr size_t max_tags = 10;
constexpr size_t max_tag_bytes = 256 * 4;  // characters, in UTF-8

// A header goes out in answers as it came: no byte may end it or begin another.
bool is_sendable(std::string_view text) {
  constexpr std::string_view ends("\r\n\0", 3);
  return text.size() <= max_header_bytes && text.find_first_of(ends) == std::string_view::npos;
}

// What put the object into a bucket the first time refused as well.
Result<void> check(const RecoveredHead& head) {
  const auto bad = [](std::string_view what) {
    return fail(Errc::corrupt, fmt::format("the backup has an object whose {}", what));
  };
  const std::string& key = head.key.bytes;
  if (key.empty() || key.size() > objects::max_key_bytes || !codec::is_utf8(key)) return bad("key is none");
  if (head.size > max_object_bytes) return bad("size is more than an object can have");
  if (!head.storage_class.empty() && !check_storage_class(head.storage_class)) return bad("storage class is none");
  if (head.headers.size() > max_headers) return bad("headers are too many");
  for (const auto& [name, value] : head.headers) {
    if (name.empty() || !is_sendable(name) || !is_sendable(value.bytes)) return bad("headers cannot be sent");
  }
  if (head.tags.size() > max_tags) return bad("tags are too many");
  for (const auto& [name, value] : head.tags) {
    if (name.empty() || name.size() > max_tag_bytes || value.size() > max_tag_bytes) return bad("tags are too long");
  }
  return {};
}

}  // namespace

std::string frame_head(const RecoveredHead& head) {
  const std::string text = store::encode(head);
  std::string framed;
  framed.reserve(length_bytes + text.size());
  put_be64(framed, text.size());
  return framed + text;
}

Task<Result<std::optional<RecoveredHead>>> RecoveryReader::next() {
  if (body_.left() > 0) co_return fail(Errc::conflict, "the object before was not read to its end");
  std::array<std::byte, length_bytes> length;
  CO_TRY(const bool more, co_await body_.fill(length));
  if (!more) co_return std::optional<RecoveredHead>();
  const uint64_t size = get_be64(as_text(length));
  if (size == 0 || size > max_head_bytes) {
    co_return fail(Errc::corrupt, fmt::format("the backup has a head of {} bytes", size));
  }
  std::string text(size, '\0');
  CO_TRY(const bool whole, co_await body_.fill(std::as_writable_bytes(std::span(text))));
  if (!whole) co_return fail(Errc::corrupt, "the backup ends within a head");
  CO_TRY(auto head, store::decode<RecoveredHead>(text));
  CO_CHECK(check(head));
  body_.begin(head.size);
  co_return std::optional(std::move(head));
}

Task<Result<size_t>> RecoveryReader::Body::read(MutableBytes buffer) {
  if (left_ == 0) co_return size_t{0};
  CO_TRY(const size_t count, co_await data_.read(buffer.first(std::min<uint64_t>(buffer.size(), left_))));
  if (count == 0) co_return fail(Errc::corrupt, "the backup ends within an object");
  left_ -= count;
  co_return count;
}

Task<Result<bool>> RecoveryReader::Body::fill(MutableBytes buffer) {
  size_t filled = 0;
  while (filled < buffer.size()) {
    CO_TRY(const size_t count, co_await data_.read(buffer.subspan(filled)));
    if (count == 0 && filled == 0) co_return false;
    if (count == 0) co_return fail(Errc::corrupt, "the backup ends within a head");
    filled += count;
  }
  co_return true;
}

}  // namespace boreal::s3
