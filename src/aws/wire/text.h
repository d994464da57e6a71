// Scalars as the text of forms, headers, paths and XML.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/shape.h"

namespace boreal::aws::wire {

// Booleans, integers, numbers, strings, blobs (base64) and timestamps; timestamps are read in any form. Errc::invalid.
Result<void> read_text(const codec::Shape& shape, void* value, std::string_view text);

// `format`: of timestamps, where neither the member nor its shape names one.
std::string write_text(const codec::Shape& shape, const void* value, codec::TimestampFormat member_format,
                       codec::TimestampFormat format);

}  // namespace boreal::aws::wire
