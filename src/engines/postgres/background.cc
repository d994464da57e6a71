#include "postgres/background.h"

#include "postgres/detail/tool.h"

namespace boreal::postgres {

void Background::stop() {
  stopped_ = true;
  for (auto* tool : tools_) tool->kill();
}

}  // namespace boreal::postgres
