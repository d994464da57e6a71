// A browser's upload: a form of fields, and the file as its last part that counts.
// Source: RFC 7578 (multipart/form-data), RFC 2046 (multipart); S3 API Reference, "POST Object".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/error.h"
#include "base/stream.h"
#include "s3/wording.h"

namespace boreal::s3 {

struct FormField {
  std::string name;  // as sent
  std::string value;
};

// All that comes before the file's bytes.
struct Form {
  std::vector<FormField> fields;  // without the file
  std::string file_name;
  // The value of the first field of that name, whatever its case; null: there is none.
  const std::string* find(std::string_view name) const;
};

// Every field may speak of the file's name, as ${filename}. MaxPostPreDataLengthExceededError: they would become far
// larger than they may come.
aws::Outcome<void> fill_in_file_name(Form& form);

// From "multipart/form-data; boundary=…"; nullopt when it is something else, or names no boundary.
std::optional<std::string> form_boundary(std::string_view content_type);

// Takes the body piece by piece, however it is cut, until the file begins.
class FormParser {
 public:
  explicit FormParser(const std::string& boundary);

  // True: the file's part has begun; rest() is what came of it already. MalformedPOSTRequest, InvalidArgument (there is
  // no file), MaxPostPreDataLengthExceededError.
  aws::Outcome<bool> take(std::string_view bytes);
  // What to answer when the body has ended and take() was never true.
  static aws::ApiError ended_early();

  Form& form() { return form_; }
  std::string rest() { return std::move(buffer_); }
  const std::string& delimiter() const { return delimiter_; }

 private:
  enum class State { value, after_delimiter, headers, file };
  aws::Outcome<bool> step();  // true: something was done, and more may be
  bool end_value();
  aws::Outcome<bool> begin_part();
  aws::Outcome<void> read_headers(std::string_view text);

  std::string delimiter_;  // CRLF, two dashes, the boundary
  std::string buffer_;
  size_t searched_ = 0;  // no delimiter begins before this
  size_t taken_ = 0;     // bytes in all
  State state_ = State::value;
  bool in_part_ = false;
  FormField field_;
  Form form_;
};

// The file's bytes, up to the delimiter behind them. `body` and `failure` outlive it; `failure` is told why read()
// failed when that was the client's doing: EntityTooLarge, EntityTooSmall, MalformedPOSTRequest.
class FormFile final : public Source {
 public:
  struct Limits {
    uint64_t min = 0;
    uint64_t max = max_body_bytes;  // as of a PUT, whatever a policy allows
  };
  FormFile(Source& body, std::string delimiter, std::string begun, Limits limits, std::optional<aws::ApiError>& failure)
      : body_(body), delimiter_(std::move(delimiter)), buffer_(std::move(begun)), limits_(limits), failure_(failure) {}

  Task<Result<size_t>> read(MutableBytes buffer) override;
  Executor* home() const override { return body_.home(); }

 private:
  std::unexpected<Error> refuse(aws::ApiError error);
  Result<size_t> give(MutableBytes buffer, size_t available);
  Task<Result<size_t>> fetch();

  Source& body_;
  std::string delimiter_;
  std::string buffer_;
  Limits limits_;
  uint64_t given_ = 0;
  bool complete_ = false;  // the delimiter was seen: only what is in buffer_ is left
  std::optional<aws::ApiError>& failure_;
};

}  // namespace boreal::s3
