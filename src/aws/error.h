// An error as AWS's clients know it: a code that the API models (clients act on it), an HTTP status and a
// message for people. Modelled errors are made by generated factories: api::rds::errors::db_cluster_not_found_fault(…).
#pragma once

#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace boreal::aws {

struct ApiError {
  std::string code;
  int status = 400;
  std::string message;
  // Further members of the error's body, by wire name: S3's BucketName, Key, Resource …
  std::vector<std::pair<std::string, std::string>> fields;
  // Further response headers, by name.
  std::vector<std::pair<std::string, std::string>> headers;

  ApiError(std::string c, int s, std::string m) : code(std::move(c)), status(s), message(std::move(m)) {}

  // An engine's or the system's error that no handler turned into a modelled one: 500 InternalFailure
  // (503 ServiceUnavailable for Errc::no_space and Errc::unavailable). The inner message goes to the log, not to the client.
  ApiError(const Error& error);  // NOLINT(google-explicit-constructor): lets CO_TRY pass engine errors up

  ApiError&& with(std::string field, std::string value) && {
    fields.emplace_back(std::move(field), std::move(value));
    return std::move(*this);
  }
};

template <class T = void>
using Outcome = std::expected<T, ApiError>;

// `co_return refuse(errors::limit_exceeded(…));`
inline std::unexpected<ApiError> refuse(ApiError error) { return std::unexpected(std::move(error)); }

}  // namespace boreal::aws
