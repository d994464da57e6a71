// One connection of the server: request after request, in order.
#pragma once

#include <memory>
#include <string>

#include "http/detail/answer.h"
#include "http/detail/body.h"
#include "http/detail/counters.h"
#include "http/detail/input.h"
#include "http/parser.h"
#include "http/server.h"

namespace boreal::http::detail {

// What the connections of a server share; the server's.
struct Shared {
  Shared(Options given_options, Handler given_handler)
      : options(std::move(given_options)),
        handler(std::move(given_handler)),
        date(options.clock ? *options.clock : system_clock) {}
  const SystemClock system_clock;
  const Options options;
  const Handler handler;
  DateText date;
  bool stopping = false;
  Counters counters;
};

class Connection {
 public:
  Connection(Shared& shared, std::unique_ptr<net::Stream> stream);
  Task<void> run();
  // Ends it if it waits for a request of which nothing has come.
  void close_if_idle();
  // Ends it if it is at a request, unless its peer is `but`.
  void close_if_busy(const net::Address& but);

 private:
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
  bool busy_ = false;  // from a request's head to the end of its answer
  bool served_any_ = false;
};

}  // namespace boreal::http::detail
