// Who must know at once that a KMS key may be used no longer, or again. Like peers.h: the server hands it in.
#pragma once

#include <functional>
#include <string>

namespace boreal::aws {

class KeyWatch {
 public:
  virtual ~KeyWatch() = default;
  // Called after the state of a key changed (enabled, disabled, waiting for its deletion), with its ARN, on the loop.
  // One callback; another takes its place.
  virtual void on_key_change(std::function<void(const std::string& key_arn)> callback) = 0;
};

}  // namespace boreal::aws
