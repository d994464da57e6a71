// Reading the records of an account, with the errors that IAM gives for what is not there.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/iam/errors.h"
#include "aws/error.h"
#include "iam/resources.h"
#include "store/transaction.h"

namespace boreal::iam {

namespace errors = api::iam::errors;

// An account as it was last committed. A store::Transaction has the same get() and scan().
struct Account {
  const store::Catalog& catalog;
  std::string id;
  Result<std::optional<std::string>> get(std::string_view key) const { return catalog.get(partition(id), key); }
  Result<std::vector<std::pair<std::string, std::string>>> scan(std::string_view prefix) const {
    return catalog.scan(partition(id), prefix);
  }
};

template <class T, class From>
aws::Outcome<std::optional<T>> find(const From& from, std::string_view key) {
  TRY(const auto text, from.get(key));
  if (!text) return std::nullopt;
  TRY(auto record, store::decode<T>(*text));
  return record;
}

// In the order of their keys.
template <class T, class From>
aws::Outcome<std::vector<T>> all(const From& from, std::string_view prefix) {
  TRY(const auto rows, from.scan(prefix));
  std::vector<T> records;
  records.reserve(rows.size());
  for (const auto& [key, text] : rows) {
    TRY(auto record, store::decode<T>(text));
    records.push_back(std::move(record));
  }
  return records;
}

template <class From>
aws::Outcome<Entity> need_entity(const From& from, Kind kind, std::string_view name) {
  TRY(auto found, find<Entity>(from, entity_key(kind, name)));
  if (!found) {
    return aws::refuse(
        errors::no_such_entity_exception(fmt::format("The {} with name {} cannot be found.", word(kind), name)));
  }
  return std::move(*found);
}

template <class From>
aws::Outcome<InstanceProfile> need_profile(const From& from, std::string_view name) {
  TRY(auto found, find<InstanceProfile>(from, profile_key(name)));
  if (!found) {
    return aws::refuse(errors::no_such_entity_exception(fmt::format("Instance Profile {} cannot be found.", name)));
  }
  return std::move(*found);
}

inline void put(store::Transaction& tx, Kind kind, const Entity& entity) {
  tx.put(entity_key(kind, entity.name), store::encode(entity));
}

}  // namespace boreal::iam
