// Access keys and session tokens: what a signature is checked against.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "codec/base64.h"
#include "iam/names.h"
#include "iam/service.h"

namespace boreal::iam {

using aws::Outcome;
using aws::Principal;

namespace {

constexpr size_t max_cached_accounts = 256;
constexpr size_t max_cached_per_account = 16384;
constexpr size_t max_cached_sessions = 4096;
constexpr std::string_view secret_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr size_t secret_size = 40;

// What a session token holds, sealed: everything that a request needs, so that sessions cost the store nothing.
struct Token {
  std::string secret;
  Time issued;
  Time expires;
  std::string kind;  // "root", "user", "role"
  std::string account;
  std::string arn;
  std::string user_id;
  std::string name;
  std::string role_arn;
  std::map<std::string, std::string> tags;  // of the session alone
  std::vector<std::string> session_policies;
  std::vector<std::string> session_policy_arns;
  bool has_session_policies = false;
  std::string source_identity;
  std::vector<std::string> transitive_tags;
  BOREAL_RECORD(Token, secret, issued, expires, kind, account, arn, user_id, name, role_arn, tags, session_policies,
                session_policy_arns, has_session_policies, source_identity, transitive_tags)
};

std::string key_context(std::string_view access_key) { return "access-key/" + std::string(access_key); }
std::string token_context(std::string_view access_key) { return "session/" + std::string(access_key); }

Principal root_of(std::string_view account) {
  Principal root;
  root.kind = Principal::Kind::root;
  root.account = account;
  root.arn = root_arn(account);
  root.user_id = account;
  return root;
}

Principal user_of(std::string_view account, const Entity& user) {
  Principal principal;
  principal.kind = Principal::Kind::user;
  principal.account = account;
  principal.arn = arn_of(account, Kind::user, user);
  principal.user_id = user.id;
  principal.name = user.name;
  principal.tags = user.tags;
  return principal;
}

Principal principal_of(const Token& token) {
  Principal principal;
  principal.kind = token.kind == "root"   ? Principal::Kind::root
                   : token.kind == "user" ? Principal::Kind::user
                                          : Principal::Kind::assumed_role;
  principal.account = token.account;
  principal.arn = token.arn;
  principal.user_id = token.user_id;
  principal.name = token.name;
  principal.role_arn = token.role_arn;
  principal.tags = token.tags;
  principal.session_policies = token.session_policies;
  principal.session_policy_arns = token.session_policy_arns;
  principal.has_session_policies = token.has_session_policies;
  principal.source_identity = token.source_identity;
  principal.transitive_tags = token.transitive_tags;
  principal.issued = token.issued;
  return principal;
}

}  // namespace

Service::Cache& Service::cache(const std::string& account) {
  if (caches_.size() >= max_cached_accounts && !caches_.contains(account)) caches_.clear();
  Cache& cache = caches_[account];
  if (cache.credentials.size() + cache.standings.size() + cache.managed.size() >= max_cached_per_account) cache = {};
  return cache;
}

std::optional<Service::Credential> Service::dev_credential(const std::string& access_key) const {
  if (!options_.dev || (access_key != "test" && !is_account_id(access_key))) return std::nullopt;
  Principal root = root_of(access_key == "test" ? "000000000000" : access_key);
  root.access_key = access_key;
  return Credential{.principal = std::make_shared<const Principal>(std::move(root)), .secret_key = "test"};
}

Task<Outcome<std::optional<Service::Credential>>> Service::credential(std::string access_key, std::string token) {
  if (!token.empty()) co_return session_credential(access_key, token);
  if (auto dev = dev_credential(access_key)) co_return dev;
  co_return key_credential(access_key);
}

Outcome<std::optional<Service::Credential>> Service::key_credential(const std::string& access_key) {
  const auto id = account_of_access_key(access_key);
  if (!id || !access_key.starts_with("AKIA")) return std::nullopt;
  if (const auto known = caches_.find(*id); known != caches_.end()) {
    const auto found = known->second.credentials.find(access_key);
    if (found != known->second.credentials.end()) return found->second;
  }
  const Account from = account(*id);
  TRY(const auto owner, find<KeyOwner>(from, access_key_key(access_key)));
  if (!owner) return std::nullopt;
  std::string holder_key(root_key);
  if (!owner->user_id.empty()) {
    TRY(const auto name, find<EntityName>(from, id_key(owner->user_id)));
    if (!name) return std::nullopt;
    holder_key = entity_key(Kind::user, name->name);
  }
  TRY(const auto holder, find<Entity>(from, holder_key));
  if (!holder) return std::nullopt;
  for (const AccessKey& key : holder->keys) {
    if (key.id != access_key || !key.active) continue;
    TRY(const auto secret, sealer_.open(key.sealed_secret.bytes, key_context(access_key)));
    Principal principal = owner->user_id.empty() ? root_of(*id) : user_of(*id, *holder);
    principal.access_key = access_key;
    Credential credential{.principal = std::make_shared<const Principal>(std::move(principal)),
                          .secret_key = std::string(secret.text())};
    cache(*id).credentials.emplace(access_key, credential);
    return credential;
  }
  return std::nullopt;
}

Outcome<std::optional<Service::Credential>> Service::session_credential(const std::string& access_key,
                                                                        const std::string& text) {
  if (!access_key.starts_with("ASIA")) return std::nullopt;
  auto known = sessions_.find(text);
  if (known == sessions_.end()) {
    const auto sealed = codec::base64_decode(text);
    if (!sealed) return std::nullopt;
    // A token of another key, or one that was changed, does not open.
    const auto opened = sealer_.open(*sealed, token_context(access_key));
    if (!opened) return std::nullopt;
    TRY(auto token, store::decode<Token>(opened->text()));
    if (sessions_.size() >= max_cached_sessions) sessions_.clear();
    Principal principal = principal_of(token);
    principal.access_key = access_key;
    Credential credential{.principal = std::make_shared<const Principal>(std::move(principal)),
                          .secret_key = std::move(token.secret),
                          .expires = token.expires};
    known = sessions_.emplace(text, std::move(credential)).first;
  } else if (known->second.principal->access_key != access_key) {
    return std::nullopt;
  }
  Credential credential = known->second;
  if (credential.principal->kind == Principal::Kind::root) return credential;
  TRY(const auto alive, standing_of(*credential.principal));
  if (!alive) return std::nullopt;
  auto principal = std::make_shared<Principal>(*credential.principal);
  // A user may have been moved to another path since, or be spelt otherwise.
  if (principal->kind == Principal::Kind::user) {
    principal->arn = alive->arn;
    principal->name = alive->name;
  }
  auto& tags = principal->tags;
  for (const auto& tag : alive->tags) {
    // The session's own stay, whatever the case of their keys.
    const auto is_same = [&](const auto& own) { return equal_ignoring_case(own.first, tag.first); };
    if (std::ranges::none_of(tags, is_same)) tags.insert(tag);
  }
  credential.principal = std::move(principal);
  return credential;
}

Task<Outcome<Service::Issued>> Service::issue(Principal principal, Duration duration) {
  Token token{
      .secret = context_.random.pick(secret_alphabet, secret_size),
      .issued = context_.clock.now(),
      .expires = context_.clock.now() + duration,
      .kind = principal.kind == Principal::Kind::root   ? "root"
              : principal.kind == Principal::Kind::user ? "user"
                                                        : "role",
      .account = principal.account,
      .arn = principal.arn,
      .user_id = principal.user_id,
      .name = principal.name,
      .role_arn = principal.role_arn,
      .tags = principal.kind == Principal::Kind::assumed_role ? std::move(principal.tags) : decltype(Token::tags)(),
      .session_policies = std::move(principal.session_policies),
      .session_policy_arns = std::move(principal.session_policy_arns),
      .has_session_policies = principal.has_session_policies,
      .source_identity = std::move(principal.source_identity),
      .transitive_tags = std::move(principal.transitive_tags)};
  Issued issued{.access_key = make_access_key_id("ASIA", principal.account, context_.random),
                .secret_key = token.secret,
                .expires = token.expires};
  CO_TRY(const auto sealed, sealer_.seal(store::encode(token), token_context(issued.access_key)));
  issued.session_token = codec::base64_encode(sealed);
  co_return issued;
}

Outcome<RootKey> Service::add_key(store::Transaction& tx, const std::string& account_id, Entity& owner) {
  std::string id = make_access_key_id("AKIA", account_id, context_.random);
  for (;;) {
    TRY(const auto taken, tx.get(access_key_key(id)));
    if (!taken) break;
    id = make_access_key_id("AKIA", account_id, context_.random);
  }
  RootKey made{.access_key_id = id, .secret_access_key = context_.random.pick(secret_alphabet, secret_size)};
  TRY(auto sealed, sealer_.seal(made.secret_access_key, key_context(id)));
  owner.keys.push_back({.id = id, .sealed_secret = {std::move(sealed)}, .created = context_.clock.now()});
  tx.put(access_key_key(id), store::encode(KeyOwner{.user_id = owner.id == account_id ? "" : owner.id}));
  return made;
}

Task<Result<std::optional<RootKey>>> Service::ensure_root_key(std::string account_id, bool replace) {
  auto tx = co_await context_.catalog.begin(partition(account_id));
  CO_TRY(const auto there, tx.get(root_key));
  if (there && !replace) co_return std::nullopt;
  Entity root{.name = "root", .id = account_id, .created = context_.clock.now()};
  if (there) {
    CO_TRY(root, store::decode<Entity>(*there));
    for (const AccessKey& old : std::exchange(root.keys, {})) {
      tx.remove(access_key_key(old.id));
      tx.remove(used_key(old.id));
    }
  }
  auto made = add_key(tx, account_id, root);
  if (!made) co_return fail(Errc::internal, made.error().message);
  tx.put(root_key, store::encode(root));
  CO_CHECK(co_await tx.commit());
  caches_.erase(account_id);
  co_return std::move(*made);
}

Task<Outcome<void>> Service::commit(store::Transaction& tx, const std::string& account_id) {
  auto committed = co_await tx.commit();
  caches_.erase(account_id);  // also when it failed: nobody knows then what is on the disk
  if (!committed) co_return aws::refuse(aws::ApiError(committed.error()));
  co_return Outcome<void>();
}

}  // namespace boreal::iam
