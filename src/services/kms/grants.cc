// Grants let a principal do some operations with a key. They take effect at once here, so a grant token is never
// needed, only accepted. Source: KMS Developer Guide, "Grants in AWS KMS".
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <set>

#include "aws/arn.h"
#include "aws/gate.h"
#include "codec/base64.h"
#include "codec/json_value.h"
#include "kms/service.h"
#include "store/walk.h"

namespace boreal::kms {

namespace errors = api::kms::errors;
using namespace api::kms;

namespace {

constexpr size_t default_page = 50;
constexpr int32_t max_page = 100;
constexpr size_t max_grants = 50'000;
constexpr size_t max_constraint_pairs = 8;
constexpr size_t max_constraint_bytes = 8 * 384;
constexpr std::array<std::string_view, 9> symmetric_operations = {
    "Decrypt",     "Encrypt",     "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo",
    "CreateGrant", "RetireGrant", "DescribeKey"};

std::string root_of(const std::string& account) { return "arn:aws:iam::" + account + ":root"; }
bool is_account_root(std::string_view arn) { return arn.ends_with(":root"); }

bool lets(const Grant& grant, std::string_view operation) {
  return std::ranges::find(grant.operations, operation) != grant.operations.end();
}

bool includes(const EncryptionContext& context, const EncryptionContext& pairs) {
  return std::ranges::all_of(pairs, [&](const auto& pair) {
    const auto found = context.find(pair.first);
    return found != context.end() && found->second == pair.second;
  });
}

// The constraints bind cryptographic operations only; those come with an encryption context, if an empty one.
bool allows_context(const Grant& grant, const EncryptionContext* context) {
  if (context == nullptr) return true;
  if (grant.context_equals && *grant.context_equals != *context) return false;
  return !grant.context_subset || includes(*context, *grant.context_subset);
}

// As whom a grant that names this principal names the caller. What a role is granted its sessions have as far as
// boundary and session policies let them.
std::string named_by(const std::string& principal, const aws::Principal& caller) {
  if (is_account_root(principal)) return principal;
  return caller.role_arn.empty() || principal == caller.arn ? caller.arn : caller.role_arn;
}

// All under which grants may be for the caller: its ids and ARNs, and its account.
std::set<std::string> names_in_grants(const aws::Principal& caller) {
  std::set<std::string> names{caller.arn, caller.role_arn, caller.user_id.substr(0, caller.user_id.find(':')),
                              root_of(caller.account)};
  names.erase("");
  return names;
}

// Lets those of these ARNs do it.
json::Value statement_for(const std::set<std::string>& names, std::string_view action) {
  json::Value::Array listed;
  for (const auto& name : names) listed.emplace_back(name);
  return json::Value::Object{{"Effect", "Allow"},
                             {"Principal", json::Value::Object{{"AWS", std::move(listed)}}},
                             {"Action", action},
                             {"Resource", "*"}};
}

// With the ARNs that its principals have now.
Task<aws::Outcome<GrantListEntry>> entry_of(aws::Call& call, Grant grant, std::string key_arn) {
  GrantListEntry out;
  out.key_id = key_arn;
  out.grant_id = grant.id;
  if (!grant.name.empty()) out.name = grant.name;
  out.creation_date = grant.created;
  CO_TRY(out.grantee_principal, co_await call.gate.shown_principal(grant.grantee_id, grant.grantee));
  if (!grant.retiring.empty()) {
    CO_TRY(out.retiring_principal, co_await call.gate.shown_principal(grant.retiring_id, grant.retiring));
  }
  out.issuing_account = root_of(grant.issuing_account);
  out.operations = grant.operations;
  if (grant.context_equals || grant.context_subset) {
    out.constraints = GrantConstraints{.encryption_context_subset = grant.context_subset,
                                       .encryption_context_equals = grant.context_equals};
  }
  co_return out;
}

// The principal's unique id, if it is a user or a role.
Task<aws::Outcome<std::string>> check_principal(aws::Call& call, std::string arn) {
  const auto parsed = aws::Arn::parse(arn);
  if (parsed && (parsed->service == "iam" || parsed->service == "sts")) {
    CO_TRY(auto id, co_await call.gate.principal_id(arn));
    if (id) co_return std::move(*id);
  }
  co_return aws::refuse(errors::invalid_arn_exception(fmt::format("ARN does not refer to a valid principal: {}", arn)));
}

aws::Outcome<void> check_operations(const std::vector<std::string>& operations) {
  for (const auto& operation : operations) {
    if (std::ranges::find(symmetric_operations, operation) == symmetric_operations.end()) {
      return aws::refuse(errors::validation_exception(
          fmt::format("Operation {} is incompatible with key spec SYMMETRIC_DEFAULT.", operation)));
    }
  }
  return {};
}

// All grants of a key are looked through at each use of it, so they are small.
aws::Outcome<void> check_constraints(const GrantConstraints& constraints) {
  const auto binds = [](const auto& context) { return context && !context->empty(); };
  if (binds(constraints.encryption_context_equals) && binds(constraints.encryption_context_subset))
    return aws::refuse(errors::validation_exception("More than one constraint supplied"));
  for (const auto* context : {&constraints.encryption_context_equals, &constraints.encryption_context_subset}) {
    if (!*context) continue;
    size_t size = 0;
    for (const auto& [key, value] : **context) size += key.size() + value.size();
    if ((*context)->size() > max_constraint_pairs || size > max_constraint_bytes) {
      return aws::refuse(errors::validation_exception(
          fmt::format("A grant constraint has {} pairs of {} bytes together; it has at most {} of {}.",
                      (*context)->size(), size, max_constraint_pairs, max_constraint_bytes)));
    }
  }
  return {};
}

bool same_grant(const Grant& a, const Grant& b) {
  return a.name == b.name && a.grantee == b.grantee && a.grantee_id == b.grantee_id && a.retiring == b.retiring &&
         a.retiring_id == b.retiring_id && a.operations == b.operations && a.context_equals == b.context_equals &&
         a.context_subset == b.context_subset;
}

// A named grant that is asked for again is the same grant.
const Grant* find_same(const std::unordered_multimap<std::string, Grant>& grants, const Grant& wanted) {
  if (wanted.name.empty()) return nullptr;
  const auto [begin, end] = grants.equal_range(grantee_name(wanted));
  const auto same = std::find_if(begin, end, [&](const auto& entry) { return same_grant(wanted, entry.second); });
  return same == end ? nullptr : &same->second;
}

aws::Outcome<size_t> page_size(const std::optional<int32_t>& limit) {
  if (limit && *limit > max_page) {
    return aws::refuse(
        errors::validation_exception(fmt::format("Limit is {}; it must be between 1 and {}.", *limit, max_page)));
  }
  return limit ? static_cast<size_t>(*limit) : default_page;
}

// A token tells where its grant is: "PARTITION/KEY/GRANT", so that no index of tokens is needed. It gives no power.
std::string token_of(const std::string& partition, const Grant& grant) {
  return codec::base64url_encode(fmt::format("{}/{}/{}", partition, grant.key_id, grant.id));
}

struct TokenParts {
  std::string partition;
  std::string key_id;
  std::string grant_id;
};
std::optional<TokenParts> read_token(const std::string& token) {
  const auto text = codec::base64url_decode(token);
  if (!text || !text->starts_with("kms/") || text->contains('\0')) return std::nullopt;
  const size_t grant_at = text->rfind('/');
  const size_t key_at = text->rfind('/', grant_at - 1);
  if (key_at <= 3) return std::nullopt;
  return TokenParts{text->substr(0, key_at), text->substr(key_at + 1, grant_at - key_at - 1),
                    text->substr(grant_at + 1)};
}

}  // namespace

GrantConstraints constraints_of(const CreateGrantRequest& input) {
  GrantConstraints constraints = input.constraints.value_or(GrantConstraints{});
  auto& subset = constraints.encryption_context_subset;
  auto& equals = constraints.encryption_context_equals;
  if (subset && equals && subset->empty() != equals->empty()) (subset->empty() ? subset : equals).reset();
  return constraints;
}

bool Service::is_principal(const std::string& arn, const std::string& id, const aws::Principal& caller) {
  if (is_account_root(arn)) return arn == root_of(caller.account);
  if (!id.empty()) return caller.has_unique_id(id);
  return arn == caller.arn || (!caller.role_arn.empty() && arn == caller.role_arn);
}

std::string Service::retiring_policy(const Grant& grant, const std::string& key_account, const aws::Principal& caller) {
  std::set<std::string> named{root_of(key_account)};
  if (!grant.retiring.empty() && is_principal(grant.retiring, grant.retiring_id, caller))
    named.insert(named_by(grant.retiring, caller));
  if (lets(grant, "RetireGrant") && is_principal(grant.grantee, grant.grantee_id, caller))
    named.insert(named_by(grant.grantee, caller));
  return json::write(json::Value::Object{{"Statement", statement_for(named, "kms:RetireGrant")}});
}

bool Service::may_hand_on(const Grant& parent, const CreateGrantRequest& wanted) {
  if (!std::ranges::all_of(wanted.operations, [&](const auto& operation) { return lets(parent, operation); }))
    return false;
  const GrantConstraints constraints = constraints_of(wanted);
  if (parent.context_equals && constraints.encryption_context_equals != parent.context_equals) return false;
  if (!parent.context_subset) return true;
  const auto holds = [&](const std::optional<EncryptionContext>& context) {
    return context && includes(*context, *parent.context_subset);
  };
  return holds(constraints.encryption_context_equals) || holds(constraints.encryption_context_subset);
}

Result<std::string> Service::with_grants(std::string policy, const Attached& attached, const aws::Principal& principal,
                                         std::string_view action, const EncryptionContext* encryption_context,
                                         const Covers& covers) {
  const std::string_view operation = action.substr(std::string_view("kms:").size());
  // What a grant gives needs no identity policy: the statement names the caller itself.
  std::set<std::string> named;
  for (const auto& name : names_in_grants(principal)) {
    const auto [begin, end] = attached.grants.equal_range(name);
    for (const Grant& grant : std::ranges::subrange(begin, end) | std::views::values) {
      if (lets(grant, operation) && is_principal(grant.grantee, grant.grantee_id, principal) &&
          allows_context(grant, encryption_context) && (!covers || covers(grant))) {
        named.insert(named_by(grant.grantee, principal));
      }
    }
  }
  if (named.empty()) return policy;
  TRY(auto document, json::parse(policy));
  json::Value::Array statements;
  if (const json::Value* given = document.find("Statement"); given != nullptr) {
    if (given->array() != nullptr) {
      statements = *given->array();
    } else {
      statements.push_back(*given);
    }
  }
  statements.push_back(statement_for(named, action));
  document.set("Statement", std::move(statements));
  return json::write(document);
}

aws::Outcome<void> Service::check_grant_tokens(const aws::Call&, const aws::Value& input) const {
  if (!input) return {};
  for (const codec::Field& field : input.shape().fields) {
    if (field.member_name != "GrantTokens") continue;
    const auto* tokens = static_cast<const std::vector<std::string>*>(codec::member(field, input.data()));
    if (tokens == nullptr) continue;
    for (const auto& token : *tokens) {
      if (!read_token(token))
        return aws::refuse(errors::invalid_grant_token_exception("A grant token is not one that CreateGrant gave."));
    }
  }
  return {};
}

Task<aws::Outcome<CreateGrantResponse>> Service::create_grant(aws::Call& call, CreateGrantRequest input) {
  CO_TRY(auto grantee_id, co_await check_principal(call, input.grantee_principal));
  std::string retiring_id;
  if (input.retiring_principal) {
    CO_TRY(retiring_id, co_await check_principal(call, *input.retiring_principal));
  }
  CO_CHECK(check_operations(input.operations));
  std::set<std::string> seen;
  std::erase_if(input.operations, [&](const std::string& operation) { return !seen.insert(operation).second; });
  const GrantConstraints constraints = constraints_of(input);
  CO_CHECK(check_constraints(constraints));
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  CO_CHECK(check_usable(change.key));
  Grant grant{.id = context_.random.hex(64),
              .key_id = change.key.id,
              .token = {},
              .name = input.name.value_or(""),
              .grantee = input.grantee_principal,
              .retiring = input.retiring_principal.value_or(""),
              .grantee_id = std::move(grantee_id),
              .retiring_id = std::move(retiring_id),
              .issuing_account = call.account,
              .operations = std::move(input.operations),
              .context_equals = constraints.encryption_context_equals,
              .context_subset = constraints.encryption_context_subset,
              .created = call.now};
  if (input.dry_run.value_or(false)) co_return aws::refuse(dry_run_succeeded());
  CO_TRY(const auto attached, co_await attached_to(change.key));
  if (const Grant* same = find_same(attached->grants, grant); same != nullptr) {
    co_return CreateGrantResponse{.grant_token = same->token, .grant_id = same->id};
  }
  const std::string arn = change.key.arn();
  if (attached->grants.size() >= max_grants) {
    co_return aws::refuse(
        errors::limit_exceeded_exception(fmt::format("{} has {} grants, which is the most.", arn, max_grants)));
  }
  grant.token = token_of(partition_of(change.key.account, change.key.region), grant);
  change.tx.put(grant_path(grant.key_id, grant.id), store::encode(grant));
  auto committed = co_await commit(std::move(change));
  if (!committed) {
    forget_attached(arn);  // nobody knows now what is on the disk
    co_return aws::refuse(std::move(committed.error()));
  }
  add_attached(arn, *attached, grant);
  co_return CreateGrantResponse{.grant_token = grant.token, .grant_id = grant.id};
}

Task<aws::Outcome<ListGrantsResponse>> Service::list_grants(aws::Call& call, ListGrantsRequest input) {
  CO_TRY(const auto key, find(call, input.key_id));
  CO_TRY(const size_t limit, page_size(input.limit));
  const std::string partition = partition_of(key.account, key.region);
  if (input.grant_id) {
    CO_TRY(const auto there, context_.catalog.get(partition, grant_path(key.id, *input.grant_id)));
    if (!there) {
      co_return aws::refuse(
          errors::invalid_grant_id_exception(fmt::format("{} has no grant {}", key.arn(), *input.grant_id)));
    }
  }
  // Of one grant: its path is the prefix.
  const std::string prefix = input.grant_id ? grant_path(key.id, *input.grant_id) : grants_path(key.id);
  const auto take = [&](const GrantListEntry& entry) {
    return !input.grantee_principal || entry.grantee_principal == *input.grantee_principal;
  };
  co_return co_await list_grants(call, partition, prefix, input.marker, limit, take);
}

Task<aws::Outcome<ListGrantsResponse>> Service::list_retirable_grants(aws::Call& call,
                                                                      ListRetirableGrantsRequest input) {
  CO_TRY(const size_t limit, page_size(input.limit));
  const auto take = [&](const GrantListEntry& entry) { return entry.retiring_principal == input.retiring_principal; };
  co_return co_await list_grants(call, partition_of(call.account, call.region), std::string(grant_prefix), input.marker,
                                 limit, take);
}

// A page is filled with what fits, however many grants lie between.
Task<aws::Outcome<ListGrantsResponse>> Service::list_grants(aws::Call& call, std::string partition, std::string prefix,
                                                            std::optional<std::string> marker, size_t limit,
                                                            std::function<bool(const GrantListEntry&)> take) {
  CO_TRY(auto from, page_start(prefix, marker));
  store::Walk walk(context_.catalog, partition, prefix, std::move(from));
  ListGrantsResponse out;
  out.grants.emplace();
  out.truncated = false;
  while (true) {
    CO_TRY(const bool there, co_await walk.next());
    if (!there) break;
    CO_TRY(auto grant, store::decode<Grant>(walk.value()));
    const Reference key{.account = account_of(partition), .region = call.region, .key_id = grant.key_id, .alias = {}};
    CO_TRY(auto entry, co_await entry_of(call, std::move(grant), key.arn()));
    if (!take(entry)) continue;
    if (out.grants->size() == limit) {
      out.truncated = true;
      out.next_marker = marker_of(prefix, walk.key());
      break;
    }
    out.grants->push_back(std::move(entry));
  }
  co_return out;
}

aws::Outcome<Service::GrantAt> Service::find_grant(const aws::Call& call, const RetireGrantRequest& input) const {
  TokenParts at;
  if (input.grant_token) {
    const auto parts = read_token(*input.grant_token);
    if (!parts || !parts->partition.ends_with("/" + call.region)) {
      return aws::refuse(
          errors::invalid_grant_token_exception("The grant token is not one that CreateGrant gave in this region."));
    }
    at = *parts;
  } else if (input.key_id && input.grant_id) {
    if (!input.key_id->starts_with("arn:")) {
      return aws::refuse(
          errors::invalid_arn_exception(fmt::format("KeyId {}: RetireGrant takes key ARNs", *input.key_id)));
    }
    TRY(const auto reference, parse_reference(*input.key_id, call.account, call.region));
    at = {partition_of(reference.account, reference.region), reference.key_id, *input.grant_id};
  } else {
    return aws::refuse(errors::validation_exception("Name the grant by GrantToken, or by KeyId and GrantId."));
  }
  TRY(const auto text, context_.catalog.get(at.partition, grant_path(at.key_id, at.grant_id)));
  if (!text) return aws::refuse(errors::not_found_exception(fmt::format("Grant ID {} not found", at.grant_id)));
  TRY(auto grant, store::decode<Grant>(*text));
  return GrantAt{.partition = std::move(at.partition), .grant = std::move(grant)};
}

Task<aws::Outcome<RetireGrantOutput>> Service::retire_grant(aws::Call& call, RetireGrantRequest input) {
  CO_TRY(const auto at, find_grant(call, input));
  if (input.dry_run.value_or(false)) co_return aws::refuse(dry_run_succeeded());
  auto tx = co_await context_.catalog.begin(at.partition);
  tx.remove(grant_path(at.grant.key_id, at.grant.id));
  auto committed = co_await tx.commit();
  const Reference key{
      .account = account_of(at.partition), .region = call.region, .key_id = at.grant.key_id, .alias = {}};
  if (!committed) {
    forget_attached(key.arn());
    co_return aws::refuse(aws::ApiError(committed.error()));
  }
  remove_attached(key.arn(), at.grant);
  co_return RetireGrantOutput{};
}

Task<aws::Outcome<RevokeGrantOutput>> Service::revoke_grant(aws::Call& call, RevokeGrantRequest input) {
  CO_TRY(auto change, co_await begin_change(call, input.key_id));
  const std::string path = grant_path(change.key.id, input.grant_id);
  CO_TRY(const auto there, change.tx.get(path));
  if (!there) co_return aws::refuse(errors::not_found_exception(fmt::format("Grant ID {} not found", input.grant_id)));
  if (input.dry_run.value_or(false)) co_return aws::refuse(dry_run_succeeded());
  const auto grant = store::decode<Grant>(*there);
  const std::string arn = change.key.arn();
  change.tx.remove(path);
  auto committed = co_await commit(std::move(change));
  if (!committed || !grant) {
    forget_attached(arn);
  } else {
    remove_attached(arn, *grant);
  }
  if (!committed) co_return aws::refuse(std::move(committed.error()));
  co_return RevokeGrantOutput{};
}

}  // namespace boreal::kms
