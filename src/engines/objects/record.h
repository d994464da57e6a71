// How the engine's values lie in the index: a compact binary form, since a page of a listing decodes a thousand
// of them. docs/on-disk.md describes it. All decoders answer Errc::corrupt for what they cannot read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "objects/types.h"

namespace boreal::objects {

// The key is part of the index key and not of the record; is_latest is known from where it was found.
std::string encode(const Version& version);
// Without `full`, only what listings show: everything up to part_count.
Result<Version> decode_version(std::string_view record, bool full);
// In place: a listing makes thousands, and they are large to move. `version` is fresh.
Result<void> decode_version(std::string_view record, bool full, Version& version);

std::string encode(const Upload& upload);
Result<Upload> decode_upload(std::string_view record, bool full);

std::string encode(const Part& part);
Result<Part> decode_part(std::string_view record);

// A manifest record: a run of the parts of a finished object.
std::string encode(const std::vector<Part>& parts);
Result<std::vector<Part>> decode_parts(std::string_view record);

// What nobody refers to any more and is still to be freed.
struct Garbage {
  Id owner;  // the version whose readers hold it back; zero: nobody can be reading it
  std::vector<Segment> segments;
  Id manifest;  // with chunks > 0: all segments of these manifest records, and the records
  uint32_t chunks = 0;
  Id upload;  // not zero: all parts that are left of this upload
};
std::string encode(const Garbage& garbage);
Result<Garbage> decode_garbage(std::string_view record);

}  // namespace boreal::objects
