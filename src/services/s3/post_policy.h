// The policy of a browser's upload: what the fields of the form may say, until when.
// Source: S3 API Reference, "Creating a POST policy".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/error.h"
#include "base/clock.h"
#include "s3/post_form.h"

namespace boreal::s3 {

class PostPolicy {
 public:
  // `document`: base64 of JSON, as the form brings it. InvalidPolicyDocument.
  static aws::Outcome<PostPolicy> parse(std::string_view document);

  // Every field must fit its conditions, and every condition must have its field. `bucket` is that of the request.
  // AccessDenied, with what did not fit.
  aws::Outcome<void> check(const Form& form, const std::string& bucket, Time now) const;
  const FormFile::Limits& limits() const { return limits_; }

 private:
  struct Condition {
    std::string field;  // lower case; empty: none
    std::string value;
    bool is_prefix = false;
    std::string text;  // for the answer
  };
  // `place`: a field behind its $.
  aws::Outcome<void> add(const std::string& operation, const std::string& place, std::string value);
  aws::Outcome<void> add_array(const std::vector<std::string>& parts);

  Time expires_;
  std::vector<Condition> conditions_;
  FormFile::Limits limits_;
};

}  // namespace boreal::s3
