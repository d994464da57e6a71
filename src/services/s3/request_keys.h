// Condition keys: the facts of a request that policies ask for.
// Source: Service Authorization Reference, "Condition keys for Amazon S3"; S3 API Reference, "Amazon S3 Signature
// Version 4 Authentication Specific Policy Keys".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/call.h"
#include "s3/service.h"

namespace boreal::s3 {

using Context = std::multimap<std::string, std::string>;

// How it is signed and sent.
Context signature_keys(const Call& call);
// What is true of the whole request. `input` empty: what its head alone tells.
Context request_keys(const Call& call, const aws::Value& input);

std::optional<std::string> header(const Call& call, std::string_view name);
std::vector<api::Tag> tags_of_new_bucket(const aws::Value& create_bucket_request);

}  // namespace boreal::s3
