// The certificate that the APIs show: one that the configuration names, or one with the names that are served, of an
// authority of our own. Kept current while the server runs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/sync.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "io/pool.h"
#include "net/loop.h"
#include "net/stream.h"
#include "server/config.h"

namespace boreal::server {

// Thread rule: the loop, but for open() and refresh(), which block, and of which one runs at a time.
class ServerTls {
 public:
  ServerTls(const Config& config, net::Loop& loop, io::Pool& pool, const Clock& clock, Random& random)
      : config_(config), loop_(loop), pool_(pool), clock_(clock), random_(random) {}

  // Makes the authority if there is none: its key lies in the key folder, its certificate as ca.pem in the data
  // folder's tls. Called again, after a reset, it does nothing.
  Result<void> open();
  // A certificate of our own is made anew a month before it ends, files are read again when they have changed. Where
  // that fails the old one stays, and the log says why.
  void refresh();
  // From now on refresh() is called every minute.
  void start() { keeping_.spawn(keep()); }
  Task<void> stop();

  // Both good once open() has succeeded.
  const std::string& ca_pem() const { return authority_->certificate_pem; }
  // Shared by connections under way.
  const std::shared_ptr<net::TlsServerContext>& context() const { return context_; }

 private:
  Task<void> keep();
  Result<void> renew();
  Result<void> issue();
  Result<void> read_files();
  void check_time();
  Result<void> show(std::string_view chain_pem, std::string_view key_pem);

  const Config& config_;
  net::Loop& loop_;
  io::Pool& pool_;
  const Clock& clock_;
  Random& random_;
  std::optional<crypto::CertifiedKey> authority_;
  std::shared_ptr<net::TlsServerContext> context_;
  Time ends_;                                                     // of the one that we issued
  std::optional<crypto::Digest<crypto::HashKind::sha256>> read_;  // of the files, as they were read last
  std::string trouble_;                                           // of the last refresh, which is logged once
  crypto::Validity shown_;                                        // of the certificate of the files
  std::string outdated_;                                          // what was last logged of that
  TaskGroup keeping_;
  bool stopping_ = false;
};

}  // namespace boreal::server
