#include "objects/record.h"

#include <algorithm>

namespace boreal::objects {
namespace {

constexpr char format_version = 1;

// Numbers are LEB128 varints, texts have their length in front, ids are 16 bytes.
class Encoder {
 public:
  Encoder() : out_(1, format_version) {}

  void number(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }
  void id(const Id& value) {
    put_be64(out_, value.order);
    put_be64(out_, value.salt);
  }
  void properties(const Properties& map) {
    number(map.size());
    for (const auto& [name, value] : map) {
      text(name);
      text(value);
    }
  }
  template <class T, class F>
  void list(const std::vector<T>& items, F each) {
    number(items.size());
    for (const auto& item : items) each(item);
  }
  std::string take() && { return std::move(out_); }

 private:
  std::string out_;
};

// Reads what an Encoder wrote. After the first thing that does not fit, everything reads as empty and ok() is false.
class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {
    if (!in_.empty() && in_[0] == format_version) {
      in_.remove_prefix(1);
    } else {
      refuse();
    }
  }

  uint64_t number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !in_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(in_[0]);
      in_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    refuse();
    return 0;
  }
  std::string text() {
    const uint64_t size = number();
    if (size > in_.size()) {
      refuse();
      return {};
    }
    std::string value(in_.substr(0, size));
    in_.remove_prefix(size);
    return value;
  }
  Id id() {
    if (in_.size() < 16) {
      refuse();
      return {};
    }
    const Id value = Id::from_bytes(in_.substr(0, 16));
    in_.remove_prefix(16);
    return value;
  }
  Properties properties() {
    Properties map;
    for (uint64_t count = number(); count > 0 && ok(); --count) {
      std::string name = text();
      map.emplace_hint(map.end(), std::move(name), text());
    }
    return map;
  }
  template <class T, class F>
  std::vector<T> list(F each) {
    std::vector<T> items;
    const uint64_t count = number();
    items.reserve(std::min<uint64_t>(count, in_.size()));  // each item takes a byte at least
    while (items.size() < count && ok()) items.push_back(each());
    return items;
  }
  bool ok() const { return ok_; }
  Result<void> finish(bool whole = true) const {
    if (ok_ && (!whole || in_.empty())) return {};
    return fail(Errc::corrupt, "a record of the object index is damaged or of a newer format");
  }
  void refuse() {
    ok_ = false;
    in_ = {};
  }

 private:
  std::string_view in_;
  bool ok_ = true;
};

void put_checksums(Encoder& out, const std::vector<Checksum>& checksums) {
  out.list(checksums, [&](const Checksum& checksum) {
    out.number(static_cast<uint64_t>(checksum.algorithm) << 1 | (checksum.composite ? 1 : 0));
    out.text(checksum.value);
  });
}
std::vector<Checksum> get_checksums(Decoder& in) {
  return in.list<Checksum>([&] {
    const uint64_t tag = in.number();
    const uint64_t algorithm = tag >> 1;
    if (algorithm < static_cast<uint64_t>(Algorithm::crc32) || algorithm > static_cast<uint64_t>(last_algorithm)) {
      in.refuse();
    }
    return Checksum{static_cast<Algorithm>(algorithm), (tag & 1) != 0, in.text()};
  });
}

void put_segment(Encoder& out, const Segment& segment) {
  out.id(segment.blob);
  out.id(segment.salt);
  out.id(segment.referrer);
  out.text(segment.tier);
  out.number(segment.offset);
  out.number(segment.length);
  out.number(segment.plain_size);
  out.number(segment.stored_size);
  out.number(segment.compressed ? 1 : 0);
  out.text(segment.wrapped_key);
}
Segment get_segment(Decoder& in) {
  Segment segment;
  segment.blob = in.id();
  segment.salt = in.id();
  segment.referrer = in.id();
  segment.tier = in.text();
  segment.offset = in.number();
  segment.length = in.number();
  segment.plain_size = in.number();
  segment.stored_size = in.number();
  segment.compressed = in.number() != 0;
  segment.wrapped_key = in.text();
  return segment;
}
void put_segments(Encoder& out, const std::vector<Segment>& segments) {
  out.list(segments, [&](const Segment& segment) { put_segment(out, segment); });
}
std::vector<Segment> get_segments(Decoder& in) {
  return in.list<Segment>([&] { return get_segment(in); });
}

void put_part(Encoder& out, const Part& part) {
  out.number(part.number);
  out.number(part.offset);
  out.number(part.size);
  out.number(static_cast<uint64_t>(part.modified.ms));
  out.text(part.md5);
  put_checksums(out, part.checksums);
  put_segments(out, part.segments);
}
Part get_part(Decoder& in) {
  Part part;
  part.number = static_cast<uint32_t>(in.number());
  part.offset = in.number();
  part.size = in.number();
  part.modified = {static_cast<int64_t>(in.number())};
  part.md5 = in.text();
  part.checksums = get_checksums(in);
  part.segments = get_segments(in);
  return part;
}

