#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <limits>
#include <mutex>

#include "net/detail/socket.h"
#include "net/stream.h"
#include "net/trust.h"

namespace boreal::net {

namespace {

template <auto free_function>
struct FreeWith {
  template <class T>
  void operator()(T* pointer) const {
    free_function(pointer);
  }
};
using ContextPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

constexpr size_t record_bytes = 16 << 10;  // the most a TLS record carries

std::string openssl_reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  char text[256];
  ERR_error_string_n(code, text, sizeof(text));
  return text;
}

BioPtr memory_bio(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(std::min<size_t>(text.size(), INT_MAX))));
}

std::vector<X509Ptr> read_certificates(std::string_view pem) {
  std::vector<X509Ptr> out;
  const auto bio = memory_bio(pem);
  while (X509Ptr certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    out.push_back(std::move(certificate));
  }
  ERR_clear_error();  // the last try found no further one
  return out;
}

ContextPtr make_context(const SSL_METHOD* method) {
  ContextPtr context(SSL_CTX_new(method));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // A write may go on from another copy of the same bytes; idle connections give their buffers back.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

Result<ContextPtr> make_server_context(std::string_view certificate_chain_pem, std::string_view key_pem) {
  const auto chain = read_certificates(certificate_chain_pem);
  if (chain.empty()) return fail(Errc::invalid, "the certificate file holds no PEM certificate");
  // The empty callback keeps OpenSSL from asking the terminal for a password.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  const auto bio = memory_bio(key_pem);
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key) return fail(Errc::invalid, fmt::format("the key file holds no unencrypted PEM key: {}", openssl_reason()));

  auto context = make_context(TLS_server_method());
  bool good = SSL_CTX_use_certificate(context.get(), chain[0].get()) == 1;
  for (size_t i = 1; good && i < chain.size(); ++i) good = SSL_CTX_add1_chain_cert(context.get(), chain[i].get()) == 1;
  if (!good) return fail(Errc::invalid, fmt::format("the certificate is not usable: {}", openssl_reason()));
  if (SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 || SSL_CTX_check_private_key(context.get()) != 1) {
    return fail(Errc::invalid, fmt::format("the key does not belong to the certificate: {}", openssl_reason()));
  }
  return context;
}

class ServerContext final : public TlsServerContext {
 public:
  explicit ServerContext(ContextPtr context) : context_(std::move(context)) {}
  Result<void> replace(std::string_view certificate_chain_pem, std::string_view key_pem) override {
    TRY(auto context, make_server_context(certificate_chain_pem, key_pem));
    const std::lock_guard lock(mutex_);
    std::swap(context_, context);
    return {};
  }
  // Holds the certificate that it begins with for as long as it lives.
  SslPtr begin() {
    const std::lock_guard lock(mutex_);
    return SslPtr(SSL_new(context_.get()));
  }

 private:
  std::mutex mutex_;
  ContextPtr context_;
};

class ClientContext final : public TlsClientContext {
 public:
  explicit ClientContext(ContextPtr context) : context_(std::move(context)) {}
  SSL_CTX* get() const { return context_.get(); }

 private:
  ContextPtr context_;
};

// OpenSSL works on the socket itself and tells when it has to wait.
class TlsStream final : public Stream {
 public:
  TlsStream(std::unique_ptr<detail::SocketStream> socket, SslPtr ssl)
      : socket_(std::move(socket)), ssl_(std::move(ssl)) {}
  ~TlsStream() override { close(); }

  Task<Result<void>> handshake();
  using Stream::read_some;
  // Records come as they come: what they are worth waking for is not told.
  Task<Result<size_t>> read_some(MutableBytes buffer, size_t worth_waking) override;
  Task<Result<void>> readable() override;
  Task<Result<void>> write(std::span<const Bytes> parts) override;
  void expire_after(Duration time) override { socket_->expire_after(time); }
  void shutdown_write() override;
  void close() override { socket_->close(); }
  std::optional<TlsSession> tls() const override {
    return TlsSession{.version = SSL_version(ssl_.get()) == TLS1_2_VERSION ? "1.2" : "1.3",
                      .cipher = SSL_get_cipher_name(ssl_.get())};
  }
  Address peer() const override { return socket_->peer(); }
  Address local() const override { return socket_->local(); }
  int fd() const override { return socket_->fd(); }

