// S3's own words for what many operations refuse, and for values of the query and of headers that do not fit the model.
#pragma once

#include <cstdint>
#include <string_view>

#include "aws/error.h"

namespace boreal::s3 {

// MalformedXML: of a document that says too little, too much, or what does not go together.
aws::ApiError malformed_xml();
// OperationAborted: something was changed meanwhile that this request was judged by.
aws::ApiError overtaken();
// NotImplemented: a header that means something at AWS, and nothing here.
aws::ApiError unserved_header(std::string_view name);

// What one request may bring of an object, and how one is refused that brings more than `most`: EntityTooLarge.
inline constexpr uint64_t max_body_bytes = 5ULL << 30;
aws::ApiError entity_too_large(uint64_t size, uint64_t most);

// An error that names a query parameter or header as its argument, in the words that S3 has for it; any other as it is.
aws::ApiError in_own_words(aws::ApiError error);

}  // namespace boreal::s3
