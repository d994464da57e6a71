// How staging labels move between the versions of a secret.
// Source: Secrets Manager API Reference, PutSecretValue and UpdateSecretVersionStage.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aws/error.h"
#include "secretsmanager/resources.h"

namespace boreal::secretsmanager {

inline constexpr size_t max_labels = 20;  // on one version

// The labels of a version, in order.
std::vector<std::string> labels_of(const Secret& secret, const std::string& version_id);

// Puts the labels on a new version. AWSCURRENT leaves AWSPREVIOUS on the version that it was on, and takes AWSPENDING
// off it, which the rotation that made that version left there: so AWS was seen to do. A secret's first version is the
// current one, whatever was asked. LimitExceededException when it is too many.
aws::Outcome<void> label_new_version(Secret& secret, const std::string& version_id,
                                     const std::vector<std::string>& labels);

// Moves a label, takes it away (`to` is empty) or puts it on (`from` is empty). `from` must say where it is now.
aws::Outcome<void> move_label(Secret& secret, const std::string& label, const std::optional<std::string>& from,
                              const std::optional<std::string>& to);

}  // namespace boreal::secretsmanager
