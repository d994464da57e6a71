// Byte streams over TCP, with or without TLS.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  bool operator==(const Address&) const = default;
  static Result<Address> parse(std::string_view text, uint16_t default_port = 0);
};

// What both sides of a connection agreed on. Static text.
struct TlsSession {
  std::string_view version;  // "1.2", "1.3"
  std::string_view cipher;   // as OpenSSL names it: "TLS_AES_128_GCM_SHA256"
};

// One connection. Belongs to its loop; one read and one write may be under way at a time.
class Stream {
 public:
  virtual ~Stream() = default;
  // At least one byte, at most the buffer; 0 when the peer has ended its side. A read that must wait may do so until
  // `worth_waking` bytes have come, which must be no more than will come: waking for every packet of a long body costs
  // more than the bytes do. At the deadline it takes what is there.
  virtual Task<Result<size_t>> read_some(MutableBytes buffer, size_t worth_waking) = 0;
  Task<Result<size_t>> read_some(MutableBytes buffer) { return read_some(buffer, 1); }
  // Returns once a read would not wait. For who needs no buffer while a connection idles.
  virtual Task<Result<void>> readable() = 0;
  // All of the parts, in order, with as few system calls as they take. The array and its bytes must live until then.
  virtual Task<Result<void>> write(std::span<const Bytes> parts) = 0;
  Task<Result<void>> write(Bytes data);
  // A read or write that waits past the deadline ends with Errc::timeout. Each call sets it anew; 0 takes it off.
  virtual void expire_after(Duration time) = 0;
  virtual void shutdown_write() = 0;                  // tells the peer that no more comes
  virtual void close() = 0;                           // ends reads and writes under way with Errc::cancelled
  virtual std::optional<TlsSession> tls() const = 0;  // none: plain text
  virtual Address peer() const = 0;
  virtual Address local() const = 0;
  virtual int fd() const = 0;  // -1 once closed
};

// Certificate and key that a server shows (TLS 1.2 or newer). Shared: connections outlive a change of certificates.
class TlsServerContext {
 public:
  static Result<std::shared_ptr<TlsServerContext>> make(std::string_view certificate_chain_pem,
                                                        std::string_view key_pem);
  virtual ~TlsServerContext() = default;
  // Connections that begin from now on are shown these; after an error, the old ones still. Any thread.
  virtual Result<void> replace(std::string_view certificate_chain_pem, std::string_view key_pem) = 0;
};

// Whom a client trusts. The peer's certificate must be good for the name (or address) it is asked by.
class TlsClientContext {
 public:
  // Trusts the certificates in `ca_pem` and no others.
  static Result<std::shared_ptr<TlsClientContext>> make(std::string_view ca_pem);
  virtual ~TlsClientContext() = default;
};

// Begins TLS on a plain stream that came from a Listener or connect(), for protocols that ask for it in-band
// (PostgreSQL's SSLRequest). Nothing of the peer's handshake may have been read from the stream yet.
Task<Result<std::unique_ptr<Stream>>> accept_tls(std::unique_ptr<Stream> plain,
                                                 std::shared_ptr<TlsServerContext> context, Duration timeout);
Task<Result<std::unique_ptr<Stream>>> connect_tls(std::unique_ptr<Stream> plain,
                                                  std::shared_ptr<TlsClientContext> context, std::string server_name,
                                                  Duration timeout);

// Accepts until stopped. With a TLS context, TLS and plain text are told apart on the same port by the
// client's first byte (0x16 is a TLS handshake record). Must be stopped before it is destroyed.
class Listener {
 public:
  struct Options {
    Address address;
    std::shared_ptr<TlsServerContext> tls;  // none: plain only
    size_t max_connections = 4096;          // further ones wait in the system's backlog
    // Which loops serve connections, each in its turn; they run until the listener has stopped. None: its own.
    std::vector<Loop*> loops;
    Duration handshake_timeout{10'000};
  };
  // Called on the loop that the connection belongs to from then on.
  using Handler = std::function<Task<void>(std::unique_ptr<Stream>)>;

  static Result<std::unique_ptr<Listener>> open(Loop& loop, Options options, Handler handler);
  virtual ~Listener() = default;
  virtual Address address() const = 0;  // with the port that was given out, when 0 was asked for
  virtual size_t connections() const = 0;
  // Takes no more and waits for the handlers; what is left after `grace` is closed. Returns when all have ended.
  virtual Task<void> stop(Duration grace) = 0;
};

struct ConnectOptions {
  std::string bind_host;  // the source address; empty: the system's choice
  Duration timeout{10'000};
};
Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, Address to, ConnectOptions options = {});

// Moves bytes both ways until both sides have ended, passing on each side's end, or until one fails, when both are
// closed. Takes the streams' deadlines as they are. Holds no buffer while nothing moves. A client whose server has ended
// has `linger` to end too; 0: as long as it likes.
Task<void> relay(Stream& client, Stream& server, Duration linger = Duration(0));

}  // namespace boreal::net
