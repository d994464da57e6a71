// Byte streams over TCP, with or without TLS.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "net/loop.h"

namespace boreal::net {

// "127.0.0.1:5432", "[::1]:4566". The address is a literal: nothing here asks a name service.
struct Address {
  std::string host;
  uint16_t port = 0;
  std::string to_string() const;
  bool is_loopback() const;
  static Result<Address> parse(std::string_view text, uint16_t default_port = 0);
};

// One connection. Belongs to its loop; one read and one write may be under way at a time.
class Stream {
 public:
  virtual ~Stream() = default;
  // At least one byte, at most the buffer; 0 when the peer has ended its side.
  virtual Task<Result<size_t>> read_some(MutableBytes buffer) = 0;
  // All of the parts, in order, with as few system calls as they take.
  virtual Task<Result<void>> write(std::span<const Bytes> parts) = 0;
  Task<Result<void>> write(Bytes data);
  // A read or write under way when the deadline passes ends with Errc::timeout. Each call sets it anew; 0 takes it off.
  virtual void expire_after(Duration time) = 0;
  virtual void shutdown_write() = 0;  // tells the peer that no more comes
  virtual void close() = 0;           // ends reads and writes under way with Errc::cancelled
  virtual bool is_tls() const = 0;
  virtual Address peer() const = 0;
  virtual Address local() const = 0;
  virtual int fd() const = 0;
};

// Certificate and key a listener serves; made by crypto/x509.h.
class TlsServerContext {
 public:
  static Result<std::shared_ptr<TlsServerContext>> make(std::string_view certificate_chain_pem,
                                                        std::string_view key_pem);
  virtual ~TlsServerContext() = default;
};

// Accepts until stopped. With a TLS context, TLS and plain text are told apart on the same port by the
// client's first byte (0x16 is a TLS handshake record).
class Listener {
 public:
  struct Options {
    Address address;
    std::shared_ptr<TlsServerContext> tls;  // none: plain only. Shared: handshakes under way outlive a reload
    size_t max_connections = 4096;
    Duration handshake_timeout{10'000};
  };
  using Handler = std::function<Task<void>(std::unique_ptr<Stream>)>;

  static Result<std::unique_ptr<Listener>> open(Loop& loop, Options options, Handler handler);
  virtual ~Listener() = default;
  virtual Address address() const = 0;  // with the port that was given out, when 0 was asked for
  virtual size_t connections() const = 0;
  // Takes no more; returns when all handlers have ended, or after `grace`, when what is left is closed.
  virtual Task<void> stop(Duration grace) = 0;
};

struct ConnectOptions {
  std::string bind_host;  // the source address; empty: the system's choice
  Duration timeout{10'000};
};
Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, Address to, ConnectOptions options = {});

// Moves bytes both ways until both sides have ended or one failed; used by relays.
Task<void> relay(Stream& a, Stream& b);

}  // namespace boreal::net
