#include "rds/resources.h"

#include <fmt/format.h>

#include <chrono>

namespace boreal::rds {

namespace {
constexpr Duration events_kept = std::chrono::days(14);
constexpr size_t events_dropped_at_once = 100;
}  // namespace

std::string Place::arn(std::string_view kind, std::string_view name) const {
  return fmt::format("arn:aws:rds:{}:{}:{}:{}", region, account, kind, name);
}

void ClusterRecord::forget_engine() {
  writer.clear();
  stopped = false;
  final_snapshot.clear();
  failover_to.clear();
  restore_from.clear();
  restore_failure.clear();
  database_made = true;
  master_applied = 0;
  secret_name.clear();  // the password is as it was, and the user's to know
  secret_arn.clear();
  secret_key_arn.clear();
  old_secrets.clear();
  storage_key = {};
  storage_made = false;
}

Result<std::vector<InstanceRecord>> instances_of(const store::Transaction& from, const std::string& cluster_id) {
  TRY(auto all, load_all<InstanceRecord>(from, "db/"));
  std::erase_if(all, [&](const InstanceRecord& instance) { return instance.cluster_id != cluster_id; });
  return all;
}

void tell(store::Transaction& to, const Place& place, Time now, std::string_view source_type, std::string_view source,
          std::string message, std::vector<std::string> categories) {
  const auto key_of = [](Time time, unsigned n) {
    return fmt::format("{}{:016x}.{:04x}", EventRecord::prefix, time.ms, n);
  };
  std::string_view kind = "cluster";
  if (source_type == "db-instance") kind = "db";
  if (source_type == "db-cluster-snapshot") kind = "cluster-snapshot";
  const EventRecord event{std::string(source), std::string(source_type), place.arn(kind, source),
                          std::move(message),  std::move(categories),    now};
  unsigned n = 0;
  for (auto there = to.get(key_of(now, n)); there && *there; there = to.get(key_of(now, n))) ++n;
  to.put(key_of(now, n), store::encode(event));
  const auto old = to.scan(EventRecord::prefix, events_dropped_at_once);
  if (!old) return;
  for (const auto& [key, text] : *old) {
    if (key < key_of(now - events_kept, 0)) to.remove(key);
  }
}

}  // namespace boreal::rds
