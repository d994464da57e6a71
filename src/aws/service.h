// What the pipeline knows of a service: its model (tables that codegen made from models/<service>.json) and how to
// reach its operations. Generated code derives from Service once per API (api/<service>/service.h); a services/ room
// implements the operations that the model says are served; all others answer 501 by name.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "aws/call.h"
#include "aws/error.h"
#include "base/task.h"
#include "codec/shape.h"

namespace boreal::aws {

enum class Protocol { query, ec2, json, rest_json, rest_xml, cbor };

// A generated struct whose type is known by its shape. Owns it.
class Value {
 public:
  Value() : data_(nullptr, [](void*) {}) {}
  template <class T>
  static Value of(T value) {
    return Value(new T(std::move(value)), &codec::shape_of<T>(), [](void* p) { delete static_cast<T*>(p); });
  }
  explicit operator bool() const { return data_ != nullptr; }
  void* data() const { return data_.get(); }
  const codec::Shape& shape() const { return *shape_; }
  // T must be the type that it was made of.
  template <class T>
  T& as() const {
    return *static_cast<T*>(data_.get());
  }

 private:
  Value(void* data, const codec::Shape* shape, void (*destroy)(void*)) : data_(data, destroy), shape_(shape) {}
  std::unique_ptr<void, void (*)(void*)> data_;
  const codec::Shape* shape_ = nullptr;
};

class Service;

// A row of a service's generated table; static storage.
struct Operation {
  std::string_view service;         // "rds"
  std::string_view name;            // "CreateDBCluster"
  std::string_view method;          // "POST"
  std::string_view uri;             // REST: "/backup-vaults/{backupVaultName}"; may carry "?acl"
  int success_status;               // 200
  const codec::Shape* input;        // null: none
  const codec::Shape* output;       // null: none
  std::string_view result_wrapper;  // query: "CreateDBClusterResult", empty when none
  bool served;                      // false: known from the model, answers 501 by name
  // "action|resource-template" lines from models/<service>.json; {Member} is replaced from the input and
  // {region} {account} {partition} from the call:
  // "rds:CreateDBCluster|arn:{partition}:rds:{region}:{account}:cluster:{DBClusterIdentifier}".
  std::span<const std::string_view> access;
  Value (*make_input)();
  Value (*make_output)();  // for programs that make answers of text: the tests against other implementations
  Task<Outcome<Value>> (*invoke)(Service& self, Call& call, Value input);
};

struct ServiceModel {
  std::string_view name;          // folder and table name: "secretsmanager"
  std::string_view signing_name;  // in the credential scope: "secretsmanager", "monitoring", "elasticloadbalancing"
  std::string_view endpoint_prefix;
  std::string_view iam_prefix;  // "secretsmanager", "cloudwatch"
  std::string_view api_version;
  std::string_view target_prefix;  // json: "TrentService"
  std::string_view xml_namespace;
  std::string_view json_version;  // "1.0" or "1.1"
  std::span<const Protocol> protocols;
  bool query_compatible;                  // JSON errors carry x-amzn-query-error too
  bool global;                            // region-less: iam, sts in the legacy endpoint
  std::span<const Operation> operations;  // sorted by name
  // The error codes of input that breaks the model, and of a required member that is not there. Services differ.
  std::string_view invalid_code = "ValidationException";
  std::string_view missing_code = "ValidationException";
  bool bare_errors = false;  // REST-XML: <Error> is the root, not in an <ErrorResponse>
  const Operation* find(std::string_view operation_name) const;
};

// Thread rule: everything runs on the loop.
class Service {
 public:
  virtual ~Service() = default;
  virtual const ServiceModel& model() const = 0;
  // What the call touches; the gate must allow all of it before the handler runs. The default fills the operation's
  // access templates; a service overrides it where resources have policies, aliases or names that must be looked up.
  virtual Task<Outcome<std::vector<Access>>> access(Call& call, const Operation& operation, const Value& input);
  // Whether the body may bear on that: on what is touched, or on what conditions are asked. Where it does not, a long
  // document of S3's is read only once the call is allowed.
  virtual bool judges_by_body(const Operation& operation) const;
  // What the headers promise of a body that was read whole (not one that streams): S3's Content-MD5 and checksums. Any
  // thread.
  virtual Outcome<void> check_body(const Operation& operation, const http::Request& request, std::string_view body);
  // The service's own word for input that does not fit the operation's shape, where it has one: S3's MalformedACLError,
  // and its NoSuchBucket, which comes first.
  virtual ApiError unreadable(const Operation& operation, const http::Request& request, ApiError error) const;
  // What a protocol has outside its operations, seen before anything else: S3's CORS preflight and browser form
  // uploads. nullopt: an operation like any other.
  virtual Task<std::optional<http::Response>> intercept(http::Request& request, Gate& gate,
                                                        const std::string& request_id);
  // A last look at an answer (errors too) before it is sent: S3's CORS headers.
  virtual void finish(const http::Request& request, http::Response& response);
  // Starts what runs in the background (reconcilers, workers), once all services stand; stop() returns when it has
  // ended. begin_stop() is told to all services before the first is stopped: what others may wait for breaks off.
  virtual Task<Result<void>> start();
  virtual void begin_stop();
  virtual Task<void> stop();
  // Whether all its workers have, since this moment of monotonic_ns(), looked at the clock and done what was due by
  // then. What failed counts: it is in the log.
  virtual bool has_been_round(int64_t since_ns) const;
  // What keeps it from its work, or from a part of it, in words for who runs boreal; empty: nothing that is known of.
  // Asked often, so it looks nothing up.
  virtual std::string trouble() const;
};

// The input's member of that name in the API, or nullopt when it is no string or was not sent.
std::optional<std::string> string_member(const Value& input, std::string_view member_name);

// 501 NotImplemented, by name.
ApiError not_implemented(const Operation& operation);
ApiError not_implemented(const Call& call);

}  // namespace boreal::aws
