#include "aws/gate.h"

#include <fmt/format.h>

#include <algorithm>

#include "aws/peers.h"
#include "codec/time.h"

namespace boreal::aws {

namespace {

Canon canon_of(const ServiceModel& service) { return service.signing_name == "s3" ? Canon::s3 : Canon::standard; }

// The keys that every policy may ask for; the principal's own are added by add_principal_keys().
void add_global_keys(Context& context, const Call& call) {
  context.emplace("aws:SourceIp", call.http.peer.host);
  context.emplace("aws:SecureTransport", call.http.tls ? "true" : "false");
  // IAM has one endpoint, which stands there, whatever region a client was told.
  context.emplace("aws:RequestedRegion", call.operation.service == "iam" ? "us-east-1" : call.region);
  if (const auto agent = call.http.headers.get("user-agent")) context.emplace("aws:UserAgent", *agent);
  if (const auto referer = call.http.headers.get("referer")) context.emplace("aws:Referer", *referer);
}

void add_time_keys(Context& context, Time now) {
  context.emplace("aws:CurrentTime", codec::format_iso8601(now));
  context.emplace("aws:EpochTime", std::to_string(now.ms / 1000));
}

AuthError unknown_caller(const Signature& signature) {
  AuthError error{AuthFailure::unknown_key, "The access key ID you provided does not exist in our records."};
  if (signature.session_token.empty()) {
    error.fields.emplace_back("AWSAccessKeyId", signature.access_key);
  } else {
    error.kind = AuthFailure::unknown_token;
    error.fields.emplace_back("Token-0", signature.session_token);
  }
  return error;
}

// Whose signature it is, and in `unknown` why it is nobody's. S3 tells of a token beside a key that has none once the
// signature is right: then there are both.
Task<Outcome<std::optional<Identities::Credential>>> find_credential(Identities& identities, const Signature& signature,
                                                                     Canon canon, std::optional<AuthError>& unknown) {
  CO_TRY(auto credential, co_await identities.credential(signature.access_key, signature.session_token));
  if (credential) co_return credential;
  unknown.emplace(unknown_caller(signature));
  if (canon != Canon::s3 || signature.session_token.empty()) co_return credential;
  co_return co_await identities.credential(signature.access_key, "");
}

// Each service has its own word for it; clients act on the word. Those that speak JSON alone have 400 for all that is
// the client's.
std::pair<std::string_view, int> denial_of(std::string_view service) {
  constexpr std::string_view older[] = {"s3", "s3control", "iam", "sts", "rds"};
  constexpr std::string_view json[] = {"kms", "secretsmanager", "dms"};
  if (service == "ec2") return {"UnauthorizedOperation", 403};
  if (std::ranges::find(older, service) != std::end(older)) return {"AccessDenied", 403};
  return {"AccessDeniedException", std::ranges::find(json, service) != std::end(json) ? 400 : 403};
}

}  // namespace

Time Gate::now_for(Time signed_at) const {
  const Time theirs = clock_.unmoved();
  return signed_at >= clock_.moved_at() && signed_at <= theirs + max_skew ? theirs : clock_.now();
}

// A request that was signed within minutes of the system's time is of now.
Time Gate::time_for(const Signature& signature) const {
  if (signature.mode == SigningMode::query) return now_for(signature.time);
  const Time theirs = clock_.unmoved();
  return std::chrono::abs(theirs - signature.time) <= max_skew ? theirs : clock_.now();
}

Task<Outcome<Caller>> Gate::verify(Signature signature, RequestView view, VerifyOptions options, Protocol protocol,
                                   BodyCheck* check) {
  const auto failed = [&](const AuthError& error) { return refuse(to_api_error(error, protocol, options.canon)); };
  options.now = time_for(signature);
  // S3 says what is wrong with a signature's time before it says whose it is.
  if (options.canon == Canon::s3) {
    if (auto claimed = check_claims(signature, options); !claimed) co_return failed(claimed.error());
  }
  std::optional<AuthError> unknown;
  CO_TRY(auto credential, co_await find_credential(identities_, signature, options.canon, unknown));
  if (!credential) co_return failed(*unknown);
  if (clock_.now() >= credential->expires) {
    co_return failed({AuthFailure::expired_token, "The security token included in the request is expired"});
  }
  options.secret = credential->secret_key;
  auto verified = verify_signature(signature, view, options, signing_keys_);
  if (!verified) co_return failed(verified.error());
  if (unknown) co_return failed(*unknown);
  *check = std::move(*verified);
  identities_.note_use(*credential->principal, signature.scope.service, signature.scope.region);
  co_return Caller(std::move(credential->principal));
}

Task<Outcome<Caller>> Gate::authenticate(http::Request& request, const ServiceModel& service, Protocol protocol,
                                         const std::string* body, CheckedBody** checked) {
  const Canon canon = canon_of(service);
  const RequestView view = RequestView::of(request);
  auto signature = parse_signature(view, canon);
  if (!signature) co_return refuse(to_api_error(signature.error(), protocol, canon));

  BodyCheck check;
  std::optional<Caller> caller;
  if (signature->mode == SigningMode::anonymous) {
    if (canon != Canon::s3) {
      co_return refuse(
          to_api_error({AuthFailure::missing, "Request is missing Authentication Token"}, protocol, canon));
    }
    auto framing = anonymous_body(view);
    if (!framing) co_return refuse(to_api_error(framing.error(), protocol, canon));
    check = std::move(*framing);
    caller = Caller(Principal());
  } else {
    VerifyOptions options{.canon = canon, .service = service.signing_name, .body = body};
    CO_TRY(caller, co_await verify(std::move(*signature), view, options, protocol, &check));
  }
  if (canon == Canon::s3) {
    auto wrapped = check_body(std::move(request.body), std::move(check));
    *checked = wrapped.get();
    request.body = std::move(wrapped);
  }
  co_return std::move(*caller);
}

Task<Outcome<Caller>> Gate::authenticate_form(FormSignature form, std::string session_token, std::string region,
                                              Protocol protocol) {
  auto signature = parse_form_signature(form);
  if (!signature) co_return refuse(to_api_error(signature.error(), protocol, Canon::s3));
  signature->session_token = std::move(session_token);
  const auto failed = [&](const AuthError& error) { return refuse(to_api_error(error, protocol, Canon::s3)); };
  std::optional<AuthError> unknown;
  CO_TRY(auto credential, co_await find_credential(identities_, *signature, Canon::s3, unknown));
  if (!credential) co_return failed(*unknown);
  if (clock_.now() >= credential->expires)
    co_return failed({AuthFailure::expired_token, "The provided token has expired."});
  const VerifyOptions options{.canon = Canon::s3,
                              .service = "s3",
                              .region = region,
                              .secret = credential->secret_key,
                              .now = time_for(*signature)};
  auto verified = verify_form_signature(*signature, form, options, signing_keys_);
  if (!verified) co_return failed(verified.error());
  if (unknown) co_return failed(*unknown);
  co_return Caller(std::move(credential->principal));
}

Task<Outcome<Caller>> Gate::assume(std::string role_arn, std::string session_name, std::string service,
                                   std::string account, std::string source_arn) {
  CO_TRY(auto session, co_await identities_.role_session(role_arn, std::move(session_name)));
  if (!session || session->principal.account != account) {
    co_return refuse(
        ApiError("NoSuchEntity", 404, fmt::format("The role {} does not exist in account {}.", role_arn, account)));
  }
  CO_CHECK(co_await check_trust(std::move(role_arn), std::move(session->trust_policy), std::move(service),
                                std::move(account), std::move(source_arn)));
  co_return Caller(std::move(session->principal));
}

Task<Outcome<void>> Gate::check_trust(std::string role_arn, std::string trust_policy, std::string service,
                                      std::string account, std::string source_arn) {
  const Caller assuming = this->service(std::move(service));
  Access access{.action = "sts:AssumeRole",
                .resource = std::move(role_arn),
                .resource_account = account,
                .resource_policy = std::move(trust_policy),
                .resource_policy_rules = true,
                .context = {{"aws:SourceAccount", account}}};
  if (!source_arn.empty()) access.context.emplace("aws:SourceArn", std::move(source_arn));
  co_return co_await authorize(assuming, std::move(access));
}

Task<Outcome<KeptPolicy>> Gate::keep_policy(std::string document, Policy parsed) {
  KeptPolicy kept;
  std::map<std::string, std::string> ids;  // by ARN
  for (const auto& statement : parsed.statements()) {
    for (const auto& principal : statement.principals) {
      if (principal.kind != policy::PrincipalEntry::Kind::arn) continue;
      CO_TRY(auto id, co_await identities_.principal_id(principal.value));
      if (!id && !kept.missing) kept.missing = principal.value;
      if (!id || id->empty()) continue;
      kept.principals.emplace(*id, principal.value);
      ids.emplace(principal.value, std::move(*id));
    }
  }
  kept.document = with_principals(document, ids);
  co_return kept;
}

Task<Outcome<std::string>> Gate::shown_policy(std::string document, std::map<std::string, std::string> principals) {
  std::map<std::string, std::string> arns;
  for (const auto& [id, arn] : principals) {
    CO_TRY(auto now, co_await identities_.principal_arn(id, arn));
    if (now) arns.emplace(id, std::move(*now));
  }
  co_return with_principals(document, arns);
}

Task<Outcome<std::optional<std::string>>> Gate::principal_id(std::string arn) {
  return identities_.principal_id(std::move(arn));
}

Task<Outcome<std::string>> Gate::shown_principal(std::string id, std::string arn) {
  if (id.empty()) co_return arn;
  CO_TRY(auto now, co_await identities_.principal_arn(id, std::move(arn)));
  co_return now ? std::move(*now) : std::move(id);
}

Caller Gate::service(std::string name) const {
  Principal principal;
  principal.kind = Principal::Kind::service;
  principal.service = std::move(name);
  return Caller(std::move(principal));
}

Task<Outcome<void>> Gate::authorize(const Call& call, Access access) {
  return evaluate_access(call.caller, &call, std::move(access));
}

Task<Outcome<void>> Gate::authorize(const Caller& caller, Access access) {
  return evaluate_access(caller, nullptr, std::move(access));
}

Task<Outcome<void>> Gate::evaluate_access(const Caller& caller, const Call* call, Access access) {
  const Principal& principal = caller.principal();
  Identities::Policies policies;
  if (!caller.is_anonymous()) {
    CO_TRY(policies, co_await identities_.policies(principal));
  }
  std::shared_ptr<const Policy> resource_policy;
  if (access.resource_policy) {
    CO_TRY(resource_policy, compile(*access.resource_policy));
  }
  // Most policies ask nothing of the request; its facts are gathered for those that do.
  const auto asks = [](const std::shared_ptr<const Policy>& policy) { return policy && policy->asks_context(); };
  Context context;
  if (std::ranges::any_of(policies.identity, asks) || std::ranges::any_of(policies.session, asks) ||
      asks(policies.boundary) || asks(resource_policy)) {
    if (call != nullptr) add_global_keys(context, *call);
    add_time_keys(context, call != nullptr ? call->now : clock_.now());
    if (access.add_context) access.add_context(access.context);
    context.merge(access.context);
    // A service that asks in its caller's name is somewhere else than its caller, where no policy means.
    // Source: KMS Developer Guide, "Using the IP address condition in policies with AWS KMS permissions".
    const auto through_service = context.find("aws:ViaAWSService");
    if (through_service == context.end()) {
      context.emplace("aws:ViaAWSService", "false");
    } else if (through_service->second == "true") {
      context.erase("aws:SourceIp");
    }
    const auto& owner = access.resource_account.empty() ? principal.account : access.resource_account;
    if (!owner.empty() && !context.contains("aws:ResourceAccount")) context.emplace("aws:ResourceAccount", owner);
    add_principal_keys(context, principal);
  }
  const EvaluationInput input{.principal = principal,
                              .action = access.action,
                              .resource = access.resource,
                              .context = context,
                              .identity = policies.identity,
                              .boundary = policies.boundary.get(),
                              .session = policies.session,
                              .resource_policy = resource_policy.get(),
                              .resource_policy_rules = access.resource_policy_rules,
                              .resource_account = access.resource_account,
                              .canonical_user = access.canonical_user};
  const Decision decision = evaluate(input);
  if (!decision.allowed) {
    const auto [code, status] = denial_of(call != nullptr ? call->operation.service : "");
    // S3 says what was missing to the resource's own account alone.
    const bool is_own = access.resource_account.empty() || access.resource_account == caller.account();
    const bool tells = call == nullptr || call->operation.service != "s3" || (is_own && !caller.is_anonymous());
    co_return refuse(ApiError(std::string(code), status, tells ? denial_message(input, decision) : "Access Denied"));
  }
  co_return Outcome<void>();
}

Outcome<std::shared_ptr<const Policy>> Gate::compile(const std::string& document) {
  auto compiled = resource_policies_.get(document, [](const std::string& text) {
    auto policy = Policy::parse(text, PolicyKind::resource);
    return policy ? std::move(policy) : Policy::parse(text, PolicyKind::trust);
  });
  // It was checked when it was stored: what cannot be read now is damage, and damage must not open anything.
  if (!compiled) return refuse(ApiError(std::move(compiled).error().within("a stored resource policy")));
  return std::move(*compiled);
}

Task<Outcome<void>> Call::authorize(Access access) { return gate.authorize(*this, std::move(access)); }

Asker::Asker(Call* call) : call_(call) {
  if (call == nullptr) return;
  gate_ = &call->gate;
  caller_ = &call->caller;
  service_ = call->operation.service;
}

Task<Outcome<void>> Asker::authorize(Access access) const {
  return call_ != nullptr ? gate_->authorize(*call_, std::move(access)) : gate_->authorize(*caller_, std::move(access));
}

}  // namespace boreal::aws
