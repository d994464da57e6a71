#include "s3/post_form.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace boreal::s3 {

using aws::Outcome;

namespace {

constexpr size_t max_head_bytes = 20 * 1024;
constexpr size_t max_filled_bytes = 2 * max_head_bytes;
constexpr size_t max_boundary_bytes = 70;
constexpr size_t chunk_bytes = 64 << 10;
constexpr size_t max_epilogue_bytes = 64 << 10;

aws::ApiError malformed(std::string what) {
  return {"MalformedPOSTRequest", 400,
          "The body of your POST request is not well-formed multipart/form-data: " + std::move(what)};
}

aws::ApiError too_large() {
  return aws::ApiError("MaxPostPreDataLengthExceededError", 400,
                       "Your POST request fields preceding the upload file were too large.")
      .with("MaxPostPreDataLengthBytes", std::to_string(max_head_bytes));
}

// The parameters behind the first ';' of a header's value: name, and value without quotes.
std::vector<std::pair<std::string, std::string>> parameters_of(std::string_view value) {
  std::vector<std::pair<std::string, std::string>> parameters;
  size_t at = std::min(value.find(';'), value.size());
  while (at < value.size()) {
    ++at;
    const size_t equals = value.find('=', at);
    if (equals == std::string_view::npos) break;
    std::string name = to_lower(trim(value.substr(at, equals - at)));
    at = equals + 1;
    std::string text;
    if (at < value.size() && value[at] == '"') {
      for (++at; at < value.size() && value[at] != '"'; ++at) {
        // Browsers escape only the quote so (WHATWG); a backslash before anything else is a character of a file's name.
        if (value[at] == '\\' && at + 1 < value.size() && value[at + 1] == '"') ++at;
        text += value[at];
      }
      at = std::min(value.find(';', at), value.size());
    } else {
      const size_t end = std::min(value.find(';', at), value.size());
      text = trim(value.substr(at, end - at));
      at = end;
    }
    parameters.emplace_back(std::move(name), std::move(text));
  }
  return parameters;
}

}  // namespace

const std::string* Form::find(std::string_view name) const {
  const auto found = std::ranges::find_if(fields, [&](const auto& f) { return equal_ignoring_case(f.name, name); });
  return found == fields.end() ? nullptr : &found->value;
}

// The policy's conditions are on what it makes of the fields.
Outcome<void> fill_in_file_name(Form& form) {
  constexpr std::string_view variable = "${filename}";
  // Some browsers send the whole path.
  const std::string name = form.file_name.substr(form.file_name.find_last_of("/\\") + 1);
  size_t total = 0;
  for (FormField& field : form.fields) {
    for (size_t at = field.value.find(variable); at != std::string::npos;
         at = field.value.find(variable, at + name.size())) {
      field.value.replace(at, variable.size(), name);
      if (total + field.value.size() > max_filled_bytes) return aws::refuse(too_large());
    }
    total += field.value.size();
  }
  return {};
}

std::optional<std::string> form_boundary(std::string_view content_type) {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  if (!equal_ignoring_case(type, "multipart/form-data")) return std::nullopt;
  for (auto& [name, value] : parameters_of(content_type)) {
    if (name == "boundary" && !value.empty() && value.size() <= max_boundary_bytes) return std::move(value);
  }
  return std::nullopt;
}

// The line break before the first delimiter may be missing: it is put there.
FormParser::FormParser(const std::string& boundary) : delimiter_("\r\n--" + boundary), buffer_("\r\n") {}

aws::ApiError FormParser::ended_early() { return malformed("it ends before the file."); }

Outcome<bool> FormParser::take(std::string_view bytes) {
  taken_ += bytes.size();
  buffer_ += bytes;
  for (;;) {
    TRY(const bool moved, step());
    if (moved && state_ != State::file) continue;
    // All that came belongs to the fields, but what is left behind their end.
    const size_t head = state_ == State::file ? taken_ - buffer_.size() : taken_;
    if (head > max_head_bytes) {
      return aws::refuse(too_large());
    }
    return state_ == State::file;
  }
}

Outcome<bool> FormParser::step() {
  switch (state_) {
    case State::value: return end_value();
    case State::after_delimiter: return begin_part();
    case State::headers: {
      // A part without headers begins with the empty line.
      const bool has_none = buffer_.starts_with("\r\n");
      const size_t end = has_none ? 0 : buffer_.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      CHECK(read_headers(std::string_view(buffer_).substr(0, end)));
      // The last line break stays: with it, an empty value has a delimiter too.
      buffer_.erase(0, has_none ? 0 : end + 2);
      if (state_ == State::file) {
        buffer_.erase(0, 2);
        return true;
      }
      state_ = State::value;
      searched_ = 0;
      in_part_ = true;
      return true;
    }
    case State::file: break;
  }
  return false;
}

