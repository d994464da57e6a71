#include "iam/documents.h"

#include <fmt/format.h>

#include <set>

#include "aws/policy_principals.h"
#include "base/text.h"
#include "iam/limits.h"
#include "iam/names.h"

namespace boreal::iam {

using aws::Outcome;

Outcome<void> check_document(std::string_view document, aws::PolicyKind kind) {
  const auto parsed = aws::Policy::parse(document, kind);
  if (!parsed) return aws::refuse(errors::malformed_policy_document_exception(parsed.error().message()));
  return {};
}

Outcome<std::optional<std::string>> principal_id(const store::Catalog& catalog, std::string_view arn) {
  const auto name = parse_resource(arn);
  if (!name || (name->type != "user" && name->type != "role")) return std::string();
  const Kind kind = name->type == "user" ? Kind::user : Kind::role;
  TRY(const auto found, find<Entity>(Account{catalog, name->account}, entity_key(kind, name->name)));
  if (!found || arn_of(name->account, kind, *found) != arn) return std::nullopt;
  return found->id;
}

Outcome<std::optional<std::string>> principal_arn(const store::Catalog& catalog, std::string_view id,
                                                  std::string_view arn) {
  const auto was = parse_resource(arn);
  if (!was || (was->type != "user" && was->type != "role")) return std::nullopt;
  const Kind kind = was->type == "user" ? Kind::user : Kind::role;
  const Account from{catalog, was->account};
  std::string name = was->name;  // a role keeps it
  if (kind == Kind::user) {
    TRY(const auto now, find<EntityName>(from, id_key(id)));
    if (!now) return std::nullopt;
    name = now->name;
  }
  TRY(const auto found, find<Entity>(from, entity_key(kind, name)));
  if (!found || found->id != id) return std::nullopt;
  return arn_of(was->account, kind, *found);
}

Outcome<void> set_trust_policy(const store::Catalog& catalog, Entity& role, const std::string& document) {
  std::map<std::string, std::string> ids;  // by ARN
  role.trust_principals.clear();
  const auto parsed = aws::Policy::parse(document, aws::PolicyKind::trust);
  if (!parsed) return aws::refuse(errors::malformed_policy_document_exception(parsed.error().message()));
  for (const auto& statement : parsed->statements()) {
    // Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal".
    if (statement.not_principals)
      return aws::refuse(errors::malformed_policy_document_exception("Has prohibited field NotPrincipal"));
    for (const auto& principal : statement.principals) {
      if (principal.kind != aws::policy::PrincipalEntry::Kind::arn) continue;
      TRY(auto id, principal_id(catalog, principal.value));
      if (!id) {
        return aws::refuse(errors::malformed_policy_document_exception(
            fmt::format("Invalid principal in policy: \"AWS\":\"{}\"", principal.value)));
      }
      if (id->empty()) continue;
      role.trust_principals.emplace(*id, principal.value);
      ids.emplace(principal.value, std::move(*id));
    }
  }
  if (counted_size(document) > max_trust_policy) {
    return aws::refuse(quota_exceeded("ACLSizePerRole", max_trust_policy));
  }
  role.trust_policy = aws::with_principals(document, ids);
  return {};
}

Outcome<void> show_trust_policy(const store::Catalog& catalog, Entity& role) {
  std::map<std::string, std::string> arns;
  for (const auto& [id, arn] : role.trust_principals) {
    TRY(auto now, principal_arn(catalog, id, arn));
    if (now) arns.emplace(id, std::move(*now));
  }
  role.trust_policy = aws::with_principals(role.trust_policy, arns);
  return {};
}

Outcome<void> check_ordinary(const Entity& entity) {
  if (entity.linked_service.empty()) return {};
  return aws::refuse(errors::unmodifiable_entity_exception(fmt::format(
      "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS", entity.name)));
}

size_t counted_size(std::string_view document) {
  return static_cast<size_t>(
      std::ranges::count_if(document, [](char c) { return c != ' ' && c != '\t' && c != '\n' && c != '\r'; }));
}

aws::ApiError quota_exceeded(std::string_view quota, size_t limit) {
  return errors::limit_exceeded_exception(fmt::format("Cannot exceed quota for {}: {}", quota, limit));
}

void add_tags_of_resource(const std::map<std::string, std::string>& tags,
                          std::multimap<std::string, std::string>& context) {
  for (const auto& [key, value] : tags) context.emplace("aws:ResourceTag/" + key, value);
}

void add_tags_of_principal(const std::map<std::string, std::string>& tags,
                           std::multimap<std::string, std::string>& context) {
  add_tags_of_resource(tags, context);
  for (const auto& [key, value] : tags) context.emplace("iam:ResourceTag/" + key, value);
}

Outcome<void> add_tags(std::map<std::string, std::string>& tags, const std::vector<api::iam::Tag>& more,
                       KeyCase key_case) {
  std::set<std::string> seen;
  for (const auto& tag : more) {
    const std::string lower = to_lower(tag.key);
    if (lower.starts_with("aws:")) {
      return aws::refuse(errors::invalid_input_exception(
          fmt::format("Tag keys beginning with aws: are reserved, and {} does.", tag.key)));
    }
    if (!seen.insert(key_case == KeyCase::ignored ? lower : tag.key).second) {
      return aws::refuse(errors::invalid_input_exception(
          key_case == KeyCase::ignored ? "Duplicate tag keys found. Please note that Tag keys are case insensitive."
                                       : "Duplicate tag keys found."));
    }
  }
  for (const auto& tag : more) {
    remove_tags(tags, {tag.key}, key_case);
    tags[tag.key] = tag.value;
  }
  if (tags.size() > max_tags) return aws::refuse(quota_exceeded("TagsPerResource", max_tags));
  return {};
}

void remove_tags(std::map<std::string, std::string>& tags, const std::vector<std::string>& keys, KeyCase key_case) {
  for (const auto& key : keys) {
    std::erase_if(tags, [&](const auto& tag) {
      return key_case == KeyCase::ignored ? equal_ignoring_case(tag.first, key) : tag.first == key;
    });
  }
}

Outcome<std::string> page_start(const std::optional<std::string>& marker) {
  if (!marker) return std::string();
  auto start = codec::base64url_decode(*marker);
  if (!start) return aws::refuse(errors::validation_error("Invalid Marker."));
  return std::move(*start);
}

}  // namespace boreal::iam
