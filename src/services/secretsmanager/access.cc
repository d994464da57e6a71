// What a call touches: the secret, under its own policy. Names of secrets that are not there are checked as the ARN
// that they would have, so that nobody learns what exists without being allowed to ask. Source: Service Authorization
// Reference, "Actions, resources, and condition keys for AWS Secrets Manager".
#include <fmt/format.h>

#include <algorithm>

#include "aws/arn.h"
#include "secretsmanager/service.h"

namespace boreal::secretsmanager {

using namespace api::secretsmanager;

namespace {

// Members that are condition keys under their own name.
constexpr std::string_view request_keys[] = {"SecretId",
                                             "VersionId",
                                             "VersionStage",
                                             "Name",
                                             "Description",
                                             "KmsKeyId",
                                             "Type",
                                             "RotationLambdaARN",
                                             "ForceDeleteWithoutRecovery",
                                             "RecoveryWindowInDays",
                                             "BlockPublicPolicy",
                                             "ForceOverwriteReplicaSecret"};

void add_request_keys(const aws::Value& input, std::multimap<std::string, std::string>& context) {
  if (!input) return;
  for (const codec::Field& field : input.shape().fields) {
    if (std::ranges::find(request_keys, field.member_name) == std::end(request_keys)) continue;
    const void* value = codec::member(field, input.data());
    if (value == nullptr) continue;
    std::string text;
    switch (field.shape->kind) {
      case codec::Kind::string: text = *static_cast<const std::string*>(value); break;
      case codec::Kind::boolean: text = *static_cast<const bool*>(value) ? "true" : "false"; break;
      case codec::Kind::integer: text = std::to_string(codec::get_integer(*field.shape, value)); break;
      default: continue;
    }
    context.emplace(fmt::format("secretsmanager:{}", field.member_name), text);
  }
}

// The regions that a call wants copies in.
void add_replica_regions(const std::optional<std::vector<ReplicaRegionType>>& replicas,
                         std::multimap<std::string, std::string>& context) {
  if (!replicas) return;
  for (const auto& replica : *replicas) {
    context.emplace("secretsmanager:AddReplicaRegions", replica.region.value_or(""));
  }
}

// The secret's id in the input; null when the operation names none.
const std::string* secret_id_of(const aws::Value& input) {
  if (!input) return nullptr;
  for (const codec::Field& field : input.shape().fields) {
    if (field.member_name == "SecretId") return static_cast<const std::string*>(codec::member(field, input.data()));
  }
  return nullptr;
}

// What policies are asked about a secret that is there, and told of it.
void add_secret(const Secret& secret, aws::Access& access) {
  access.resource = secret.arn();
  access.resource_account = secret.account;
  if (!secret.policy.empty()) access.resource_policy = secret.policy;
  for (const auto& [key, value] : secret.tags) {
    access.context.emplace("aws:ResourceTag/" + key, value);
    access.context.emplace("secretsmanager:ResourceTag/" + key, value);
  }
  if (!secret.primary_region.empty())
    access.context.emplace("secretsmanager:SecretPrimaryRegion", secret.primary_region);
  // A secret named by its ARN and by its name is the same to a policy.
  access.context.erase("secretsmanager:SecretId");
  access.context.emplace("secretsmanager:SecretId", secret.arn());
}

}  // namespace

// As if who asks had called GetSecretValue.
Task<aws::Outcome<void>> Service::authorize_reading(aws::Asker asker, std::shared_ptr<const Secret> secret,
                                                    std::string secret_arn) {
  aws::Access access{.action = "secretsmanager:GetSecretValue",
                     .resource = secret_arn,
                     .context = {{"secretsmanager:SecretId", secret_arn}}};
  if (secret) add_secret(*secret, access);
  co_return co_await asker.authorize(std::move(access));
}

aws::Outcome<aws::Access> Service::guard(aws::Call& call, const std::string& secret_id, aws::Access access) const {
  TRY(const auto secret, look_up(call.account, call.region, secret_id));
  // Another may be called so before the handler's turn: this one is asked for, and so no other is used.
  call.asked_for.insert_or_assign(secret_id, secret ? secret->id : "");
  if (!secret) {
    access.resource = secret_id.starts_with("arn:")
                          ? secret_id
                          : call.arn("secretsmanager", fmt::format("secret:{}-??????", secret_id));
    if (const auto arn = aws::Arn::parse(access.resource)) access.resource_account = arn->account;
    return access;
  }
  add_secret(*secret, access);
  return access;
}

// A key may be named by its id and by aliases too; policies compare its ARN. One that cannot be used has none to tell.
Task<void> Service::add_key(const aws::Call& call, const aws::Value& input, std::string key_id, aws::Access& access) {
  const std::string* secret_id = secret_id_of(input);
  const auto arn = secret_id != nullptr ? aws::Arn::parse(*secret_id) : std::nullopt;
  const auto key = co_await keys_.describe(arn ? arn->account : call.account, call.region, "secretsmanager", key_id);
  if (key) {
    access.context.emplace("secretsmanager:KmsKeyArn", *key);
  } else if (key_id.starts_with("arn:")) {
    access.context.emplace("secretsmanager:KmsKeyArn", key_id);
  }
}

Task<aws::Outcome<std::vector<aws::Access>>> Service::access(aws::Call& call, const aws::Operation& operation,
                                                             const aws::Value& input) {
  CO_TRY(auto accesses, co_await Api::access(call, operation, input));
  for (aws::Access& access : accesses) add_request_keys(input, access.context);
  if (const auto key = aws::string_member(input, "KmsKeyId"); key && !key->empty())
    co_await add_key(call, input, *key, accesses.front());
  if (operation.name == "CreateSecret") {
    const auto& create = input.as<CreateSecretRequest>();
    add_replica_regions(create.add_replica_regions, accesses.front().context);
    const aws::Access creating = accesses.front();
    const auto also = [&](const char* action) {
      accesses.push_back(creating);
      accesses.back().action = action;
    };
    if (create.tags && !create.tags->empty()) also("secretsmanager:TagResource");
    if (create.add_replica_regions && !create.add_replica_regions->empty())
      also("secretsmanager:ReplicateSecretToRegions");
    co_return accesses;
  }
  if (operation.name == "ReplicateSecretToRegions") {
    add_replica_regions(input.as<ReplicateSecretToRegionsRequest>().add_replica_regions, accesses.front().context);
  }
  if (operation.name == "BatchGetSecretValue" && input.as<BatchGetSecretValueRequest>().filters) {
    accesses.push_back({.action = "secretsmanager:ListSecrets", .resource = "*"});
  }
  const std::string* secret_id = secret_id_of(input);
  if (secret_id == nullptr) co_return accesses;
  for (aws::Access& access : accesses) {
    CO_TRY(access, guard(call, *secret_id, std::move(access)));
  }
  co_return accesses;
}

}  // namespace boreal::secretsmanager
