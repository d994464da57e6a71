#include "dms/tagged.h"

namespace boreal::dms {

namespace {

template <class R>
Result<bool> read(const store::Transaction& tx, const Place& place, const std::string& arn, std::optional<Tags>& tags) {
  const auto id = place.id_of(arn, R::kind);
  if (!id) return false;
  TRY(auto record, load<R>(tx, *id));
  if (record) tags = std::move(record->tags);
  return record.has_value();
}

template <class R>
Result<bool> write(store::Transaction& tx, const Place& place, const std::string& arn, const Tags& tags) {
  const auto id = place.id_of(arn, R::kind);
  if (!id) return false;
  TRY(auto record, load<R>(tx, *id));
  if (!record) return false;
  record->tags = tags;
  save(tx, *record);
  return true;
}

}  // namespace

Result<std::optional<Tags>> tags_of(const store::Transaction& tx, const Place& place, const std::string& arn) {
  std::optional<Tags> tags;
  for (const auto reader : {read<InstanceRecord>, read<EndpointRecord>, read<TaskRecord>, read<SubnetGroupRecord>}) {
    TRY(const bool found, reader(tx, place, arn, tags));
    if (found) break;
  }
  return tags;
}

Result<void> set_tags(store::Transaction& tx, const Place& place, const std::string& arn, const Tags& tags) {
  for (const auto writer :
       {write<InstanceRecord>, write<EndpointRecord>, write<TaskRecord>, write<SubnetGroupRecord>}) {
    TRY(const bool found, writer(tx, place, arn, tags));
    if (found) return {};
  }
  return fail(Errc::not_found, "there is no resource with the ARN " + arn);
}

}  // namespace boreal::dms
