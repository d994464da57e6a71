#include "s3/replica.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws/service.h"
#include "base/text.h"
#include "s3/refusal.h"
#include "s3/replication_rules.h"
#include "s3/service.h"

namespace boreal::s3 {

namespace {

constexpr std::string_view modified_parameter = ";modified=";
// Later versions of the key must find a place behind it. Clocks of boreal dev may be far apart.
constexpr Duration furthest_ahead = std::chrono::hours(24 * 3660);

aws::ApiError names_no_version(std::string_view text) {
  return errors::invalid_argument(fmt::format("The header {} names no version.", replica_field))
      .with("ArgumentName", std::string(replica_field))
      .with("ArgumentValue", std::string(text));
}

}  // namespace

std::string replica_text(const Replica& replica) {
  return fmt::format("{}{}{}", replica.id.text(), modified_parameter, replica.modified.ms);
}

std::optional<Replica> parse_replica(std::string_view text) {
  const size_t at = text.find(modified_parameter);
  if (at == std::string_view::npos) return std::nullopt;
  const auto id = objects::Id::parse(text.substr(0, at));
  const auto modified = parse_int(text.substr(at + modified_parameter.size()), 0, int64_t{1} << 43);
  if (!id || !modified) return std::nullopt;
  return Replica{*id, Time{*modified}};
}

Outcome<std::optional<Replica>> replica_of(const aws::Call& call) {
  const auto text = call.http.headers.get(replica_field);
  if (!text) return std::nullopt;
  if (call.caller.is_anonymous()) {
    return refuse(
        errors::access_denied(fmt::format("Access Denied: the header {} is for signed requests.", replica_field)));
  }
  const auto replica = parse_replica(*text);
  const auto latest = call.now + furthest_ahead;
  if (!replica || objects::time_of(replica->id) > latest || replica->modified > latest) {
    return refuse(names_no_version(*text));
  }
  return replica;
}

std::optional<objects::Origin> origin_of(const Bucket& bucket, const std::optional<Replica>& replica) {
  if (!replica || bucket.versioning != "Enabled") return std::nullopt;
  return objects::Origin{replica->id, replica->modified, ""};
}

void mark_replica(objects::Meta& meta) {
  meta.attributes.insert_or_assign(std::string(attribute::replication), std::string(replication_status::replica));
}

Task<Outcome<std::optional<Replica>>> Service::replica_for(Call& call, const Bucket& bucket, const std::string& key) {
  CO_TRY(auto replica, replica_of(call));
  const bool is_marker = call.operation.name == "DeleteObject";
  if (replica) {
    CO_CHECK(co_await call.authorize(
        access_to(call, bucket, is_marker ? "s3:ReplicateDelete" : "s3:ReplicateObject", &key)));
  }
  co_return replica;
}

Task<Result<objects::Version>> Service::there_already(const Bucket& bucket, std::string key, Replica replica,
                                                      Error error, Refusal& refusal) {
  if (error.code() == Errc::conflict && !refusal.is_held())  // the id is that of another key's version
    (void)refusal.hold(refuse(names_no_version(replica_text(replica))));
  if (error.code() != Errc::exists) co_return std::unexpected(std::move(error));
  auto found = co_await objects_.find(bucket.id, std::move(key), objects::Select::exact(replica.id), false);
  if (!found) co_return std::unexpected(std::move(found).error());
  co_return *found->version;
}

}  // namespace boreal::s3
