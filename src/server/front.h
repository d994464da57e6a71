// The front door: boreal's own addresses (/_boreal/…), all else goes to AWS's pipeline.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/sync.h"
#include "http/message.h"
#include "http/server.h"
#include "server/house.h"
#include "server/tls.h"

namespace boreal::server {

// Thread rule: the loop.
class Front {
 public:
  Front(const Config& config, net::Loop& loop, io::Pool& pool, SystemClock& clock, Random& random)
      : config_(config),
        loop_(loop),
        pool_(pool),
        clock_(clock),
        random_(random),
        tls_(config, loop, pool, clock, random),
        id_(random.hex(16)),
        operator_key_(random.hex(32)) {}

  // `listen`: see House::open. Who comes from then on waits until the house is open or will not be; who asks for its
  // health is told at once.
  Task<Result<void>> open(std::function<Result<void>()> listen = nullptr);
  // Whose requests these are: to be told before the first of them. Outlives what is under way.
  void serve_for(http::Server& server) { server_ = &server; }
  Task<http::Response> handle(http::Request& request);
  Task<void> stop();
  bool ready() const { return house_ != nullptr; }
  House& house() { return *house_; }
  ServerTls& tls() { return tls_; }              // open once this is
  const std::string& id() const { return id_; }  // of this process
  const std::string& operator_key() const { return operator_key_; }

 private:
  Task<Result<void>> open_house(std::function<Result<void>()> listen);
  bool is_of_this_machine(const net::Address& peer) const;
  Task<http::Response> own(http::Request& request);
  bool is_operator(const http::Request& request) const;
  bool may_see_metrics(const http::Request& request) const;
  Task<http::Response> metrics(const http::Request& request);
  Task<http::Response> reset(net::Address asker);
  Task<void> empty_house(net::Address asker);
  Task<http::Response> clock(std::string method, std::string query);
  Task<bool> settle();

  const Config& config_;
  net::Loop& loop_;
  io::Pool& pool_;
  SystemClock& clock_;
  Random& random_;
  ServerTls tls_;
  const std::string id_;
  const std::string operator_key_;
  const Time started_ = clock_.unmoved();
  std::string metrics_key_;  // empty: there is none
  http::Server* server_ = nullptr;
  std::unique_ptr<House> house_;  // null while it is being reset, and after a reset that failed
  bool is_starting_ = false;
  Event start_ended_;
  bool is_resetting_ = false;
  size_t in_house_ = 0;  // requests in the pipeline, and answers that are still read from
};

// A refusal before it is known what was asked: by the HTTP parser, or while the house is closed. In S3's words, whose
// clients read nothing else; those of the other protocols go by the status where the body is none of theirs.
http::Response plain_refusal(int status, std::string_view why);

}  // namespace boreal::server
