// Which loopback address belongs to what. All of 127/8 is local on Linux without any set-up, so every
// endpoint of every cluster can have its own address and all of them can listen on the same port.
#pragma once

#include <string>

#include "base/result.h"

namespace boreal::endpoints {

// One /24 per cluster: 127.17.0.x is cluster 0, 127.17.1.x cluster 1, ... 127.31.255.x the last.
// A caller keeps the cluster's number in its records, so that addresses survive restarts.
class AddressPlan {
 public:
  static constexpr unsigned max_clusters = 15 * 256;
  static constexpr unsigned max_instances = 90;
  static constexpr unsigned max_custom = 100;
  static constexpr unsigned max_proxies = 54;

  // Errc::invalid beyond the last cluster.
  static Result<AddressPlan> of(unsigned cluster_number);

  std::string writer() const { return host(1); }
  std::string reader() const { return host(2); }
  // The n-th of its kind, from 0. Errc::invalid beyond the limit.
  Result<std::string> instance(unsigned n) const { return nth("instance", n, 10, max_instances); }
  Result<std::string> custom(unsigned n) const { return nth("custom endpoint", n, 100, max_custom); }
  Result<std::string> proxy(unsigned n) const { return nth("proxy", n, 200, max_proxies); }
  // All addresses of the cluster, as an access rule: "127.17.0.0/24".
  std::string network() const { return host(0) + "/24"; }

 private:
  explicit AddressPlan(unsigned cluster_number) : cluster_(cluster_number) {}
  std::string host(unsigned last) const;
  Result<std::string> nth(const char* kind, unsigned n, unsigned first, unsigned limit) const;
  unsigned cluster_;
};

}  // namespace boreal::endpoints
