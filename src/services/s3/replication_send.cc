// One version to a bucket at another endpoint: how it is sent. No more than a piece of it is in memory.
//
// An object that was put together from parts goes in the same parts, so that its ETag stays; a large one in parts of
// our own. The upload's id is recorded before its first part is sent: whoever goes on after a crash asks which parts
// are there.
#include <algorithm>

#include "base/text.h"
#include "codec/base64.h"
#include "codec/hex.h"
#include "codec/xml.h"
#include "crypto/hash.h"
#include "s3/checksums.h"
#include "s3/replica.h"
#include "s3/replication_job.h"

namespace boreal::s3 {

namespace {

constexpr uint64_t max_whole_bytes = 64 << 20;
constexpr uint64_t part_bytes = 64 << 20;
constexpr size_t parts_a_page = 1000;
constexpr size_t parts_at_once = 4;
constexpr int64_t max_part_number = 10'000;
constexpr size_t md5_bytes = 16;
constexpr size_t digest_bytes = 256 << 10;

// The piece of an object that is one request's body.
class Piece final : public Source {
 public:
  Piece(std::unique_ptr<Source> inner, uint64_t size) : inner_(std::move(inner)), size_(size) {}
  Task<Result<size_t>> read(MutableBytes buffer) override {
    if (inner_->lends()) co_return co_await copy_lent(buffer);
    co_return co_await inner_->read(buffer);
  }
  std::optional<uint64_t> size() const override { return size_; }

