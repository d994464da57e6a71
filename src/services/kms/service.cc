#include "kms/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "codec/base64.h"

namespace boreal::kms {

namespace errors = api::kms::errors;

namespace {

constexpr size_t max_open_materials = 512;
constexpr size_t max_context_bytes = 8 << 10;

// What a sealed backing key is bound to.
std::string seal_context(const Key& key, uint32_t version) {
  return fmt::format("{}/{}/{}/{}", key.account, key.region, key.id, version);
}

}  // namespace

Service::Service(aws::ServiceContext context, crypto::Sealer sealer)
    : context_(context),
      sealer_(std::move(sealer)),
      timekeeper_("kms", context.loop, context.clock, [this] { return do_what_is_due(); }) {}

Task<Result<void>> Service::start() {
  CO_CHECK(co_await index_aliases());
  timekeeper_.start();
  co_return Result<void>();
}

Task<void> Service::stop() { co_await timekeeper_.stop(); }

aws::Outcome<Key> Service::find(const Reference& reference) const {
  const std::string partition = partition_of(reference.account, reference.region);
  std::string key_id = reference.key_id;
  if (!reference.alias.empty()) {
    TRY(const auto text, context_.catalog.get(partition, alias_path(reference.alias)));
    if (!text) return aws::refuse(errors::not_found_exception(fmt::format("Alias {} is not found.", reference.arn())));
    TRY(const auto alias, store::decode<Alias>(*text));
    key_id = alias.key_id;
  }
  TRY(const auto text, context_.catalog.get(partition, key_path(key_id)));
  if (!text) return aws::refuse(errors::not_found_exception(fmt::format("Key '{}' does not exist", reference.arn())));
  TRY(const auto key, keys_.decode(*text));
  return *key;
}

aws::Outcome<Key> Service::find(const aws::Call& call, const std::string& key_id) const {
  const auto asked = call.asked_for.find(key_id);
  const std::string& named = asked == call.asked_for.end() ? key_id : asked->second;
  TRY(const auto reference, parse_reference(named, call.account, call.region));
  return find(reference);
}

Task<aws::Outcome<Service::Change>> Service::begin_change(const aws::Call& call, std::string key_id) {
  CO_TRY(const auto reference, parse_reference(key_id, call.account, call.region));
  CO_TRY(const auto found, find(reference));
  auto tx = co_await context_.catalog.begin(partition_of(found.account, found.region));
  CO_TRY(const auto text, tx.get(key_path(found.id)));
  if (!text) co_return aws::refuse(errors::not_found_exception(fmt::format("Key '{}' does not exist", found.arn())));
  CO_TRY(auto key, store::decode<Key>(*text));
  std::string state = key.state;
  co_return Change{.tx = std::move(tx), .key = std::move(key), .state_before = std::move(state)};
}

Task<aws::Outcome<void>> Service::commit(Change change) {
  change.tx.put(key_path(change.key.id), store::encode(change.key));
  CO_CHECK(co_await change.tx.commit());
  if (key_changed_ && change.key.state != change.state_before) key_changed_(change.key.arn());
  co_return aws::Outcome<void>();
}

Result<void> Service::add_material(store::Transaction& tx, Key& key, std::string rotation) {
  const uint32_t version = key.version + 1;
  const auto secret = crypto::SecretKey::generate(context_.random);
  TRY(auto sealed, sealer_.seal(as_text(secret.bytes()), seal_context(key, version)));
  const Material material{.id = context_.random.hex(64),
                          .sealed = {std::move(sealed)},
                          .created = context_.clock.now(),
                          .rotation = std::move(rotation)};
  tx.put(material_path(key.id, version), store::encode(material));
  key.version = version;
  return {};
}

Result<const crypto::SecretKey*> Service::material(const Key& key, uint32_t version) {
  const std::pair at(key.id, version);
  if (const auto found = materials_.find(at); found != materials_.end()) return &found->second;
  TRY(const auto text, context_.catalog.get(partition_of(key.account, key.region), material_path(key.id, version)));
  if (!text) return fail(Errc::corrupt, fmt::format("{} has no material of version {}", key.arn(), version));
  TRY(const auto stored, store::decode<Material>(*text));
  TRY(const auto opened, sealer_.open(stored.sealed.bytes, seal_context(key, version)));
  TRY(auto secret, crypto::SecretKey::from(opened.bytes()));
  if (materials_.size() >= max_open_materials) materials_.clear();
  return &materials_.emplace(at, std::move(secret)).first->second;
}

void Service::forget(const std::string& key_id) {
  std::erase_if(materials_, [&](const auto& entry) { return entry.first.first == key_id; });
  std::erase_if(data_keys_, [&](const auto& entry) { return entry.second.key_id == key_id; });
}

aws::Outcome<void> check_not_pending(const Key& key) {
  if (key.state != state_pending_deletion) return {};
  return aws::refuse(errors::kms_invalid_state_exception(fmt::format("{} is pending deletion.", key.arn())));
}

aws::Outcome<void> check_usable(const Key& key) {
  CHECK(check_not_pending(key));
  if (key.state == state_enabled) return {};
  return aws::refuse(errors::disabled_exception(fmt::format("{} is disabled.", key.arn())));
}

aws::Outcome<void> check_context(const EncryptionContext& context) {
  size_t size = 0;
  for (const auto& [key, value] : context) size += key.size() + value.size();
  if (size <= max_context_bytes) return {};
  return aws::refuse(errors::validation_exception(
      fmt::format("The encryption context has {} bytes; it has at most {}.", size, max_context_bytes)));
}

std::string partition_of(std::string_view account, std::string_view region) {
  return aws::partition("kms", account, region);
}

std::string account_of(std::string_view partition) {
  constexpr size_t begin = std::string_view("kms/").size();
  const size_t end = partition.rfind('/');
  return end > begin && end != std::string_view::npos ? std::string(partition.substr(begin, end - begin)) : "";
}

aws::ApiError dry_run_succeeded() {
  return errors::dry_run_operation_exception("The request would have succeeded, but the DryRun option is set.");
}

aws::Outcome<std::string> page_start(const std::string& prefix, const std::optional<std::string>& marker) {
  if (!marker) return prefix;
  const auto after = codec::base64url_decode(*marker);
  if (!after)
    return aws::refuse(errors::invalid_marker_exception(fmt::format("Could not deserialize marker '{}'", *marker)));
  return prefix + *after;
}

std::string marker_of(const std::string& prefix, std::string_view path) {
  return codec::base64url_encode(path.substr(prefix.size()));
}

aws::Outcome<Page> list_page(const store::Catalog& catalog, const std::string& partition, const std::string& prefix,
                             size_t limit, const std::optional<std::string>& marker,
                             const std::vector<std::string>& unwritten) {
  TRY(const auto from, page_start(prefix, marker));
  TRY(auto items, catalog.scan(partition, prefix, limit + 1, from));
  for (const auto& path : unwritten) {
    const bool is_written = std::ranges::any_of(items, [&](const auto& item) { return item.first == path; });
    if (path >= from && !is_written) items.emplace_back(path, "");
  }
  std::ranges::sort(items);
  Page page{.items = std::move(items), .next_marker = {}};
  if (page.items.size() > limit) {
    page.next_marker = marker_of(prefix, page.items[limit].first);
    page.items.resize(limit);
  }
  return page;
}

}  // namespace boreal::kms
