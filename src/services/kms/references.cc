#include "kms/references.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/kms/errors.h"
#include "aws/arn.h"
#include "base/text.h"

namespace boreal::kms {

namespace errors = api::kms::errors;

namespace {

constexpr size_t id_length = 36;  // of a UUID

bool is_key_id(std::string_view text) {
  return text.size() == id_length &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || c == '-'; });
}

}  // namespace

std::string Reference::arn() const {
  return fmt::format("arn:aws:kms:{}:{}:{}/{}", region, account, alias.empty() ? "key" : "alias",
                     alias.empty() ? key_id : alias);
}

aws::Outcome<Reference> parse_reference(std::string_view text, const std::string& account, const std::string& region) {
  Reference reference{.account = account, .region = region, .key_id = {}, .alias = {}};
  std::string_view name = text;
  const auto arn = aws::Arn::parse(text);
  if (text.starts_with("arn:")) {
    if (!arn || arn->service != "kms")
      return aws::refuse(errors::invalid_arn_exception(fmt::format("Invalid arn {}", text)));
    if (arn->region != region)
      return aws::refuse(errors::not_found_exception(fmt::format("Invalid arn {}", arn->region)));
    reference.account = arn->account;
    name = arn->resource;
    if (name.starts_with("key/")) {
      name.remove_prefix(4);
    } else if (!name.starts_with("alias/")) {
      return aws::refuse(errors::invalid_arn_exception(fmt::format("Invalid arn {}", text)));
    }
  }
  if (name.starts_with("alias/")) {
    reference.alias = name.substr(6);
    if (!reference.alias.empty()) return reference;
  }
  if (!is_key_id(name)) return aws::refuse(errors::not_found_exception(fmt::format("Invalid keyId '{}'", text)));
  reference.key_id = name;
  return reference;
}

std::string_view managed_alias_service(std::string_view alias) {
  constexpr std::string_view own = "aws/";
  return alias.starts_with(own) ? alias.substr(own.size()) : std::string_view();
}

}  // namespace boreal::kms
