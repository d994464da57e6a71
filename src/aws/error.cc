#include "aws/error.h"

#include "base/log.h"

namespace boreal::aws {

namespace {
bool is_transient(Errc code) { return code == Errc::no_space || code == Errc::unavailable || code == Errc::timeout; }
}  // namespace

ApiError::ApiError(const Error& error)
    : code(is_transient(error.code()) ? "ServiceUnavailable" : "InternalFailure"),
      status(is_transient(error.code()) ? 503 : 500),
      message(error.code() == Errc::no_space ? "The disk is full: the request was not carried out."
                                             : "An internal error has occurred; the server's log has more.") {
  // What was given up by who wanted it is no failure of ours.
  const auto tell = error.code() == Errc::cancelled ? log::debug : log::error;
  tell("aws", "an engine's error reached the API", {{"kind", to_string(error.code())}, {"error", error.message()}});
}

}  // namespace boreal::aws
