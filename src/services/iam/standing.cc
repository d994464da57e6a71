// What living users and roles may do, compiled and cached: the way of each request.
#include <fmt/format.h>

#include "iam/documents.h"
#include "iam/managed_policies.h"
#include "iam/names.h"
#include "iam/service.h"

namespace boreal::iam {

using aws::Outcome;
using aws::Principal;

namespace {

constexpr std::string_view deny_all = R"({"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}})";
constexpr size_t max_uses = 65536;
constexpr Duration use_granularity = std::chrono::minutes(15);

}  // namespace

Service::CompiledPolicy Service::compile(const std::string& document) {
  const auto parse = [](const std::string& text) { return aws::Policy::parse(text, aws::PolicyKind::identity); };
  auto compiled = compiled_.get(document, parse);
  return compiled ? std::move(*compiled) : nullptr;
}

namespace {

// Documents are checked before they are stored: one that cannot be read is damage, and must not become "no policy",
// which might have been the one that denies.
aws::ApiError damaged(std::string_view where) {
  return aws::ApiError(Error(Errc::corrupt, fmt::format("policy {} cannot be read", where)));
}

}  // namespace

Outcome<Service::CompiledPolicy> Service::managed_policy(const std::string& account_id, const std::string& arn) {
  Cache& known = cache(account_id);
  if (const auto found = known.managed.find(arn); found != known.managed.end()) return found->second;
  TRY(const auto document, managed_document(account(account_id), arn));
  CompiledPolicy policy;
  if (document) {
    policy = compile(*document);
    if (!policy) return aws::refuse(damaged(arn));
  }
  known.managed.emplace(arn, policy);
  return policy;
}

Outcome<void> Service::add_policies(const std::string& account_id, const Entity& entity, Standing& standing) {
  for (const auto& [name, document] : entity.inline_policies) {
    auto policy = compile(document);
    if (!policy) return aws::refuse(damaged(entity.name + "/" + name));
    standing.identity.push_back(std::move(policy));
  }
  for (const auto& arn : entity.attached) {
    TRY(auto policy, managed_policy(account_id, arn));
    if (policy) standing.identity.push_back(std::move(policy));
  }
  return {};
}

Outcome<std::shared_ptr<const Service::Standing>> Service::standing(const std::string& account_id, Kind kind,
                                                                    const std::string& name) {
  const std::string key = entity_key(kind, name);
  if (const auto known = caches_.find(account_id); known != caches_.end()) {
    if (const auto found = known->second.standings.find(key); found != known->second.standings.end()) {
      return found->second;
    }
  }
  const Account from = account(account_id);
  TRY(const auto entity, find<Entity>(from, key));
  if (!entity) return nullptr;
  auto made = std::make_shared<Standing>();
  made->id = entity->id;
  made->name = entity->name;
  made->arn = arn_of(account_id, kind, *entity);
  made->tags = entity->tags;
  CHECK(add_policies(account_id, *entity, *made));
  for (const auto& group : entity->groups) {
    TRY(const auto record, find<Entity>(from, entity_key(Kind::group, group)));
    if (record) CHECK(add_policies(account_id, *record, *made));
  }
  if (!entity->boundary.empty()) {
    TRY(made->boundary, managed_policy(account_id, entity->boundary));
    // A boundary whose policy is gone lets nothing through.
    if (!made->boundary) made->boundary = std::make_shared<const aws::Policy>();
  }
  cache(account_id).standings[key] = made;
  return made;
}

Outcome<std::shared_ptr<const Service::Standing>> Service::standing_of(const Principal& principal) {
  const bool role = principal.kind == Principal::Kind::assumed_role;
  if (!role && principal.kind != Principal::Kind::user) return nullptr;
  TRY(auto found, standing(principal.account, role ? Kind::role : Kind::user, principal.name));
  // Another one of the same name is not the one that was meant.
  if (found && (role ? !principal.user_id.starts_with(found->id + ":") : principal.user_id != found->id))
    return nullptr;
  return found;
}

Task<Outcome<Service::Policies>> Service::policies(const Principal& principal) {
  Policies result;
  CO_TRY(const auto alive, standing_of(principal));
  if (alive) {
    result.identity = alive->identity;
    result.boundary = alive->boundary;
  } else if (principal.kind == Principal::Kind::user || principal.kind == Principal::Kind::assumed_role) {
    // Gone while what it began is under way: nothing is left of its boundary, and nothing may be had without it.
    co_return aws::refuse(aws::ApiError("AccessDenied", 403, fmt::format("{} is no more.", principal.arn)));
  }
  for (const auto& document : principal.session_policies) {
    auto policy = compile(document);
    if (!policy) co_return aws::refuse(damaged("of the session"));
    result.session.push_back(std::move(policy));
  }
  for (const auto& arn : principal.session_policy_arns) {
    CO_TRY(auto policy, managed_policy(principal.account, arn));
    // What is gone may have been what denied, and nobody knows what.
    if (!policy) policy = compile(std::string(deny_all));
    result.session.push_back(std::move(policy));
  }
  co_return result;
}

