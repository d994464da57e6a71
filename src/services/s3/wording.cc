#include "s3/wording.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/s3/errors.h"
#include "base/text.h"

namespace boreal::s3 {

namespace {

struct Words {
  std::string_view argument;
  std::string_view message;
};

constexpr Words words[] = {
    {"max-keys", "Provided max-keys not an integer or within integer range"},
    {"max-parts", "Provided max-parts not an integer or within integer range"},
    {"max-uploads", "Provided max-uploads not an integer or within integer range"},
    {"part-number-marker", "Provided part-number-marker not an integer or within integer range"},
    {"partNumber", "Part number must be an integer between 1 and 10000, inclusive"},
    {"x-amz-acl", ""},
    {"x-amz-metadata-directive", "Unknown metadata directive."},
    {"x-amz-object-attributes", "Invalid attribute name specified."},
    {"x-amz-object-lock-legal-hold", "Legal Hold must be either of 'ON' or 'OFF'"},
    {"x-amz-object-lock-retain-until-date", "The retain until date must be provided in ISO 8601 format"},
    {"x-amz-optional-object-attributes", "Invalid attribute name specified."},
    {"x-amz-server-side-encryption", "The encryption method specified is not supported"},
    {"x-amz-tagging-directive", "Unknown tagging directive."},
};

std::string field_of(const aws::ApiError& error, std::string_view name) {
  const auto found = std::ranges::find(error.fields, name, &std::pair<std::string, std::string>::first);
  return found == error.fields.end() ? std::string() : found->second;
}

aws::ApiError no_attributes() {
  return {"InvalidRequest", 400,
          "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty"};
}

}  // namespace

aws::ApiError malformed_xml() {
  return boreal::api::s3::errors::malformed_xml(
      "The XML you provided was not well-formed or did not validate against our published schema");
}

aws::ApiError overtaken() {
  return aws::ApiError("OperationAborted", 409,
                       "A conflicting conditional operation is currently in progress against this resource. Please try "
                       "again.");
}

aws::ApiError unserved_header(std::string_view name) {
  return boreal::api::s3::errors::not_implemented("A header you provided implies functionality that is not implemented")
      .with("Header", std::string(name));
}

aws::ApiError entity_too_large(uint64_t size, uint64_t most) {
  return boreal::api::s3::errors::entity_too_large("Your proposed upload exceeds the maximum allowed size")
      .with("ProposedSize", std::to_string(size))
      .with("MaxSizeAllowed", std::to_string(most));
}

aws::ApiError in_own_words(aws::ApiError error) {
  if (error.code == "InvalidRequest" && error.message.ends_with("x-amz-object-attributes")) return no_attributes();
  if (error.code == "MalformedXML" && error.message.contains(".protocol' failed to satisfy")) {
    return {"InvalidRequest", 400,
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
            "automatically."};
  }
  if (error.code == "MalformedXML" && error.message.contains("Value '' at 'delete.objects."))
    return {"UserKeyMustBeSpecified", 400, "User key must be specified."};
  if (error.code == "MalformedXML" && error.message.contains("errorDocument.key' failed to satisfy")) {
    return aws::ApiError("InvalidArgument", 400, "The ErrorDocument Key is not well formed")
        .with("ArgumentName", "ErrorDocument")
        .with("ArgumentValue", "");
  }
  if (error.code == "MalformedXML" && error.message.contains("Value 'REDUCED_REDUNDANCY' at 'lifecycle")) {
    return aws::ApiError("InvalidArgument", 400, "'StorageClass' in Transition action must not be 'REDUCED_REDUNDANCY'")
        .with("ArgumentName", "StorageClass")
        .with("ArgumentValue", "REDUCED_REDUNDANCY");
  }
  if (error.code != "InvalidArgument") return error;
  const std::string argument = field_of(error, "ArgumentName");
  const std::string value = field_of(error, "ArgumentValue");
  if (argument == "x-amz-mp-object-size") {
    return {"InvalidRequest", 400, fmt::format("Value for x-amz-mp-object-size header is invalid: '{}'", value)};
  }
  if (argument == "x-amz-transition-default-minimum-object-size") {
    return {"InvalidRequest", 400, fmt::format("Invalid TransitionDefaultMinimumObjectSize found: {}", value)};
  }
  if (argument == "max-buckets") {
    error.message = parse_int(value, INT32_MIN, INT32_MAX)
                        ? "Argument max-buckets must be an integer between 1 and 10000"
                        : "Provided max-buckets not an integer or within integer range";
  }
  if (argument == "x-amz-object-ownership") {
    aws::ApiError own{"InvalidArgument", 400, fmt::format("Invalid x-amz-object-ownership header: {}", value)};
    return std::move(own).with("ArgumentName", argument);
  }
  const auto own = std::ranges::find(words, argument, &Words::argument);
  if (own != std::end(words)) error.message = own->message;
  return error;
}

}  // namespace boreal::s3
