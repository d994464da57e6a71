// One connection of the server: request after request, in order.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <string>

#include "http/detail/answer.h"
#include "http/detail/body.h"
#include "http/detail/counters.h"
#include "http/detail/input.h"
#include "http/parser.h"
#include "http/server.h"

namespace boreal::http::detail {

class Connection;

// How many connections all loops of a server have.
struct Crowd {
  const size_t bound;  // from so many on those that wait for their clients make way
  std::atomic<size_t> count = 0;
  bool is_full() const { return count.load(std::memory_order_relaxed) >= bound; }
  // How many would have to go for it not to be full.
  size_t excess() const {
    const size_t now = count.load(std::memory_order_relaxed);
    return now < bound ? 0 : now - bound + 1;
  }
};

// What the connections of one loop share; the server's.
struct Shared {
  Shared(Options given_options, Handler given_handler, const Crowd& its_crowd)
      : options(std::move(given_options)),
        handler(std::move(given_handler)),
        date(options.clock ? *options.clock : system_clock),
        crowd(its_crowd) {}
  // Ends the connection that has waited longest, or else one whose client does not go on; false: there is none.
  bool make_place();
  // The latter alone.
  bool end_stuck();
  // A place is wanted, and no other connection here could give its own.
  bool wants_place() const { return waiting.empty() && crowd.is_full(); }
  const SystemClock system_clock;
  const Options options;
  const Handler handler;
  DateText date;
  bool stopping = false;
  Counters counters;
  const Crowd& crowd;
  std::list<Connection*> waiting;  // for a request's head, or for their clients to take note of the end; by their times
  std::list<Connection*> busy;     // from a request's head to the end of its answer, but for those of the next
  std::list<Connection*> at_client;  // that wait for their clients to go on; by the times since when
};

class Connection {
 public:
  Connection(Shared& shared, std::unique_ptr<net::Stream> stream);
  Connection(const Connection&) = delete;
  ~Connection() { shared_.waiting.erase(place_); }
  Task<void> run();
  bool is_open() const { return stream_->fd() >= 0; }
  // The client has not taken a piece of its answer for long, or not sent the little that its request is to bring.
  bool is_stuck() const;
  void close() { stream_->close(); }
  // Ends it if it waits for a request of which nothing has come.
  void close_if_idle();
  const net::Address& peer() const { return request_.peer; }

 private:
  class UnderWay;
  class AtClient;
  class SmallBody;
  // The length of the next head in the input; 0 when the connection is to end.
  Task<size_t> read_head();
  Task<Response> handle();
  void make_request();
  Task<bool> serve_one();
  Task<void> refuse(Refusal refusal);
  Response refusal_answer(int status, std::string_view why) const;
  void write_head(const Response& response, Framing framing);  // to out_
  // All of these return false when writing failed. send() also settles keep_alive_.
  Task<bool> send(Response response, bool keep_alive);
  Task<bool> send_text(std::string_view body);
  Task<bool> send_stream(Source& source, Framing framing, MutableBytes buffer, Bytes first);
  Task<bool> write(std::span<const Bytes> parts);
  Task<void> linger();

  Shared& shared_;
  std::unique_ptr<net::Stream> stream_;
  Input input_;
  Body body_;
  HeadScanner scanner_;
  RequestHead head_;
  Request request_;
  std::string out_;  // the head of the answer
  bool keep_alive_ = true;
  bool idle_ = false;
  bool served_any_ = false;
  bool is_under_way_ = false;
  int64_t at_client_since_ns_ = 0;
  const std::list<Connection*>::iterator place_;
};

}  // namespace boreal::http::detail
