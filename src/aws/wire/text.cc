#include "aws/wire/text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/text.h"
#include "codec/base64.h"
#include "codec/time.h"

namespace boreal::aws::wire {

using codec::Kind;
using codec::Shape;
using codec::TimestampFormat;

namespace {

Result<double> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return fail(Errc::invalid, "a number is expected");
  return number;
}

Result<Time> parse_time(std::string_view text, TimestampFormat format) {
  if (auto time = codec::parse_iso8601(text)) return time;
  if (format == TimestampFormat::iso8601)
    return fail(Errc::invalid, "a date is expected, such as 2026-11-22T13:11:40Z");
  if (auto time = codec::parse_http_date(text)) return time;
  if (auto time = codec::parse_epoch_seconds(text)) return time;
  return fail(Errc::invalid, "a timestamp is expected, such as 2026-11-22T13:11:40Z");
}

std::string format_number(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return fmt::format("{}", number);
}

std::string format_time(Time time, TimestampFormat format) {
  switch (format) {
    case TimestampFormat::http_date: return codec::format_http_date(time);
    case TimestampFormat::unix_seconds: return codec::format_epoch_seconds(time);
    default: return codec::format_iso8601(time, codec::Fraction::milliseconds);
  }
}

}  // namespace

Result<void> read_text(const Shape& shape, void* value, std::string_view text) {
  switch (shape.kind) {
    case Kind::string: *static_cast<std::string*>(value) = text; return {};
    case Kind::boolean: {
      text = trim(text);
      const bool is_true = equal_ignoring_case(text, "true");
      if (!is_true && !equal_ignoring_case(text, "false")) return fail(Errc::invalid, "true or false is expected");
      *static_cast<bool*>(value) = is_true;
      return {};
    }
    case Kind::integer: {
      text = trim(text);
      const bool has_plus = text.starts_with('+') && !text.starts_with("+-");
      TRY(auto number, parse_int(text.substr(has_plus ? 1 : 0)));
      if (!codec::set_integer(shape, value, number)) return fail(Errc::invalid, "the number does not fit its type");
      return {};
    }
    case Kind::number: {
      TRY(auto number, parse_number(trim(text)));
      codec::set_number(shape, value, number);
      return {};
    }
    case Kind::blob: {
      TRY(static_cast<codec::Blob*>(value)->bytes, codec::base64_decode(trim(text)));
      return {};
    }
    case Kind::timestamp: {
      TRY(*static_cast<Time*>(value), parse_time(trim(text), shape.timestamp_format));
      return {};
    }
    default: return fail(Errc::invalid, "no single value is expected");
  }
}

std::string write_text(const Shape& shape, const void* value, TimestampFormat member_format, TimestampFormat format) {
  switch (shape.kind) {
    case Kind::string: return *static_cast<const std::string*>(value);
    case Kind::boolean: return *static_cast<const bool*>(value) ? "true" : "false";
    case Kind::integer: return std::to_string(codec::get_integer(shape, value));
    case Kind::number: return format_number(codec::get_number(shape, value));
    case Kind::blob: return codec::base64_encode(static_cast<const codec::Blob*>(value)->bytes);
    case Kind::timestamp: {
      TimestampFormat own = member_format != TimestampFormat::protocol_default ? member_format : shape.timestamp_format;
      return format_time(*static_cast<const Time*>(value), own != TimestampFormat::protocol_default ? own : format);
    }
    default: return {};
  }
}

}  // namespace boreal::aws::wire
