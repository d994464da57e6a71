#include "server/run.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "base/log.h"
#include "http/crossing.h"
#include "http/server.h"
#include "io/pool.h"
#include "net/loop.h"
#include "net/loop_threads.h"
#include "server/front.h"
#include "server/service_manager.h"
#include "server/version.h"
#include "store/record.h"

namespace boreal::server {

std::string host_for_url(const std::string& listen_host) {
  if (listen_host == "0.0.0.0") return "127.0.0.1";
  if (listen_host == "::") return "[::1]";
  return listen_host.find(':') == std::string::npos ? listen_host : "[" + listen_host + "]";
}

namespace {

constexpr std::string_view run_file = "run.json";
constexpr std::string_view key_file = "run.key";
std::string in_folder(const std::string& folder, std::string_view name) { return fmt::format("{}/{}", folder, name); }

// Everything of one server process. Lives on the main thread's stack while the loop runs.
class Process {
 public:
  explicit Process(const Config& config)
      : config_(config),
        connections_(config.connection_threads),
        pool_(config.pool_threads),
        manager_(ServiceManager::socket_of_environment(), pool_),
        front_(config_, loop_, pool_, clock_, random_) {}

  int run() {
    started_ns_ = monotonic_ns();
    block_signals();
    pool_.start();
    connections_.start();
    loop_.post([this] { spawn(serve()); });  // on the loop from its first step: what it awaits comes back there
    loop_.run();
    connections_.stop();
    pool_.stop();
    if (signal_fd_ >= 0) close(signal_fd_);
    return exit_code_;
  }

 private:
  // SIGINT and SIGTERM arrive as bytes on a descriptor, so that ending is ordinary work of the loop. Children start
  // with what we had before (process/ sees to that).
  void block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal_fd_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  }

  Task<void> serve() {
    auto started = co_await start();
    if (!started) {
      fmt::print(stderr, "boreal: {}\n", started.error().message());
      exit_code_ = 1;
    } else {
      co_await manager_.tell(fmt::format("READY=1\nMAINPID={}\nSTATUS=Serving at {}", getpid(), describe().url));
      [[maybe_unused]] const auto signalled = co_await loop_.readable(signal_fd_, std::chrono::hours(24 * 365 * 10));
      if (config_.dev) fmt::print(stderr, "\nStopping …\n");
    }
    co_await manager_.tell("STOPPING=1\nSTATUS=Ending PostgreSQL's servers");
    if (server_) co_await server_->stop(Duration(5000));
    co_await front_.tls().stop();
    co_await front_.stop();
    if (started) {
      for (const std::string_view name : {run_file, key_file}) {
        [[maybe_unused]] const auto removed = io::remove_file(in_folder(config_.data_folder, name));
      }
    }
    loop_.stop();
  }

  Task<Result<void>> start() {
    co_await manager_.tell("STATUS=Opening " + config_.data_folder);
    CO_CHECK(co_await front_.open());
    const auto root_key = front_.house().take_new_root_key();  // a reset may take the house as soon as we listen
    http::Options options;
    options.listen.address = {config_.listen_host, config_.port};
    options.listen.tls = front_.tls().context();
    options.listen.loops = connections_.loops();
    options.refusal = plain_refusal;
    options.clock = &clock_;
    auto opened = http::Server::open(loop_, std::move(options),
                                     [this](http::Request& request) { return http::cross(request, loop_, handle_); });
    if (!opened) {
      co_return std::unexpected(std::move(opened).error().within(fmt::format(
          "cannot listen on {}:{} (is another boreal running? try --port 0)", config_.listen_host, config_.port)));
    }
    server_ = std::move(*opened);
    front_.serve_for(*server_);
    front_.tls().start();
    const auto ready_ms = (monotonic_ns() - started_ns_) / 1'000'000;
    const RunInfo file = describe();
    CO_CHECK(co_await pool_.run([this, text = store::encode(file)]() -> Result<void> {
      if (!config_.dev)
        CHECK(io::write_file_atomically(in_folder(config_.data_folder, key_file), front_.operator_key()));
      return io::write_file_atomically(in_folder(config_.data_folder, run_file), text, 0644);
    }));
    banner(file, ready_ms, root_key);
    co_return Result<void>();
  }