 private:
  Task<Result<void>> write_one(Bytes data);
  // After a call of OpenSSL's did not succeed: waits for what it needs, or says why it failed.
  Task<Result<void>> wait_for(int ssl_error, std::string_view what);

  std::unique_ptr<detail::SocketStream> socket_;
  SslPtr ssl_;
  bool failed_ = false;
};

Task<Result<void>> TlsStream::wait_for(int ssl_error, std::string_view what) {
  using detail::Direction;
  if (ssl_error == SSL_ERROR_WANT_READ || ssl_error == SSL_ERROR_WANT_WRITE) {
    const auto direction = ssl_error == SSL_ERROR_WANT_READ ? Direction::in : Direction::out;
    socket_->watch().exhausted(direction);
    co_return co_await socket_->wait(direction);
  }
  const int system_error = errno;
  failed_ = true;  // OpenSSL forbids further use
  if (ssl_error == SSL_ERROR_SYSCALL && system_error != 0) {
    co_return std::unexpected(Error::system(system_error, what));
  }
  co_return fail(Errc::io, fmt::format("{}: {}", what, openssl_reason()));
}

std::unexpected<Error> not_open() { return fail(Errc::cancelled, "the connection was closed here"); }

Task<Result<void>> TlsStream::handshake() {
  for (;;) {
    if (socket_->fd() < 0 || failed_) co_return not_open();
    ERR_clear_error();
    errno = 0;
    const int status = SSL_do_handshake(ssl_.get());
    if (status == 1) co_return Result<void>{};
    CO_CHECK(co_await wait_for(SSL_get_error(ssl_.get(), status), "TLS handshake"));
  }
}

Task<Result<size_t>> TlsStream::read_some(MutableBytes buffer, size_t /*worth_waking*/) {
  if (socket_->should_yield()) co_await socket_->watch().reactor().yield();
  for (;;) {
    if (socket_->fd() < 0 || failed_) co_return not_open();
    ERR_clear_error();
    errno = 0;
    size_t got = 0;
    const int status = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &got);
    if (status == 1) co_return got;
    const int error = SSL_get_error(ssl_.get(), status);
    if (error == SSL_ERROR_ZERO_RETURN) co_return size_t{0};
    CO_CHECK(co_await wait_for(error, "read from the TLS connection"));
  }
}

Task<Result<void>> TlsStream::readable() {
  for (;;) {
    if (socket_->fd() < 0 || failed_) co_return not_open();
    ERR_clear_error();
    errno = 0;
    char first = 0;
    size_t got = 0;
    const int status = SSL_peek_ex(ssl_.get(), &first, 1, &got);
    if (status == 1) co_return Result<void>{};
    const int error = SSL_get_error(ssl_.get(), status);
    if (error == SSL_ERROR_ZERO_RETURN) co_return Result<void>{};
    CO_CHECK(co_await wait_for(error, "read from the TLS connection"));
  }
}

Task<Result<void>> TlsStream::write_one(Bytes data) {
  while (!data.empty()) {
    if (socket_->fd() < 0 || failed_) co_return not_open();
    ERR_clear_error();
    errno = 0;
    size_t written = 0;
    const int status = SSL_write_ex(ssl_.get(), data.data(), data.size(), &written);
    if (status == 1) {
      data = data.subspan(written);
    } else {
      CO_CHECK(co_await wait_for(SSL_get_error(ssl_.get(), status), "write to the TLS connection"));
    }
  }
  co_return Result<void>{};
}

Task<Result<void>> TlsStream::write(std::span<const Bytes> parts) {
  if (socket_->should_yield()) co_await socket_->watch().reactor().yield();
  size_t total = 0;
  for (const Bytes part : parts) total += part.size();
  if (parts.size() > 1 && total <= record_bytes) {
    std::string joined;  // one record, one packet
    joined.reserve(total);
    for (const Bytes part : parts) joined += as_text(part);
    co_return co_await write_one(as_bytes(joined));
  }
  for (const Bytes part : parts) CO_CHECK(co_await write_one(part));
  co_return Result<void>{};
}

