#include "http/server.h"

#include <algorithm>
#include <vector>

#include "base/resume_on.h"
#include "base/sync.h"
#include "http/detail/connection.h"

namespace boreal::http {

namespace {

// Of the places for connections, those that are kept for handshakes: in them nobody can tell yet who is worth it.
size_t places_for_handshakes(size_t all) { return all / 8; }

constexpr Duration pause_between_looks{250};

class ServerImpl final : public Server {
 public:
  ServerImpl(net::Loop& loop, Options options, Handler handler)
      : loop_(loop),
        listen_(std::move(options.listen)),
        crowd_{.bound = listen_.max_connections - places_for_handshakes(listen_.max_connections)} {
    if (listen_.loops.empty()) listen_.loops.push_back(&loop);
    for (net::Loop* one : listen_.loops) lanes_.push_back(std::make_unique<Lane>(*one, options, handler, crowd_));
  }

  Result<void> start() {
    TRY(listener_, net::Listener::open(loop_, listen_, [this](std::unique_ptr<net::Stream> stream) {
          return serve(std::move(stream));
        }));
    return {};
  }
  net::Address address() const override { return listener_->address(); }
  Figures figures() const override {
    Figures all;
    all.connections = listener_->connections();
    for (const auto& lane : lanes_) {
      const detail::Counters& one = lane->shared.counters;
      all.requests_under_way += one.under_way.get();
      for (size_t i = 0; i < all.answers.size(); ++i) all.answers[i] += one.answers[i].get();
      all.bytes_received += one.bytes_received.get();
      all.bytes_sent += one.bytes_sent.get();
    }
    return all;
  }

  Task<void> cut(net::Address but) override {
    for (const auto& lane : lanes_) {
      co_await resume_on(lane->loop);
      for (const auto* list : {&lane->shared.busy, &lane->shared.at_client}) {
        for (auto* connection : *list) {
          if (connection->peer() != but) connection->close();
        }
      }
    }
    co_await resume_on(loop_);
  }

  Task<void> stop(Duration grace) override {
    for (const auto& lane : lanes_) {
      co_await resume_on(lane->loop);
      lane->shared.stopping = true;
      for (auto* connection : lane->shared.waiting) connection->close_if_idle();
    }
    co_await resume_on(loop_);
    co_await listener_->stop(grace);
    for (const auto& lane : lanes_) {
      co_await resume_on(lane->loop);
      co_await lane->making_places.wait();
    }
    co_await resume_on(loop_);
  }

 private:
  // What the connections of one loop share; used on its thread only.
  struct Lane {
    Lane(net::Loop& its_loop, const Options& options, const Handler& handler, const detail::Crowd& crowd)
        : loop(its_loop), shared(options, handler, crowd) {}
    net::Loop& loop;
    detail::Shared shared;
    TaskGroup making_places;  // at most one
  };

  Lane& lane_of_this_thread() {
    return **std::ranges::find_if(lanes_, [](const auto& lane) { return &lane->loop == Executor::current(); });
  }

  Task<void> serve(std::unique_ptr<net::Stream> stream) {
    Lane& lane = lane_of_this_thread();
    ++crowd_.count;
    if (crowd_.is_full() && !co_await make_place(lane) && lane.making_places.running() == 0) {
      lane.making_places.spawn(make_places_later(lane));
    }
    {
      detail::Connection connection(lane.shared, std::move(stream));
      co_await connection.run();
    }
    --crowd_.count;
  }

  // Who comes last has one of the last places: who waits longest makes one for the next, else connections that ask for
  // nothing would keep all others out.
  Task<bool> make_place(Lane& lane) {
    if (lane.shared.make_place()) co_return true;
    for (const auto& other : lanes_) {
      if (other.get() == &lane) continue;
      co_await resume_on(other->loop);
      const bool is_made = other->shared.make_place();
      co_await resume_on(lane.loop);
      if (is_made) co_return true;
    }
    co_return false;
  }

  // Those who are at something may be stuck by and by; and where all places are taken nobody comes to ask for one.
  Task<void> make_places_later(Lane& lane) {
    while (crowd_.is_full() && !lane.shared.stopping) {
      co_await lane.loop.sleep(pause_between_looks);
      for (size_t wanted = crowd_.excess(); wanted > 0 && lane.shared.end_stuck(); --wanted) {
      }
    }
  }

  net::Loop& loop_;
  net::Listener::Options listen_;
  detail::Crowd crowd_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open(net::Loop& loop, Options options, Handler handler) {
  auto server = std::make_unique<ServerImpl>(loop, std::move(options), std::move(handler));
  CHECK(server->start());
  return server;
}

}  // namespace boreal::http