 private:
  Task<Result<size_t>> copy_lent(MutableBytes buffer) {
    if (lent_.empty()) {
      CO_TRY(lent_, co_await inner_->lend());
    }
    const size_t count = std::min(buffer.size(), lent_.size());
    std::copy_n(lent_.begin(), count, buffer.begin());
    lent_ = lent_.subspan(count);
    co_return count;
  }
  std::unique_ptr<Source> inner_;
  const uint64_t size_;
  Bytes lent_;
};

// The MD5 of what is one piece.
std::string md5_of(const std::string& etag) {
  const auto md5 = codec::hex_decode(etag);
  return md5 && md5->size() == md5_bytes ? *md5 : std::string();
}

// Named for the upload where parts have checksums that the client chose; the default is computed there too.
std::optional<objects::Checksum> named_checksum(const objects::Version& version) {
  if (version.part_count == 0 || version.checksums.empty()) return std::nullopt;
  const objects::Checksum& checksum = version.checksums.front();
  if (checksum.algorithm == default_algorithm) return std::nullopt;
  return checksum;
}

void add_checksum(const objects::Version& version, Remote::Request& request) {
  const auto whole = std::ranges::find(version.checksums, false, &objects::Checksum::composite);
  if (whole != version.checksums.end()) {
    request.headers.emplace_back(checksum_field(whole->algorithm), checksum_text(*whole, 0));
  }
  const std::string md5 = md5_of(version.etag);
  if (!md5.empty()) request.headers.emplace_back("Content-MD5", codec::base64_encode(md5));
}

std::string completion(const auto& parts, const std::optional<objects::Checksum>& checksum) {
  std::string body;
  xml::Writer writer(body);
  writer.begin("CompleteMultipartUpload");
  const std::string name = checksum ? "Checksum" + std::string(algorithm_name(checksum->algorithm)) : std::string();
  for (const auto& part : parts) {
    writer.begin("Part");
    writer.element("ETag", part.etag);
    if (checksum && !part.checksum.empty()) writer.element(name, part.checksum);
    writer.element("PartNumber", std::to_string(part.number));
    writer.end();
  }
  writer.end();
  return body;
}

}  // namespace

Task<Result<Replication::Outcome>> Replication::send_version(Shipment& shipment) {
  const objects::Version& version = shipment.version();
  const std::string replica = replica_text({version.id, version.modified});
  if (version.is_delete_marker) {
    Remote::Request request{.method = "DELETE",
                            .key = version.key,
                            .query = {},
                            .headers = {{std::string(replica_field), replica}},
                            .body = {}};
    co_return co_await send_and_record(shipment, std::move(request));
  }
  if (version.part_count == 0 && version.size <= max_whole_bytes) co_return co_await send_whole(shipment);
  co_return co_await send_in_parts(shipment);
}

Task<Result<std::unique_ptr<Source>>> Replication::read(Shipment& shipment, objects::Range range) {
  CO_TRY(auto source, co_await objects_.read(shipment.job.found, range, shipment.keys));
  co_return std::make_unique<Piece>(std::move(source), range.length);
}

Task<Result<Replication::Outcome>> Replication::send_whole(Shipment& shipment) {
  const objects::Version& version = shipment.version();
  Remote::Request request{.method = "PUT", .key = version.key, .query = {}, .headers = shipment.headers, .body = {}};
  request.headers.emplace_back(replica_field, replica_text({version.id, version.modified}));
  add_checksum(version, request);
  CO_TRY(const auto source, co_await read(shipment, {0, version.size}));
  request.stream = source.get();
  co_return co_await send_and_record(shipment, std::move(request));
}

// The request that makes the version there.
Task<Result<Replication::Outcome>> Replication::send_and_record(Shipment& shipment, Remote::Request request) {
  const objects::Version& version = shipment.version();
  CO_TRY(const auto answer, co_await shipment.remote.send(std::move(request)));
  if (!answer.ok()) co_return refused(shipment, answer);
  CO_CHECK(co_await record(*shipment.job.from, version, shipment.remote.name(),
                           "version:" + answer.header("x-amz-version-id")));
  co_return Outcome::done;
}

Task<Result<void>> Replication::plan_parts(Shipment& shipment) {
  const objects::Version& version = shipment.version();
  shipment.parts.clear();
  if (version.is_delete_marker) co_return Result<void>();
  shipment.checksum = named_checksum(version);
  if (version.part_count == 0) {
    if (version.size <= max_whole_bytes) co_return Result<void>();
    for (uint64_t at = 0; at < version.size; at += part_bytes) {
      Shipment::Part part;
      part.number = static_cast<uint32_t>(at / part_bytes) + 1;
      part.range = {at, std::min(part_bytes, version.size - at)};
      shipment.parts.push_back(std::move(part));
    }
    co_return Result<void>();
  }
  for (uint32_t after = 0;;) {
    CO_TRY(const auto page, co_await objects_.parts_of(shipment.job.found, after, parts_a_page));
    for (const objects::Part& one : page.parts) {
      Shipment::Part part;
      part.number = one.number;
      part.range = {one.offset, one.size};
      part.md5 = one.md5;
      for (const auto& checksum : one.checksums) {
        if (shipment.checksum && checksum.algorithm == shipment.checksum->algorithm)
          part.checksum = checksum_text(checksum, 0);
      }
      shipment.parts.push_back(std::move(part));
    }
    if (!page.truncated || page.parts.empty()) co_return Result<void>();
    after = page.parts.back().number;
  }
}

Task<Result<Replication::Outcome>> Replication::begin_upload(Shipment& shipment) {
  const objects::Version& version = shipment.version();
  Remote::Request request{
      .method = "POST", .key = version.key, .query = {{"uploads", ""}}, .headers = shipment.headers, .body = {}};
  request.headers.emplace_back(replica_field, replica_text({version.id, version.modified}));
  if (shipment.checksum) {
    request.headers.emplace_back("x-amz-checksum-algorithm", algorithm_name(shipment.checksum->algorithm));
    request.headers.emplace_back("x-amz-checksum-type", shipment.checksum->composite ? "COMPOSITE" : "FULL_OBJECT");
  }
  CO_TRY(const auto answer, co_await shipment.remote.send(std::move(request)));
  if (!answer.ok()) co_return refused(shipment, answer);
  const auto document = xml::Document::parse(answer.body);
  const auto id = document ? document->root().child("UploadId") : std::nullopt;
  if (!id || id->text().empty()) co_return fail(Errc::io, "the answer to CreateMultipartUpload has no UploadId");
  shipment.upload = id->text();
  CO_CHECK(co_await record(*shipment.job.from, version, shipment.remote.name(), "upload:" + shipment.upload));
  co_return Outcome::done;
}

// False: there is no such upload any more, or it cannot be told what it holds.
Task<Result<bool>> Replication::list_sent_parts(Shipment& shipment) {
  // Parts are planned, and listed, in the order of their numbers.
  auto planned = shipment.parts.begin();
  for (int64_t after = 0;;) {
    Remote::Request request{.method = "GET",
                            .key = shipment.version().key,
                            .query = {{"uploadId", shipment.upload}},
                            .headers = {},
                            .body = {}};
    if (after > 0) request.query.emplace_back("part-number-marker", std::to_string(after));
    CO_TRY(const auto answer, co_await shipment.remote.send(std::move(request)));
    if (!answer.ok()) {
      CO_CHECK(check_final(answer));
      if (answer.code != "NoSuchUpload") co_await give_up_upload(shipment);  // it may not be asked for
      co_return false;
    }
    CO_TRY(const auto document, xml::Document::parse(answer.body));
    const auto text = [](const xml::Element& element, std::string_view name) {
      const auto child = element.child(name);
      return child ? child->text() : std::string();
    };
    for (auto row = document.root().first_child(); row; row = row->next()) {
      if (row->name() != "Part") continue;
      const auto number = parse_int(text(*row, "PartNumber"), 1, max_part_number);
      if (!number) continue;
      planned = std::find_if(planned, shipment.parts.end(), [&](const auto& part) { return part.number >= *number; });
      if (planned == shipment.parts.end()) co_return true;
      const bool is_it = planned->number == *number && std::to_string(planned->range.length) == text(*row, "Size");
      const std::string etag = unquoted_etag(text(*row, "ETag"));
      const bool is_other =
          etag.size() == 2 * md5_bytes && !planned->md5.empty() && etag != codec::hex_encode(planned->md5);
      if (is_it && !is_other) planned->etag = text(*row, "ETag");
    }
    const auto next = parse_int(text(document.root(), "NextPartNumberMarker"), after + 1, max_part_number);
    if (text(document.root(), "IsTruncated") != "true" || !next) co_return true;
    after = *next;
  }
}

// What is one piece here has no digests of parts, and a bucket that locks its objects takes no part without.
Task<Result<void>> Replication::digest_part(Shipment& shipment, size_t index) {
  auto& part = shipment.parts[index];
  CO_TRY(const auto source, co_await read(shipment, part.range));
  const auto memory = std::make_unique_for_overwrite<std::byte[]>(digest_bytes);
  crypto::Md5 md5;
  for (;;) {
    CO_TRY(const size_t got, co_await source->read(MutableBytes(memory.get(), digest_bytes)));
    if (got == 0) break;
    co_await context_.pool.run([&] { md5.update(Bytes(memory.get(), got)); });
  }
  part.md5 = as_text(md5.finish());
  co_return Result<void>();
}

Task<Result<Replication::Outcome>> Replication::send_part(Shipment& shipment, size_t index) {
  auto& part = shipment.parts[index];
  if (part.md5.empty()) CO_CHECK(co_await digest_part(shipment, index));
  Remote::Request request{.method = "PUT",
                          .key = shipment.version().key,
                          .query = {{"partNumber", std::to_string(part.number)}, {"uploadId", shipment.upload}},
                          .headers = {},
                          .body = {}};
  request.headers.emplace_back("Content-MD5", codec::base64_encode(part.md5));
  if (!part.checksum.empty()) request.headers.emplace_back(checksum_field(shipment.checksum->algorithm), part.checksum);
  CO_TRY(const auto source, co_await read(shipment, part.range));
  request.stream = source.get();
  CO_TRY(const auto answer, co_await shipment.remote.send(std::move(request)));
  if (answer.ok()) {
    part.etag = answer.header("etag");
    co_return Outcome::done;
  }
  if (answer.code == "NoSuchUpload") {  // somebody gave it up: another one, the next time
    CO_CHECK(co_await record(*shipment.job.from, shipment.version(), shipment.remote.name(), ""));
    co_return fail(Errc::io, refusal_text(answer));
  }
  co_return refused(shipment, answer);
}

// Some side by side: the way there and the disk there are seldom busy with one alone. After a failure none is begun.
Task<Result<Replication::Outcome>> Replication::send_parts(Shipment& shipment) {
  size_t next = 0;
  Result<Outcome> outcome = Outcome::done;
  TaskGroup senders;
  for (size_t i = 0; i < std::min(parts_at_once, shipment.parts.size()); ++i)
    senders.spawn(send_some_parts(shipment, next, outcome));
  co_await senders.wait();
  co_return outcome;
}

Task<void> Replication::send_some_parts(Shipment& shipment, size_t& next, Result<Outcome>& outcome) {
  while (next < shipment.parts.size() && outcome == Outcome::done) {
    const size_t index = next++;
    if (!shipment.parts[index].etag.empty()) continue;
    auto sent = stopping_ ? fail(Errc::cancelled, "boreal is stopping") : co_await send_part(shipment, index);
    if (sent != Outcome::done && outcome == Outcome::done) outcome = std::move(sent);
  }
}

Task<Result<Replication::Outcome>> Replication::complete_upload(Shipment& shipment) {
  const objects::Version& version = shipment.version();
  Remote::Request request{.method = "POST",
                          .key = version.key,
                          .query = {{"uploadId", shipment.upload}},
                          .headers = {},
                          .body = completion(shipment.parts, shipment.checksum)};
  CO_TRY(auto answer, co_await shipment.remote.send(std::move(request)));
  // An error may come behind a 200 that was sent while the parts were put together.
  if (const auto document = xml::Document::parse(answer.body);
      answer.ok() && document && document->root().name() == "Error") {
    const auto code = document->root().child("Code");
    answer.code = code ? code->text() : "";
    answer.status = answer.code == "InternalError" || answer.code.empty() ? 500 : 400;
  }
  if (answer.ok()) {
    CO_CHECK(co_await record(*shipment.job.from, version, shipment.remote.name(),
                             "version:" + answer.header("x-amz-version-id")));
    co_return Outcome::done;
  }
  const bool is_gone = answer.code == "NoSuchUpload" || answer.code == "InvalidPart";
  if (is_gone) {
    CO_CHECK(co_await record(*shipment.job.from, version, shipment.remote.name(), ""));
    co_return fail(Errc::io, refusal_text(answer));
  }
  co_return refused(shipment, answer);
}

// It will never be put together: what was sent is not to lie about there.
Task<void> Replication::give_up_upload(Shipment& shipment) {
  Remote::Request request{.method = "DELETE",
                          .key = shipment.version().key,
                          .query = {{"uploadId", shipment.upload}},
                          .headers = {},
                          .body = {}};
  if (auto answer = co_await shipment.remote.send(std::move(request)); !answer || !answer->ok()) {
    log_failed(shipment.remote.name(), shipment.version(), "and its upload there could not be aborted");
  }
  if (auto kept = co_await record(*shipment.job.from, shipment.version(), shipment.remote.name(), ""); !kept) {
    log_failed(shipment.remote.name(), shipment.version(), kept.error().message());
  }
}

Task<Result<Replication::Outcome>> Replication::send_in_parts(Shipment& shipment) {
  constexpr std::string_view under_way = "upload:";
  CO_CHECK(co_await plan_parts(shipment));
  if (shipment.sent.starts_with(under_way)) {
    shipment.upload = shipment.sent.substr(under_way.size());
    CO_TRY(const bool is_there, co_await list_sent_parts(shipment));
    if (!is_there) shipment.upload.clear();
  }
  if (shipment.upload.empty()) {
    CO_TRY(const Outcome begun, co_await begin_upload(shipment));
    if (begun == Outcome::failed) co_return Outcome::failed;
  }
  CO_TRY(Outcome outcome, settle_damaged(shipment.version(), co_await send_parts(shipment)));
  if (outcome == Outcome::done) {
    CO_TRY(outcome, co_await complete_upload(shipment));
  }
  if (outcome == Outcome::failed) co_await give_up_upload(shipment);
  co_return outcome;
}

}  // namespace boreal::s3