bool FormParser::end_value() {
  const size_t at = buffer_.find(delimiter_, searched_);
  if (at == std::string::npos) {
    searched_ = buffer_.size() - std::min(buffer_.size(), delimiter_.size() - 1);
    return false;
  }
  if (in_part_) {
    field_.value = at >= 2 ? buffer_.substr(2, at - 2) : "";  // behind the line break that ended the headers
    form_.fields.push_back(std::move(field_));
    field_ = {};
  }
  buffer_.erase(0, at + delimiter_.size());
  state_ = State::after_delimiter;
  return true;
}

Outcome<bool> FormParser::begin_part() {
  const size_t begin = buffer_.find_first_not_of(" \t");
  if (begin == std::string::npos || buffer_.size() < begin + 2) return false;
  const std::string_view next = std::string_view(buffer_).substr(begin, 2);
  if (next == "--") {
    return aws::refuse(aws::ApiError("InvalidArgument", 400, "POST requires exactly one file upload per request.")
                           .with("ArgumentName", "file")
                           .with("ArgumentValue", "0"));
  }
  if (next != "\r\n") return aws::refuse(malformed("a delimiter is followed by something else than a line break."));
  buffer_.erase(0, begin + 2);
  state_ = State::headers;
  return true;
}

Outcome<void> FormParser::read_headers(std::string_view text) {
  bool is_named = false;
  while (!text.empty()) {
    const size_t end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return aws::refuse(malformed("a part has a header without a colon."));
    if (!equal_ignoring_case(trim(line.substr(0, colon)), "content-disposition")) continue;
    for (auto& [name, value] : parameters_of(line.substr(colon + 1))) {
      if (name == "name") {
        field_.name = std::move(value);
        is_named = true;
      } else if (name == "filename") {
        form_.file_name = std::move(value);
      }
    }
  }
  if (!is_named) return aws::refuse(malformed("a part has no name."));
  if (equal_ignoring_case(field_.name, "file")) state_ = State::file;
  return {};
}

std::unexpected<Error> FormFile::refuse(aws::ApiError error) {
  failure_ = std::move(error);
  return fail(Errc::cancelled, failure_->message);
}

// Hands out what is known to be the file's.
Result<size_t> FormFile::give(MutableBytes buffer, size_t available) {
  const size_t count = std::min(buffer.size(), available);
  std::memcpy(buffer.data(), buffer_.data(), count);
  buffer_.erase(0, count);
  given_ += count;
  if (given_ <= limits_.max) return count;
  return refuse(entity_too_large(given_, limits_.max));
}

Task<Result<size_t>> FormFile::fetch() {
  const size_t had = buffer_.size();
  buffer_.resize(had + chunk_bytes);
  auto got = co_await body_.read(std::as_writable_bytes(std::span(buffer_)).subspan(had));
  buffer_.resize(had + got.value_or(0));
  co_return got;
}

Task<Result<size_t>> FormFile::read(MutableBytes buffer) {
  while (!complete_) {
    const size_t end = buffer_.find(delimiter_);
    if (end != std::string::npos) {
      buffer_.resize(end);
      complete_ = true;
      // What follows the file is of no interest, but a body that is read to its end keeps the connection.
      std::string rest(4096, '\0');
      for (size_t passed = 0; passed < max_epilogue_bytes;) {
        const auto got = co_await body_.read(std::as_writable_bytes(std::span(rest)));
        if (!got) co_return std::unexpected(got.error());
        if (*got == 0) break;
        passed += *got;
      }
      break;
    }
    // The last bytes may be the beginning of the delimiter.
    if (buffer_.size() >= delimiter_.size()) co_return give(buffer, buffer_.size() - delimiter_.size() + 1);
    CO_TRY(const size_t got, co_await fetch());
    if (got == 0) co_return refuse(malformed("it ends within the file."));
  }
  if (!buffer_.empty()) co_return give(buffer, buffer_.size());
  if (given_ >= limits_.min) co_return size_t{0};
  co_return refuse(aws::ApiError("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size")
                       .with("ProposedSize", std::to_string(given_))
                       .with("MinSizeAllowed", std::to_string(limits_.min)));
}

}  // namespace boreal::s3
