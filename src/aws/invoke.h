// From an operation's row in the table to the method that serves it. For generated code.
#pragma once

#include <utility>

#include "aws/service.h"

namespace boreal::aws {

namespace detail {
template <class Method>
struct MethodOf;
template <class A, class Out, class In>
struct MethodOf<Task<Outcome<Out>> (A::*)(Call&, In)> {
  using Api = A;
  using Input = In;
};
}  // namespace detail

// `service` and `call` live longer than the task. The input must be of the method's type.
template <auto method>
Task<Outcome<Value>> invoke(Service& service, Call& call, Value input) {
  using Of = detail::MethodOf<decltype(method)>;
  auto out =
      co_await (static_cast<typename Of::Api&>(service).*method)(call, std::move(input.as<typename Of::Input>()));
  if (!out) co_return refuse(std::move(out.error()));
  co_return Value::of(std::move(*out));
}

}  // namespace boreal::aws
