#include <fmt/format.h>

#include <algorithm>

#include "secretsmanager/service.h"

namespace boreal::secretsmanager {

namespace errors = api::secretsmanager::errors;
using namespace api::secretsmanager;

namespace {
constexpr int64_t default_length = 32;
}

Task<aws::Outcome<GetRandomPasswordResponse>> Service::get_random_password(aws::Call&, GetRandomPasswordRequest input) {
  const auto length = static_cast<size_t>(input.password_length.value_or(default_length));
  const std::string excluded = input.exclude_characters.value_or("");
  std::vector<std::string> types;
  const auto add = [&](bool leave_out, std::string_view all) {
    if (leave_out) return;
    std::string kept;
    std::ranges::copy_if(all, std::back_inserter(kept), [&](char c) { return !excluded.contains(c); });
    if (!kept.empty()) types.push_back(std::move(kept));
  };
  add(input.exclude_lowercase.value_or(false), "abcdefghijklmnopqrstuvwxyz");
  add(input.exclude_uppercase.value_or(false), "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  add(input.exclude_numbers.value_or(false), "0123456789");
  add(input.exclude_punctuation.value_or(false), "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");
  add(!input.include_space.value_or(false), " ");
  if (types.empty()) {
    co_return aws::refuse(errors::invalid_parameter_exception("All characters are excluded: no password can be made."));
  }
  const bool each = input.require_each_included_type.value_or(true);
  if (each && length < types.size()) {
    co_return aws::refuse(errors::invalid_parameter_exception(fmt::format(
        "Password length {} is too short for the {} character types that it must hold.", length, types.size())));
  }
  std::string all;
  for (const auto& type : types) all += type;
  std::string password;
  if (each) {
    for (const auto& type : types) password += context_.random.pick(type, 1);
  }
  password += context_.random.pick(all, length - password.size());
  // Shuffled, so that the types do not tell the places.
  for (size_t i = password.size(); i > 1; --i) std::swap(password[i - 1], password[context_.random.below(i)]);
  co_return GetRandomPasswordResponse{.random_password = std::move(password)};
}

}  // namespace boreal::secretsmanager
