#include "server/run.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <optional>

#include "base/log.h"
#include "base/terminal.h"
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

// Where nobody reads any more (a terminal that was closed, a pipe) that is no reason to end otherwise than in order.
void say(std::FILE* to, std::string_view text) {
  [[maybe_unused]] const size_t written = std::fwrite(text.data(), 1, text.size(), to);
  std::fflush(to);
  std::clearerr(to);
}

// Takes all the open files that the system lets it have: shells give 1,024 at first. At most half are for clients, else
// whoever makes connections without end leaves none for the data.
size_t connections_for(size_t wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  const rlimit all{.rlim_cur = files.rlim_max, .rlim_max = files.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &all) == 0) files = all;
  return std::clamp<size_t>(files.rlim_cur / 2, 1, wanted);
}

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
    // A core would hold the root key and what it opens. What we start inherits this.
    constexpr rlimit none{.rlim_cur = 0, .rlim_max = 0};
    if (!config_.dev && setrlimit(RLIMIT_CORE, &none) != 0) log::warn("server", "a crash may leave keys in a core");
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
  // These arrive as bytes on a descriptor, so that ending is ordinary work of the loop. Children start with what we had
  // before (process/ sees to that). SIGHUP comes when the terminal is closed, whose end PostgreSQL's servers, in
  // sessions of their own, would outlive; nohup has it ignored, and it stays so.
  void block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    struct sigaction hangup{};
    sigaction(SIGHUP, nullptr, &hangup);
    if (hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal_fd_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  }

  Task<void> serve() {
    auto started = co_await start();
    if (!started) {
      if (config_.log_json) {
        log::error("server", "boreal cannot start", {{"why", started.error().message()}});
      } else {
        say(stderr, fmt::format("boreal: {}\n", started.error().message()));
      }
      if (root_key_) say(stdout, root_text());  // it is made, and no later start shows it
      exit_code_ = 1;
    } else {
      co_await manager_.tell(fmt::format("READY=1\nMAINPID={}\nSTATUS=Serving at {}", getpid(), describe().url));
      [[maybe_unused]] const auto signalled = co_await loop_.readable(signal_fd_, std::chrono::hours(24 * 365 * 10));
      if (config_.dev) say(stderr, "\nStopping …\n");
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

  // As soon as the data folder is ours: who finds the port taken has not begun to start PostgreSQL's servers. Requests
  // wait at the front door until the house is open.
  Result<void> listen() {
    http::Options options;
    options.listen.max_connections = connections_for(options.listen.max_connections);
    options.listen.address = {config_.listen_host, config_.port};
    options.listen.tls = front_.tls().context();
    options.listen.loops = connections_.loops();
    options.refusal = plain_refusal;
    options.clock = &clock_;
    auto opened = http::Server::open(loop_, std::move(options),
                                     [this](http::Request& request) { return http::cross(request, loop_, handle_); });
    if (!opened) {
      // Errc::unavailable: it is taken, or none of this machine's.
      const Errc code = opened.error().code();
      const std::string_view advice =
          code == Errc::unavailable ? " (if another boreal runs: try --port 0; else see listen_host)"
          : code == Errc::denied    ? " (ports below 1024 are for root: give another with --port)"
                                    : "";
      return std::unexpected(std::move(opened).error().within(
          fmt::format("cannot listen on {}:{}{}", config_.listen_host, config_.port, advice)));
    }
    server_ = std::move(*opened);
    front_.serve_for(*server_);
    return {};
  }

  Task<Result<void>> start() {
    co_await manager_.tell("STATUS=Opening " + config_.data_folder);
    CO_CHECK(co_await front_.open([this] { return listen(); }));
    root_key_ = front_.house().take_new_root_key();  // before who waits goes on: a reset takes the house
    front_.tls().start();
    const auto ready_ms = (monotonic_ns() - started_ns_) / 1'000'000;
    const RunInfo file = describe();
    CO_CHECK(co_await pool_.run([this, text = store::encode(file)]() -> Result<void> {
      if (!config_.dev)
        CHECK(io::write_file_atomically(in_folder(config_.data_folder, key_file), front_.operator_key()));
      return io::write_file_atomically(in_folder(config_.data_folder, run_file), text, 0644);
    }));
    banner(file, ready_ms);
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
  void banner(const RunInfo& file, int64_t ready_ms) {
    std::string text;
    const auto add = [&]<class... T>(fmt::format_string<T...> form, T&&... values) {
      fmt::format_to(std::back_inserter(text), form, std::forward<T>(values)...);
    };
    const bool colour = shows_colour(STDOUT_FILENO);
    add("{}boreal{} {}  ready in {} ms\n\n", colour ? "\x1b[1m" : "", colour ? "\x1b[0m" : "", version, ready_ms);
    const std::string certificate = config_.tls_certificate_file.empty()
                                        ? fmt::format("CA in {}/tls/ca.pem", file.data_folder)
                                        : "with " + config_.tls_certificate_file;
    add("  APIs      {}  (https on the same port, {})\n", file.url, certificate);
    add("  data      {}\n  keys      {}\n", file.data_folder, absolute(config_.keys()));
    add("  region    {}\n  process   {}\n\n", file.region, file.pid);
    if (config_.dev) {
      add("Paste into a shell, then use aws, terraform, psql as ever (or: eval \"$(boreal env)\"):\n\n");
      add("  export AWS_ENDPOINT_URL={}\n  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test\n", file.url);
      add("  export AWS_DEFAULT_REGION={}\n\n", file.region);
      add("Development mode: loopback only, well-known keys. IAM is enforced. Ctrl-C stops; the data stays.\n");
    }
    if (root_key_) text += root_text();
    say(stdout, text);
  }

  std::string root_text() const {
    return fmt::format(
        "The root of account {}, shown this once; keep it safe:\n\n"
        "  export AWS_ACCESS_KEY_ID={}\n  export AWS_SECRET_ACCESS_KEY={}\n\n",
        config_.account, root_key_->first, root_key_->second);
  }

  Config config_;
  int64_t started_ns_ = 0;
  int signal_fd_ = -1;
  int exit_code_ = 0;
  std::optional<std::pair<std::string, std::string>> root_key_;  // if this start made it
  net::Loop loop_;                                               // the house's
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
    return fail(
        Errc::not_found,
        fmt::format("no boreal runs over {} (no run.json in it). Start one with: boreal dev; one that runs over "
                    "another folder is named by --data DIR (BOREAL_DATA) or --url URL",
                    data_folder));
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
