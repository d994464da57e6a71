// The policy simulator: the evaluator of real requests, asked about requests that nobody makes.
#include <algorithm>
#include <set>

#include "iam/convert.h"
#include "iam/documents.h"
#include "iam/names.h"
#include "iam/service.h"

namespace boreal::iam {

using namespace api::iam;
using aws::Call;
using aws::Outcome;
using EntityRecord = iam::Entity;

struct Service::Simulation {
  struct Source {
    std::string name;
    std::string type;  // "IAM Policy", "user" …
    CompiledPolicy policy;
  };
  aws::Principal principal;
  std::vector<Source> identity;
  CompiledPolicy boundary;
  std::shared_ptr<const aws::Policy> resource_policy;  // shared as compiled policies are
  std::string resource_account;
  aws::Context context;
  std::vector<std::string> actions;
  std::vector<std::string> resources;
  std::optional<std::string> marker;
  std::optional<int32_t> max_items;
};

namespace {

// Of a page: statements looked at, and keys told as missing.
constexpr size_t max_page_cost = 100'000;

using Compiled = std::shared_ptr<const aws::Policy>;

Outcome<Compiled> compile_input(const std::string& document, aws::PolicyKind kind) {
  auto parsed = aws::Policy::parse(document, kind);
  if (!parsed) return aws::refuse(errors::invalid_input_exception(parsed.error().message()));
  return std::make_shared<const aws::Policy>(std::move(*parsed));
}

std::string decision_name(const aws::Decision& decision) {
  return decision.allowed ? "allowed" : decision.explicit_deny ? "explicitDeny" : "implicitDeny";
}

// Keys that conditions of the policy ask for.
void add_condition_keys(const aws::Policy& policy, std::set<std::string>& keys) {
  for (const auto& statement : policy.statements()) {
    for (const auto& condition : statement.conditions) keys.insert(condition.key);
  }
}

// And those of its variables: ${aws:username}, ${key, 'default'}.
void add_variable_keys(std::string_view document, std::set<std::string>& keys) {
  for (size_t at = document.find("${"); at != std::string_view::npos; at = document.find("${", at)) {
    const size_t end = document.find('}', at);
    if (end == std::string_view::npos) return;
    const std::string_view inside = document.substr(at + 2, end - at - 2);
    const std::string_view key = trim(inside.substr(0, inside.find(',')));
    if (key.size() > 1) keys.emplace(key);  // ${*}, ${?} and ${$} stand for themselves
    at = end + 1;
  }
}

Outcome<void> add_document_keys(const std::string& document, std::set<std::string>& keys) {
  TRY(const auto policy, compile_input(document, aws::PolicyKind::identity));
  add_condition_keys(*policy, keys);
  add_variable_keys(document, keys);
  return {};
}

void add_entries(const std::optional<std::vector<ContextEntry>>& entries, aws::Context& context) {
  if (!entries) return;
  for (const auto& entry : *entries) {
    if (!entry.context_key_name || !entry.context_key_values) continue;
    for (const auto& value : *entry.context_key_values) context.emplace(*entry.context_key_name, value);
  }
}

}  // namespace

Outcome<SimulatePolicyResponse> Service::simulate(Simulation simulation) {
  aws::add_principal_keys(simulation.context, simulation.principal);
  std::vector<CompiledPolicy> identity;
  std::set<std::string> asked;
  for (const auto& source : simulation.identity) {
    identity.push_back(source.policy);
    add_condition_keys(*source.policy, asked);
  }
  if (simulation.boundary) add_condition_keys(*simulation.boundary, asked);
  std::erase_if(asked, [&](const auto& key) { return simulation.context.contains(key); });
  const std::vector<std::string> missing(asked.begin(), asked.end());

  // Every action on every resource, in the order that was asked for. A page ends early where each answer takes much.
  const size_t questions = simulation.actions.size() * simulation.resources.size();
  TRY(const std::string start, page_start(simulation.marker));
  size_t at = 0;
  if (simulation.marker) {
    const auto index = parse_int(start, 0, static_cast<int64_t>(questions));
    if (!index) return aws::refuse(errors::invalid_input_exception("Invalid Marker."));
    at = static_cast<size_t>(*index);
  }
  size_t cost = 1 + missing.size();
  for (const auto& policy : identity) cost += 2 * policy->statements().size();
  for (const auto& policy : {simulation.boundary, simulation.resource_policy}) {
    if (policy) cost += policy->statements().size();
  }
  const size_t page =
      std::clamp(max_page_cost / cost, size_t{1}, static_cast<size_t>(simulation.max_items.value_or(100)));
  const size_t end = std::min(questions, at + page);

  SimulatePolicyResponse out;
  auto& results = out.evaluation_results.emplace();
  for (; at < end; ++at) {
    const auto& action = simulation.actions[at / simulation.resources.size()];
    const auto& resource = simulation.resources[at % simulation.resources.size()];
    aws::EvaluationInput input{.principal = simulation.principal,
                               .action = action,
                               .resource = resource,
                               .context = simulation.context,
                               .identity = identity,
                               .boundary = simulation.boundary.get(),
                               .session = {},
                               .resource_policy = simulation.resource_policy.get(),
                               .resource_account = simulation.resource_account};
    const aws::Decision decision = aws::evaluate(input);
    EvaluationResult result{.eval_action_name = action,
                            .eval_resource_name = resource,
                            .eval_decision = decision_name(decision),
                            .matched_statements = std::vector<api::iam::Statement>(),
                            .missing_context_values = missing};
    if (simulation.boundary) {
      const bool held_back = decision.source == aws::PolicySource::boundary;
      result.permissions_boundary_decision_detail = {.allowed_by_permissions_boundary = !held_back};
    }
    // Which of the policies says so: each is asked alone.
    input.boundary = nullptr;
    input.resource_policy = nullptr;
    for (const auto& source : simulation.identity) {
      input.identity = std::span(&source.policy, 1);
      const aws::Decision alone = aws::evaluate(input);
      if (!alone.explicit_deny && !alone.allowed) continue;
      if (decision.explicit_deny && !alone.explicit_deny) continue;
      result.matched_statements->push_back({.source_policy_id = source.name, .source_policy_type = source.type});
    }
    results.push_back(std::move(result));
  }
  set_page(out, end < questions ? std::optional(codec::base64url_encode(std::to_string(end))) : std::nullopt);
  return out;
}

Task<Outcome<SimulatePolicyResponse>> Service::simulate_custom_policy(Call& call, SimulateCustomPolicyRequest input) {
  Simulation simulation{.actions = input.action_names,
                        .resources = input.resource_arns.value_or(std::vector<std::string>{"*"}),
                        .marker = input.marker,
                        .max_items = input.max_items};
  simulation.principal.kind = aws::Principal::Kind::user;
  simulation.principal.account = call.account;
  simulation.principal.arn = input.caller_arn.value_or(fmt::format("arn:aws:iam::{}:user/simulated", call.account));
  simulation.resource_account = call.account;
  size_t number = 0;
  for (const auto& document : input.policy_input_list) {
    CO_TRY(auto policy, compile_input(document, aws::PolicyKind::identity));
    simulation.identity.push_back({fmt::format("PolicyInputList.{}", ++number), "IAM Policy", std::move(policy)});
  }
  if (input.permissions_boundary_policy_input_list && !input.permissions_boundary_policy_input_list->empty()) {
    CO_TRY(simulation.boundary,
           compile_input(input.permissions_boundary_policy_input_list->front(), aws::PolicyKind::identity));
  }
  if (input.resource_policy) {
    CO_TRY(simulation.resource_policy, compile_input(*input.resource_policy, aws::PolicyKind::resource));
  }
  add_entries(input.context_entries, simulation.context);
  co_return simulate(std::move(simulation));
}

// The policies of the user, group or role, by name, those of the user's groups among them.
Outcome<std::vector<Service::NamedDocument>> Service::documents_of(const Account& from, Kind kind,
                                                                   const EntityRecord& entity) {
  std::vector<NamedDocument> out;
  std::vector<std::pair<Kind, EntityRecord>> holders{{kind, entity}};
  for (const auto& name : entity.groups) {
    TRY(auto group, find<EntityRecord>(from, entity_key(Kind::group, name)));
    if (group) holders.emplace_back(Kind::group, std::move(*group));
  }
  for (const auto& [held_by, holder] : holders) {
    for (const auto& [name, document] : holder.inline_policies)
      out.push_back({name, std::string(word(held_by)), document});
    for (const auto& arn : holder.attached) {
      TRY(auto document, managed_document(from, arn));
      if (document) out.push_back({arn.substr(arn.rfind('/') + 1), "IAM Policy", std::move(*document)});
    }
  }
  return out;
}

Outcome<std::pair<Kind, EntityRecord>> Service::need_source(const Call& call, const std::string& arn) const {
  const auto name = parse_resource(arn);
  const bool known = name && (name->type == "user" || name->type == "group" || name->type == "role");
  if (!known || name->account != call.account) {
    return aws::refuse(errors::invalid_input_exception(
        fmt::format("{} is no ARN of a user, group or role of account {}.", arn, call.account)));
  }
  const Kind kind = name->type == "user" ? Kind::user : name->type == "group" ? Kind::group : Kind::role;
  TRY(auto entity, need_entity(account(call), kind, name->name));
  return std::pair(kind, std::move(entity));
}

Task<Outcome<SimulatePolicyResponse>> Service::simulate_principal_policy(Call& call,
                                                                         SimulatePrincipalPolicyRequest input) {
  CO_TRY(const auto source, need_source(call, input.policy_source_arn));
  const auto& [kind, entity] = source;
  Simulation simulation{.actions = input.action_names,
                        .resources = input.resource_arns.value_or(std::vector<std::string>{"*"}),
                        .marker = input.marker,
                        .max_items = input.max_items};
  aws::Principal& principal = simulation.principal;
  principal.kind = kind == Kind::role ? aws::Principal::Kind::assumed_role : aws::Principal::Kind::user;
  principal.account = call.account;
  principal.arn = input.caller_arn.value_or(input.policy_source_arn);
  principal.role_arn = kind == Kind::role ? input.policy_source_arn : "";
  principal.user_id = entity.id;
  principal.name = entity.name;
  principal.tags = entity.tags;
  simulation.resource_account = call.account;
  CO_TRY(const auto documents, documents_of(account(call), kind, entity));
  for (const auto& document : documents) {
    auto policy = compile(document.document);
    if (policy) simulation.identity.push_back({document.name, document.type, std::move(policy)});
  }
  size_t number = 0;
  for (const auto& document : input.policy_input_list.value_or(std::vector<std::string>())) {
    CO_TRY(auto policy, compile_input(document, aws::PolicyKind::identity));
    simulation.identity.push_back({fmt::format("PolicyInputList.{}", ++number), "IAM Policy", std::move(policy)});
  }
  if (input.permissions_boundary_policy_input_list && !input.permissions_boundary_policy_input_list->empty()) {
    CO_TRY(simulation.boundary,
           compile_input(input.permissions_boundary_policy_input_list->front(), aws::PolicyKind::identity));
  } else if (!entity.boundary.empty()) {
    CO_TRY(simulation.boundary, managed_policy(call.account, entity.boundary));
  }
  if (input.resource_policy) {
    CO_TRY(simulation.resource_policy, compile_input(*input.resource_policy, aws::PolicyKind::resource));
  }
  add_entries(input.context_entries, simulation.context);
  co_return simulate(std::move(simulation));
}

Task<Outcome<GetContextKeysForPolicyResponse>> Service::get_context_keys_for_custom_policy(
    Call&, GetContextKeysForCustomPolicyRequest input) {
  std::set<std::string> keys;
  for (const auto& document : input.policy_input_list) CO_CHECK(add_document_keys(document, keys));
  co_return GetContextKeysForPolicyResponse{.context_key_names = std::vector<std::string>(keys.begin(), keys.end())};
}

Task<Outcome<GetContextKeysForPolicyResponse>> Service::get_context_keys_for_principal_policy(
    Call& call, GetContextKeysForPrincipalPolicyRequest input) {
  CO_TRY(const auto source, need_source(call, input.policy_source_arn));
  CO_TRY(const auto documents, documents_of(account(call), source.first, source.second));
  std::set<std::string> keys;
  for (const auto& document : documents) CO_CHECK(add_document_keys(document.document, keys));
  for (const auto& document : input.policy_input_list.value_or(std::vector<std::string>())) {
    CO_CHECK(add_document_keys(document, keys));
  }
  co_return GetContextKeysForPolicyResponse{.context_key_names = std::vector<std::string>(keys.begin(), keys.end())};
}

}  // namespace boreal::iam
