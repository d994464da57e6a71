#include "ec2/service.h"

#include "ec2/default_network.h"

namespace boreal::ec2 {

using aws::Call;
using aws::Outcome;

std::string Service::make_id(std::string_view prefix) { return std::string(prefix) + context_.random.hex(17); }

Task<Outcome<store::Transaction>> Service::begin(const Call& call) { return begin(Place{call.account, call.region}); }

Task<Outcome<store::Transaction>> Service::begin(Place place) {
  auto tx = co_await context_.catalog.begin(place.partition());
  CO_TRY(const auto made, tx.get(made_key));
  if (!made) {
    for (const auto& [key, value] : default_network(place)) tx.put(key, value);
    tx.put(made_key, "true");
  }
  co_return tx;
}

void Service::tell_group_change(const Call& call, const std::string& group_id) const {
  for (const auto& callback : group_callbacks_) callback(call.account, call.region, group_id);
}

}  // namespace boreal::ec2