Task<Outcome<std::optional<Service::RoleSession>>> Service::role_session(std::string role_arn,
                                                                         std::string session_name) {
  CO_TRY(auto found, co_await role(role_arn));
  if (!found) co_return std::nullopt;
  Principal principal;
  principal.kind = Principal::Kind::assumed_role;
  principal.account = found->account;
  principal.name = found->name;
  principal.arn = fmt::format("arn:aws:sts::{}:assumed-role/{}/{}", found->account, found->name, session_name);
  principal.user_id = found->id + ":" + session_name;
  principal.role_arn = std::move(role_arn);
  principal.tags = std::move(found->tags);
  principal.issued = context_.clock.now();
  co_return RoleSession{.principal = std::move(principal), .trust_policy = std::move(found->trust_policy)};
}

Task<Outcome<std::optional<Service::Role>>> Service::role(std::string role_arn) {
  const auto name = parse_resource(role_arn);
  if (!name || name->type != "role") co_return std::nullopt;
  CO_TRY(auto found, find<Entity>(account(name->account), entity_key(Kind::role, name->name)));
  if (!found || arn_of(name->account, Kind::role, *found) != role_arn) co_return std::nullopt;
  co_return Role{.arn = role_arn,
                 .id = found->id,
                 .name = found->name,
                 .account = name->account,
                 .trust_policy = std::move(found->trust_policy),
                 .max_session_s = found->max_session_s,
                 .tags = std::move(found->tags)};
}

Task<Outcome<std::optional<std::string>>> Service::principal_id(std::string arn) {
  co_return iam::principal_id(context_.catalog, arn);
}

Task<Outcome<std::optional<std::string>>> Service::principal_arn(std::string id, std::string arn) {
  co_return iam::principal_arn(context_.catalog, id, arn);
}

std::optional<std::string> Service::account_of(std::string_view access_key) const {
  return account_of_access_key(access_key);
}

Task<Outcome<bool>> Service::has_policy(std::string account_id, std::string policy_arn) {
  CO_TRY(const auto policy, managed_policy(account_id, policy_arn));
  co_return policy != nullptr;
}

Task<Outcome<void>> Service::check_pass(aws::Call& call, std::string role_arn, std::string service,
                                        std::string source_arn) {
  CO_TRY(auto found, co_await role(role_arn));
  std::multimap<std::string, std::string> context{{"iam:PassedToService", service}};
  if (found) add_tags_of_principal(found->tags, context);
  // Whether a role is there is told only to those who may pass it.
  CO_CHECK(co_await call.authorize({.action = "iam:PassRole", .resource = role_arn, .context = std::move(context)}));
  if (!found) {
    co_return aws::refuse(errors::no_such_entity_exception(fmt::format("The role {} cannot be found.", role_arn)));
  }
  if (found->account != call.account) {
    co_return aws::refuse(aws::ApiError("AccessDenied", 403, "Cross-account pass role is not allowed."));
  }
  auto trusted = co_await call.gate.check_trust(role_arn, std::move(found->trust_policy), service, call.account,
                                                std::move(source_arn));
  if (!trusted && trusted.error().status != 403) co_return trusted;
  if (!trusted) {
    co_return aws::refuse(aws::ApiError(
        "InvalidParameterValue", 400,
        fmt::format("The role {} cannot be assumed by {}: its trust policy does not allow it.", role_arn, service)));
  }
  co_return Outcome<void>();
}

void Service::note_use(const Principal& principal, std::string_view service, std::string_view region) {
  const bool role = principal.kind == Principal::Kind::assumed_role;
  if (!role && (!principal.access_key.starts_with("AKIA"))) return;
  const std::string id = role ? principal.user_id.substr(0, principal.user_id.find(':')) : principal.access_key;
  if (uses_.size() >= max_uses && !uses_.contains(id))
    std::erase_if(uses_, [](const auto& u) { return !u.second.dirty; });
  PendingUse& pending = uses_[id];
  pending.account = principal.account;
  pending.use.time = context_.clock.now();
  pending.use.service = service;
  pending.use.region = region;
  if (pending.use.time - pending.written < use_granularity) {
    pending.dirty = true;
    return;
  }
  pending.written = pending.use.time;
  writers_.spawn(write_use(id));
}

std::optional<LastUse> Service::last_use(const std::string& account_id, const std::string& id) const {
  if (const auto pending = uses_.find(id); pending != uses_.end()) return pending->second.use;
  const auto stored = find<LastUse>(account(account_id), used_key(id));
  return stored ? *stored : std::nullopt;
}

Task<void> Service::write_use(std::string id) {
  const auto pending = uses_.find(id);
  if (pending == uses_.end()) co_return;
  pending->second.dirty = false;
  const PendingUse use = pending->second;
  auto tx = co_await context_.catalog.begin(partition(use.account));
  tx.put(used_key(id), store::encode(use.use));
  // A date that is not written down is written with the next use.
  if (auto written = co_await tx.commit(); !written) uses_[id].dirty = true;
}

Task<void> Service::stop() {
  co_await writers_.wait();
  std::vector<std::string> dirty;
  for (const auto& [id, pending] : uses_) {
    if (pending.dirty) dirty.push_back(id);
  }
  for (const auto& id : dirty) co_await write_use(id);
}

}  // namespace boreal::iam
