// The server's certificates: an authority of our own, made at first start, and a server certificate with the names and
// addresses that are served, made anew at each start.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "net/stream.h"

namespace boreal::server {

struct TlsMaterial {
  std::string ca_pem;
  std::string certificate_pem;  // of the server, with the authority's behind it
  std::string key_pem;
  std::shared_ptr<net::TlsServerContext> context;  // shared by connections under way
};

// Blocks. The authority's key lies in `key_folder`, its certificate as ca.pem in `data_folder`/tls.
Result<TlsMaterial> load_tls(const std::string& data_folder, const std::string& key_folder,
                             const std::vector<std::string>& names, const Clock& clock, Random& random);

}  // namespace boreal::server
