// S3's own words for values of the query and of headers that do not fit the model.
#pragma once

#include "aws/error.h"

namespace boreal::s3 {

// An error that names a query parameter or header as its argument, in the words that S3 has for it; any other as it is.
aws::ApiError in_own_words(aws::ApiError error);

}  // namespace boreal::s3
