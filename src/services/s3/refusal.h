// The engine calls back under its locks and knows only its own errors: what a callback refuses in S3's words is held
// here until the engine has come back.
#pragma once

#include <optional>
#include <utility>

#include "aws/error.h"
#include "base/result.h"

namespace boreal::s3 {

class Refusal {
 public:
  Result<void> hold(aws::Outcome<void> outcome) {
    if (outcome) return {};
    held_ = std::move(outcome).error();
    return fail(Errc::conflict, "refused: " + held_->code);
  }
  bool is_held() const { return held_.has_value(); }
  // What the engine's error was: a refusal that is held here, or its own.
  aws::ApiError of(Error error) {
    if (held_) return std::move(*held_);
    if (error.code() == Errc::too_large) {
      return aws::ApiError("InvalidRequest", 400,
                           "The object consists of too many copied pieces to be written at once.");
    }
    return aws::ApiError(error);
  }

 private:
  std::optional<aws::ApiError> held_;
};

}  // namespace boreal::s3