  RunInfo describe() {
    const uint16_t port = server_->address().port;
    return {.id = front_.id(),
            .pid = getpid(),
            .port = port,
            .url = fmt::format("http://{}:{}", host_for_url(config_.listen_host), port),
            .region = config_.region,
            .version = version,
            .data_folder = absolute(config_.data_folder),
            .dev = config_.dev,
            .started_ms = clock_.now().ms};
  }

  // To be read, and pasted, by people.
  void banner(const RunInfo& file, int64_t ready_ms, const std::optional<std::pair<std::string, std::string>>& root) {
    const bool colour = isatty(STDOUT_FILENO) == 1;
    const auto bold = [&](std::string_view text) {
      return colour ? fmt::format("\x1b[1m{}\x1b[0m", text) : std::string(text);
    };
    fmt::print("{} {}  ready in {} ms\n\n", bold("boreal"), version, ready_ms);
    const std::string certificate = config_.tls_certificate_file.empty()
                                        ? fmt::format("CA in {}/tls/ca.pem", file.data_folder)
                                        : "with " + config_.tls_certificate_file;
    fmt::print("  APIs      {}  (https on the same port, {})\n", file.url, certificate);
    fmt::print("  data      {}\n  keys      {}\n", file.data_folder, absolute(config_.keys()));
    fmt::print("  region    {}\n  process   {}\n\n", file.region, file.pid);
    if (config_.dev) {
      fmt::print("Paste into a shell, then use aws, terraform, psql as ever (or: eval \"$(boreal env)\"):\n\n");
      fmt::print("  export AWS_ENDPOINT_URL={}\n  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test\n",
                 file.url);
      fmt::print("  export AWS_DEFAULT_REGION={}\n\n", file.region);
      fmt::print("Development mode: loopback only, well-known keys. IAM is enforced. Ctrl-C stops; the data stays.\n");
    }
    if (root) {
      fmt::print("The root of account {}, shown this once; keep it safe:\n\n", config_.account);
      fmt::print("  export AWS_ACCESS_KEY_ID={}\n  export AWS_SECRET_ACCESS_KEY={}\n\n", root->first, root->second);
    }
    std::fflush(stdout);
  }

  Config config_;
  int64_t started_ns_ = 0;
  int signal_fd_ = -1;
  int exit_code_ = 0;
  net::Loop loop_;  // the house's
  net::LoopThreads connections_;
  io::Pool pool_;
  SystemClock clock_;
  SystemRandom random_;
  ServiceManager manager_;
  Front front_;
  const http::Handler handle_ = [this](http::Request& request) { return front_.handle(request); };
  std::unique_ptr<http::Server> server_;
};

}  // namespace

int run(const Config& config) {
  if (auto valid = config.validate(); !valid) {
    fmt::print(stderr, "boreal: {}\n", valid.error().message());
    return 2;
  }
  static const std::map<std::string, log::Level> levels = {{"debug", log::Level::debug},
                                                           {"info", log::Level::info},
                                                           {"warn", log::Level::warn},
                                                           {"error", log::Level::error}};
  log::set_level(levels.at(config.log_level));
  log::set_json(config.log_json);
  return Process(config).run();
}

Result<RunInfo> read_run_info(const std::string& data_folder) {
  const std::string path = in_folder(data_folder, run_file);
  auto text = io::read_file(path, 1 << 16);
  if (!text && text.error().code() == Errc::not_found) {
    return fail(Errc::not_found,
                fmt::format("no boreal runs over {} (no run.json in it); start one with: boreal dev", data_folder));
  }
  if (!text) return std::unexpected(std::move(text).error());
  auto info = store::decode<RunInfo>(*text);
  if (!info) return std::unexpected(std::move(info).error().within(path));
  return info;
}

Result<std::string> read_operator_key(const std::string& data_folder) {
  return io::read_file(in_folder(data_folder, key_file), 1 << 10);
}

}  // namespace boreal::server