void put_properties(Encoder& out, const Meta& meta) {
  out.properties(meta.headers);
  out.properties(meta.tags);
  out.properties(meta.attributes);
}
void get_properties(Decoder& in, Meta& meta) {
  meta.headers = in.properties();
  meta.tags = in.properties();
  meta.attributes = in.properties();
}

constexpr uint64_t flag_null = 1;
constexpr uint64_t flag_marker = 2;
constexpr uint64_t flag_segment = 4;

}  // namespace

std::string encode(const Version& version) {
  Encoder out;
  out.id(version.id);
  out.number((version.is_null ? flag_null : 0) | (version.is_delete_marker ? flag_marker : 0) |
             (version.segment ? flag_segment : 0));
  out.number(version.size);
  out.number(static_cast<uint64_t>(version.modified.ms));
  out.text(version.etag);
  out.text(version.meta.owner);
  out.text(version.meta.tier);
  put_checksums(out, version.checksums);
  out.number(version.part_count);
  // From here on only full decoding goes.
  out.text(version.wrapped_key);
  if (version.segment) put_segment(out, *version.segment);
  out.list(version.chunk_starts, [&](uint64_t start) { out.number(start); });
  out.id(version.manifest);
  put_properties(out, version.meta);
  return std::move(out).take();
}

Result<Version> decode_version(std::string_view record, bool full) {
  Result<Version> version(std::in_place);
  if (auto decoded = decode_version(record, full, *version); !decoded) version = std::unexpected(decoded.error());
  return version;
}

Result<void> decode_version(std::string_view record, bool full, Version& version) {
  Decoder in(record);
  version.id = in.id();
  const uint64_t flags = in.number();
  version.is_null = (flags & flag_null) != 0;
  version.is_delete_marker = (flags & flag_marker) != 0;
  version.size = in.number();
  version.modified = {static_cast<int64_t>(in.number())};
  version.etag = in.text();
  version.meta.owner = in.text();
  version.meta.tier = in.text();
  version.checksums = get_checksums(in);
  version.part_count = static_cast<uint32_t>(in.number());
  if (full) {
    version.wrapped_key = in.text();
    if ((flags & flag_segment) != 0) version.segment = get_segment(in);
    version.chunk_starts = in.list<uint64_t>([&] { return in.number(); });
    version.manifest = in.id();
    get_properties(in, version.meta);
  }
  return in.finish(full);
}

std::string encode(const Upload& upload) {
  Encoder out;
  out.id(upload.id);
  out.number(static_cast<uint64_t>(upload.initiated.ms));
  out.text(upload.meta.owner);
  out.text(upload.meta.tier);
  out.text(upload.wrapped_key);
  put_properties(out, upload.meta);
  return std::move(out).take();
}

Result<Upload> decode_upload(std::string_view record, bool full) {
  Decoder in(record);
  Upload upload;
  upload.id = in.id();
  upload.initiated = {static_cast<int64_t>(in.number())};
  upload.meta.owner = in.text();
  upload.meta.tier = in.text();
  upload.wrapped_key = in.text();
  if (full) get_properties(in, upload.meta);
  CHECK(in.finish(full));
  return upload;
}

std::string encode(const Part& part) {
  Encoder out;
  put_part(out, part);
  return std::move(out).take();
}

Result<Part> decode_part(std::string_view record) {
  Decoder in(record);
  Part part = get_part(in);
  CHECK(in.finish());
  return part;
}

std::string encode(const std::vector<Part>& parts) {
  Encoder out;
  out.list(parts, [&](const Part& part) { put_part(out, part); });
  return std::move(out).take();
}

Result<std::vector<Part>> decode_parts(std::string_view record) {
  Decoder in(record);
  auto parts = in.list<Part>([&] { return get_part(in); });
  CHECK(in.finish());
  return parts;
}

std::string encode(const Garbage& garbage) {
  Encoder out;
  out.id(garbage.owner);
  put_segments(out, garbage.segments);
  out.id(garbage.manifest);
  out.number(garbage.chunks);
  out.id(garbage.upload);
  return std::move(out).take();
}

Result<Garbage> decode_garbage(std::string_view record) {
  Decoder in(record);
  Garbage garbage;
  garbage.owner = in.id();
  garbage.segments = get_segments(in);
  garbage.manifest = in.id();
  garbage.chunks = static_cast<uint32_t>(in.number());
  garbage.upload = in.id();
  CHECK(in.finish());
  return garbage;
}

}  // namespace boreal::objects
