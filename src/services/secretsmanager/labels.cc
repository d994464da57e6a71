#include "secretsmanager/labels.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/secretsmanager/errors.h"

namespace boreal::secretsmanager {

namespace errors = api::secretsmanager::errors;

namespace {

void put_label(Secret& secret, const std::string& label, const std::string& version_id) {
  const auto now_on = secret.labels.find(label);
  if (now_on != secret.labels.end() && now_on->second == version_id) return;
  if (label == current_label && now_on != secret.labels.end()) {
    secret.labels[std::string(previous_label)] = now_on->second;
  }
  secret.labels[label] = version_id;
  // A version that becomes current again is no longer the one before.
  if (label != current_label) return;
  const auto previous = secret.labels.find(std::string(previous_label));
  if (previous != secret.labels.end() && previous->second == version_id) secret.labels.erase(previous);
}

aws::Outcome<void> check_count(const Secret& secret, const std::string& version_id) {
  const size_t count = labels_of(secret, version_id).size();
  if (count <= max_labels) return {};
  return aws::refuse(errors::limit_exceeded_exception(fmt::format(
      "Version {} would have {} staging labels; a version has at most {}.", version_id, count, max_labels)));
}

}  // namespace

std::vector<std::string> labels_of(const Secret& secret, const std::string& version_id) {
  std::vector<std::string> labels;
  for (const auto& [label, version] : secret.labels) {
    if (version == version_id) labels.push_back(label);
  }
  return labels;
}

aws::Outcome<void> label_new_version(Secret& secret, const std::string& version_id,
                                     const std::vector<std::string>& labels) {
  // AWSPREVIOUS first: if it is named besides AWSCURRENT, it still follows the current version.
  for (const auto& label : labels) {
    if (label != current_label) put_label(secret, label, version_id);
  }
  const auto current = secret.labels.find(std::string(current_label));
  const bool first = current == secret.labels.end();
  if (first || std::ranges::find(labels, current_label) != labels.end()) {
    const auto pending = secret.labels.find(std::string(pending_label));
    if (!first && pending != secret.labels.end() && pending->second == current->second) secret.labels.erase(pending);
    put_label(secret, std::string(current_label), version_id);
  }
  return check_count(secret, version_id);
}

aws::Outcome<void> move_label(Secret& secret, const std::string& label, const std::optional<std::string>& from,
                              const std::optional<std::string>& to) {
  const auto found = secret.labels.find(label);
  const std::string now_on = found == secret.labels.end() ? "" : found->second;
  if (!from && !to) {
    return aws::refuse(errors::invalid_parameter_exception("Give MoveToVersionId, RemoveFromVersionId or both."));
  }
  if (from && *from != now_on) {
    return aws::refuse(errors::invalid_parameter_exception(
        fmt::format("The staging label {} isn't attached to version {}.", label, *from)));
  }
  if (to) {
    if (now_on == *to) return {};
    if (!from && !now_on.empty()) {
      return aws::refuse(errors::invalid_parameter_exception(fmt::format(
          "The parameter RemoveFromVersionId can't be empty. Staging label {} is currently attached to version "
          "{}, so you must explicitly reference that version in RemoveFromVersionId.",
          label, now_on)));
    }
    put_label(secret, label, *to);
    return check_count(secret, *to);
  }
  if (label == current_label) {
    return aws::refuse(errors::invalid_parameter_exception(
        "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed."));
  }
  secret.labels.erase(label);
  return {};
}

}  // namespace boreal::secretsmanager