void TlsStream::shutdown_write() {
  if (socket_->fd() < 0) return;
  if (!failed_ && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());  // says that no more comes; a full socket buffer loses only this politeness
  }
  socket_->shutdown_write();
}

// Takes the socket out of a plain stream of ours.
Result<std::unique_ptr<detail::SocketStream>> socket_of(std::unique_ptr<Stream> plain) {
  auto* socket = dynamic_cast<detail::SocketStream*>(plain.get());
  if (!socket) return fail(Errc::invalid, "TLS begins on a plain connection only");
  plain.release();
  return std::unique_ptr<detail::SocketStream>(socket);
}

Task<Result<std::unique_ptr<Stream>>> begin(std::unique_ptr<detail::SocketStream> socket, SslPtr ssl,
                                            Duration timeout) {
  if (SSL_set_fd(ssl.get(), socket->fd()) != 1) co_return fail(Errc::internal, openssl_reason());
  auto stream = std::make_unique<TlsStream>(std::move(socket), std::move(ssl));
  stream->expire_after(timeout);
  CO_CHECK(co_await stream->handshake());
  stream->expire_after(Duration(0));
  co_return stream;
}

}  // namespace

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::make(std::string_view certificate_chain_pem,
                                                                 std::string_view key_pem) {
  TRY(auto context, make_server_context(certificate_chain_pem, key_pem));
  return std::make_shared<ServerContext>(std::move(context));
}

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::make(std::string_view ca_pem) {
  const auto trusted = read_certificates(ca_pem);
  if (trusted.empty()) return fail(Errc::invalid, "the CA file holds no PEM certificate");
  auto context = make_context(TLS_client_method());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  X509_STORE* store = SSL_CTX_get_cert_store(context.get());
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);  // an intermediate may be what one trusts
  for (const auto& certificate : trusted) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return fail(Errc::invalid, openssl_reason());
  }
  return std::make_shared<ClientContext>(std::move(context));
}

Result<std::shared_ptr<TlsClientContext>> trust_system() {
  auto context = make_context(TLS_client_method());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_set_default_verify_paths(context.get()) != 1) return fail(Errc::invalid, openssl_reason());
  return std::make_shared<ClientContext>(std::move(context));
}

Task<Result<std::unique_ptr<Stream>>> accept_tls(std::unique_ptr<Stream> plain,
                                                 std::shared_ptr<TlsServerContext> context, Duration timeout) {
  CO_TRY(auto socket, socket_of(std::move(plain)));
  SslPtr ssl = static_cast<ServerContext&>(*context).begin();
  if (!ssl) co_return fail(Errc::internal, openssl_reason());
  SSL_set_accept_state(ssl.get());
  co_return co_await begin(std::move(socket), std::move(ssl), timeout);
}

Task<Result<std::unique_ptr<Stream>>> connect_tls(std::unique_ptr<Stream> plain,
                                                  std::shared_ptr<TlsClientContext> context, std::string server_name,
                                                  Duration timeout) {
  CO_TRY(auto socket, socket_of(std::move(plain)));
  SslPtr ssl(SSL_new(static_cast<ClientContext&>(*context).get()));
  if (!ssl) co_return fail(Errc::internal, openssl_reason());
  SSL_set_connect_state(ssl.get());
  bool named = true;
  if (detail::SocketAddress::from({.host = server_name})) {
    named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), server_name.c_str()) == 1;
  } else {
    named = SSL_set1_host(ssl.get(), server_name.c_str()) == 1 &&
            SSL_set_tlsext_host_name(ssl.get(), server_name.c_str()) == 1;
  }
  if (!named || server_name.empty()) co_return fail(Errc::invalid, fmt::format("'{}' is no server name", server_name));
  co_return co_await begin(std::move(socket), std::move(ssl), timeout);
}

}  // namespace boreal::net
