// What the unit tests of services need: a service called as the pipeline calls it (what it touches is authorised, then
// the handler runs), without sockets, signatures and protocols. Only for tests.
//
//   class KmsTest : public testing::Test {
//     aws::CallFixture fixture;
//     kms::Service kms{fixture.context(), …};
//   };
//   auto made = fixture.call<CreateKeyResponse>(kms, "CreateKey", CreateKeyRequest{});
//   fixture.principal = aws::user_principal("000000000000", "bob");   // from here on bob calls
//   fixture.policies.identity = {aws::identity_policy(R"({"Statement": …})")};  // what bob may do
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/context.h"
#include "aws/gate.h"
#include "aws/service.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/testing.h"
#include "io/pool.h"
#include "net/loop.h"
#include "store/store.h"
#include "store/transaction.h"

namespace boreal::aws {

inline Principal root_principal(std::string account) {
  Principal root;
  root.kind = Principal::Kind::root;
  root.arn = "arn:aws:iam::" + account + ":root";
  root.user_id = account;
  root.account = std::move(account);
  return root;
}

inline Principal user_principal(std::string account, std::string name) {
  Principal user;
  user.kind = Principal::Kind::user;
  user.arn = "arn:aws:iam::" + account + ":user/" + name;
  user.user_id = "AIDA" + name;
  user.account = std::move(account);
  user.name = std::move(name);
  return user;
}

// An identity policy, compiled.
inline std::shared_ptr<const Policy> identity_policy(std::string_view json) {
  auto parsed = Policy::parse(json, PolicyKind::identity);
  if (!parsed) throw std::invalid_argument(parsed.error().message());
  return std::make_shared<const Policy>(std::move(*parsed));
}

inline constexpr const char* everyone_trusted =
    R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]})";

class CallFixture {
 public:
  CallFixture() : pool_(1), gate_(identities_, clock) { pool_.start(); }

  // Who calls, where; change them between calls. At first the root of account 000000000000.
  Principal principal = root_principal("000000000000");
  std::string region = "us-east-1";
  // What the principal's own side allows; root needs none. With `identities` set it is asked instead of `policies`.
  Identities::Policies policies;
  Identities* identities = nullptr;
  // Done once, while the policies are read that a call is judged by: what changes behind a call.
  std::function<Task<void>()> meanwhile;
  // Of every role that services assume.
  std::string trust_policy = everyone_trusted;
  ManualClock clock;
  SeededRandom random{1};

  ServiceContext context() { return {catalog_, clock, random, loop_, pool_}; }
  store::Catalog& catalog() { return catalog_; }
  store::Store& store() { return *store_; }
  Gate& gate() { return gate_; }
  // What the gate knows the principal as.
  Task<Outcome<Caller>> gate_caller() { return gate_.assume("", "", "tests", principal.account, ""); }

  // Drives any task to its end.
  template <class T>
  T run(Task<T> task) {
    return executor_.run(std::move(task));
  }
  // Lets background work go on until nothing is left to do at the moment.
  void run_until_idle() { executor_.run_until_idle(); }

  // The operation as the caller sees it. Throws when the service has no such operation.
  template <class Out, class In>
  Outcome<Out> call(Service& service, std::string_view operation, In input) {
    auto value = run(call_value(service, find(service, operation), Value::of(std::move(input))));
    if (!value) return std::unexpected(std::move(value.error()));
    return std::move(value->template as<Out>());
  }

  // For functions that take a Call: run(fixture.with_call(service, "Op", [](Call& call) -> Task<T> {…})).
  template <class F>
  auto with_call(Service& service, std::string_view operation, F use) {
    return with_call_of(find(service, operation), std::move(use));
  }

 private:
  struct FixtureIdentities final : Identities {
    explicit FixtureIdentities(CallFixture& f) : fixture(f) {}
    Task<Outcome<std::optional<Credential>>> credential(std::string, std::string) override { co_return std::nullopt; }
    Task<Outcome<Policies>> policies(const Principal& who) override {
      const bool is_judged = who.kind != Principal::Kind::service;  // who assumes the caller, for the fixture, is not
      if (is_judged && fixture.meanwhile) co_await std::exchange(fixture.meanwhile, nullptr)();
      if (fixture.identities != nullptr) co_return co_await fixture.identities->policies(who);
      co_return fixture.policies;
    }
    // The gate makes callers of sessions, so this is how the fixture gets one of any kind: as a role without a name.
    Task<Outcome<std::optional<RoleSession>>> role_session(std::string role_arn, std::string) override {
      co_return RoleSession{fixture.principal, role_arn.empty() ? everyone_trusted : fixture.trust_policy};
    }
    // Nobody is looked up: policies keep the ARNs that they name.
    Task<Outcome<std::optional<std::string>>> principal_id(std::string arn) override {
      if (arn.ends_with("/nobody")) co_return std::nullopt;
      co_return std::string();
    }
    Task<Outcome<std::optional<std::string>>> principal_arn(std::string, std::string) override {
      co_return std::nullopt;
    }
    CallFixture& fixture;
  };

  static const Operation& find(const Service& service, std::string_view name) {
    const Operation* operation = service.model().find(name);
    if (operation == nullptr) throw std::invalid_argument("no operation " + std::string(name));
    return *operation;
  }

  Call make_call(const Caller& caller, const Operation& operation, http::Request& request) {
    return Call{.caller = caller,
                .operation = operation,
                .region = region,
                .account = caller.account(),
                .request_id = random.uuid(),
                .now = clock.now(),
                .http = request,
                .response_headers = {},
                .gate = gate_};
  }

  Task<Outcome<Value>> call_value(Service& service, const Operation& operation, Value input) {
    CO_TRY(const Caller caller, co_await gate_caller());
    http::Request request;
    Call call = make_call(caller, operation, request);
    if (!operation.served) co_return refuse(not_implemented(call));
    CO_TRY(auto accesses, co_await service.access(call, operation, input));
    for (Access& access : accesses) CO_CHECK(co_await gate_.authorize(call, std::move(access)));
    co_return co_await operation.invoke(service, call, std::move(input));
  }

  template <class F>
  std::invoke_result_t<F&, Call&> with_call_of(const Operation& operation, F use) {
    auto caller = co_await gate_caller();
    http::Request request;
    Call call = make_call(*caller, operation, request);
    co_return co_await use(call);
  }

  std::unique_ptr<store::Store> store_ = store::memory_store();
  store::Catalog catalog_{*store_};
  net::Loop loop_;
  io::Pool pool_;
  TestExecutor executor_;
  FixtureIdentities identities_{*this};
  Gate gate_;
};

}  // namespace boreal::aws
