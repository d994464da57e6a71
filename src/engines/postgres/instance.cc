#include "postgres/instance.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>

#include "base/log.h"
#include "io/folder_handle.h"
#include "io/owner.h"
#include "postgres/detail/ending.h"
#include "postgres/detail/folder_processes.h"
#include "postgres/detail/last_words.h"
#include "postgres/detail/tool.h"

namespace boreal::postgres {

namespace {

constexpr Duration poll_interval{2};
constexpr Duration look_patience{3'000};

// What is set for clients does not hold for us. Above all not where names are looked for: a function or an operator of
// a user's that fits better than the built-in one would run with the admin's rights.
std::string admin_session(int major) {
  std::string options =
      "-c search_path=pg_catalog -c statement_timeout=0 -c lock_timeout=0 -c default_transaction_read_only=off";
  if (major >= 14) options += " -c idle_session_timeout=0";
  return options;
}

}  // namespace

// A server process that we watch.
struct Instance::Server {
  Server(process::Process p, Instance* o) : process(std::move(p)), owner(o) {}
  process::Process process;
  Instance* owner;  // null once nobody cares any more
  const int64_t since_ns = monotonic_ns();
  int64_t up_since_ns = 0;
  bool is_up() const { return up_since_ns != 0; }
  bool end_expected = false;
};

Instance::Instance(const Context& context, const Installation& installation, std::string name, io::Path folder,
                   ServerOptions options, LostHandler lost)
    : context_(context),
      installation_(installation),
      name_(std::move(name)),
      layout_{std::move(folder)},
      options_(std::move(options)),
      lost_(std::move(lost)) {}

Instance::~Instance() {
  if (server_) server_->owner = nullptr;
}

bool Instance::is_up() const { return server_ && server_->is_up(); }

Duration Instance::recovers_for() const {
  if (!server_ || server_->is_up()) return Duration(0);
  return Duration((monotonic_ns() - server_->since_ns) / 1'000'000);
}

Duration Instance::up_for() const {
  return is_up() ? Duration((monotonic_ns() - server_->up_since_ns) / 1'000'000) : Duration(0);
}

pid_t Instance::pid() const { return server_ ? server_->process.pid() : 0; }

Task<Result<void>> Instance::prepare_folders() {
  co_return co_await context_.pool.run([this]() -> Result<void> {
    // Servers of another user pass through here to what is theirs.
    CHECK(io::make_owned_folder(layout_.folder, ::geteuid(), ::getegid(), context_.user ? 0711 : 0700));
    if (context_.user) {
      CHECK(io::check_reachable(layout_.folder + "/data", context_.user->uid, context_.user->groups));
    }
    CHECK(io::make_owned_folder(layout_.configuration(), ::geteuid(), context_.gid(), context_.user ? 0750 : 0700));
    for (const auto& folder : {layout_.sockets(), layout_.logs(), layout_.logs() + "/error"}) {
      CHECK(make_server_folder(context_, folder));
    }
    return {};
  });
}

// One after the other: of two at once the older text could come last, and stay. A primary would wait for a standby that
// is gone.
Task<Result<void>> Instance::write_configuration() {
  const auto turn = co_await configuring_.lock();
  const ServerConfiguration configuration{layout_, options_, context_.admin, context_.peers, role_};
  co_return co_await context_.pool.run([&]() -> Result<void> {
    const io::Path folder = layout_.configuration();
    TRY(const auto server, server_conf(configuration));
    TRY(const auto hba, hba_conf(configuration));
    if (const auto& certificate = configuration.options.certificate) {
      CHECK(write_for_server(context_, folder + "/server.crt", certificate->chain_pem));
      CHECK(write_for_server(context_, folder + "/server.key", certificate->key_pem));
    }
    CHECK(write_for_server(context_, folder + "/pg_hba.conf", hba));
    CHECK(write_for_server(context_, folder + "/pg_ident.conf", ident_conf(configuration)));
    return write_for_server(context_, folder + "/server.conf", server);
  });
}

// standby.signal is what a server looks at when it starts. A primary's is not removed: see Cluster::start_primary().
Task<Result<void>> Instance::write_role() {
  co_return co_await context_.pool.run([this]() -> Result<void> {
    const io::Path data = layout_.data();
    CHECK(write_in_data(context_, data + "/postgresql.conf", data_folder_configuration));
    if (!role_.upstream) return {};
    TRY(const bool is_standby, io::exists(data + "/standby.signal"));
    if (!is_standby) {  // what was a primary: nobody reads its slots any more, and they would keep WAL for ever
      CHECK(io::remove_tree(data + "/pg_replslot"));
      CHECK(make_server_folder(context_, data + "/pg_replslot"));
    }
    return write_in_data(context_, data + "/standby.signal", "");
  });
}

Task<Result<void>> Instance::start(Duration patience) {
  CO_TRY(const bool runs, co_await adopt());
  if (runs) {
    CO_CHECK(co_await reconfigure());
    co_return co_await wait_until_up(Duration(0));
  }
  CO_CHECK(co_await prepare_folders());
  CO_CHECK(co_await write_configuration());
  CO_CHECK(co_await write_role());
  auto command = detail::command(context_, {installation_.program("postgres"), "-D", layout_.data()});
  command.output_file = layout_.output();
  auto process = co_await context_.pool.run([&] { return process::Process::spawn(command); });
  if (!process) co_return std::unexpected(std::move(process).error().within("start the server " + name_));
  watch(std::move(*process));
  server_->end_expected = true;  // while it is waited for, its end is our error and not a loss
  auto up = co_await wait_until_up(patience);
  if (up) co_return up;
  if (server_) server_->end_expected = false;
  if (!is_running()) {  // what it leaves would be in the way
    const auto killed = co_await kill();
    if (!killed) log::error("postgres", "a server that did not start could not be ended", {{"name", name_}});
  }
  co_return std::unexpected(std::move(up).error().within("start the server " + name_));
}

Task<Result<bool>> Instance::adopt() {
  if (server_) co_return true;
  const io::Path data = layout_.data();
  CO_TRY(const auto pid, co_await context_.pool.run([&data] { return detail::running_server(data); }));
  if (pid) {
    CO_TRY(const auto identity, process::Identity::of(*pid));
    CO_TRY(auto process, process::Process::adopt(identity));
    watch(std::move(process));
    CO_TRY(const bool ready, co_await context_.pool.run([&] { return detail::says_ready(data, *pid); }));
    if (server_ && ready) server_->up_since_ns = monotonic_ns();
    co_return true;
  }
  // Its first process is dead or has not come far, but others may still be there.
  CO_CHECK(co_await kill());
  co_return false;
}

// An error of the look itself says nothing of the server, which is looked at again.
Task<Result<bool>> Instance::look_up() {
  const auto server = server_;
  if (!server || server->is_up()) co_return is_up();
  const io::Path data = layout_.data();
  const pid_t pid = server->process.pid();
  CO_TRY(const bool ready, co_await context_.pool.run([&data, pid] { return detail::says_ready(data, pid); }));
  if (!ready || !co_await query("select 1", {}, look_patience)) co_return is_up();
  if (server_ == server) {
    server->up_since_ns = monotonic_ns();
    server->end_expected = false;
  }
  co_return is_up();
}

Task<Result<void>> Instance::wait_until_up(Duration patience) {
  const int64_t deadline_ns = monotonic_ns() + patience.count() * 1'000'000;
  for (;;) {
    const auto up = co_await look_up();
    if (up && *up) co_return Result<void>();
    if (!server_) {
      const auto said = co_await context_.pool.run([this] { return detail::last_words(layout_); });
      co_return fail(Errc::unavailable, "it ended: " + said);
    }
    if (monotonic_ns() >= deadline_ns) co_return fail(Errc::timeout, "it recovers, and does not answer yet");
    co_await context_.loop.sleep(poll_interval);
  }
}

Task<Result<void>> Instance::stop(StopMode mode, Duration timeout) {
  kept_.reset();
  if (server_) {
    server_->end_expected = true;
    // One that recovers has nothing to write out, and its recovery need not hear of a request soon.
    const bool fast = mode == StopMode::fast && server_->is_up();
    const auto sent = server_->process.signal(fast ? SIGINT : SIGQUIT);
    if (sent) {
      const auto gone = co_await wait_until_gone(timeout);
      if (!gone) log::warn("postgres", "the server did not stop in time and is killed", {{"name", name_}});
    }
  }
  co_return co_await kill();
}

Task<Result<void>> Instance::wait_until_gone(Duration timeout) {
  const int64_t deadline_ns = monotonic_ns() + timeout.count() * 1'000'000;
  while (server_) {
    if (monotonic_ns() > deadline_ns) co_return fail(Errc::timeout, "the server " + name_ + " did not end");
    co_await context_.loop.sleep(poll_interval);
  }
  co_return Result<void>();
}

Task<Result<void>> Instance::kill() {
  kept_.reset();
  if (server_) {
    server_->end_expected = true;
    (void)server_->process.signal(SIGKILL);  // first, so that it makes no new ones; it may have ended already
  }
  CO_CHECK(co_await detail::end_processes_in(context_, layout_.data()));
  co_return co_await wait_until_gone(std::chrono::seconds(10));
}

void Instance::watch(process::Process process) {
  server_ = std::make_shared<Server>(std::move(process), this);
  boreal::spawn(watch_exit(server_, context_.loop));
}

Task<void> Instance::watch_exit(std::shared_ptr<Server> server, net::Loop& loop) {
  for (;;) {
    const auto ended = co_await loop.readable(server->process.pidfd(), std::chrono::hours(1));
    if (ended) break;
    if (ended.error().code() != Errc::timeout) co_return;  // the loop stops
  }
  if (server->owner) server->owner->on_exit(*server);
}

void Instance::on_exit(const Server& server) {
  const bool expected = server.end_expected;
  if (!expected) {
    const auto exit = server.process.poll();
    log::warn("postgres", "server lost", {{"name", name_}, {"how", exit && *exit ? (*exit)->describe() : "unknown"}});
  }
  kept_.reset();
  server_.reset();
  if (!expected && lost_) lost_(*this);
}

Task<Result<void>> Instance::configure(ServerOptions options) {
  options_ = std::move(options);
  co_return co_await reconfigure();
}

Task<Result<void>> Instance::set_role(Role role) {
  role_ = std::move(role);
  co_return co_await reconfigure();
}

// What is not running gets its configuration when it starts.
Task<Result<void>> Instance::reconfigure() {
  if (!server_) co_return Result<void>();
  auto told = co_await write_configuration();
  if (told && server_) told = server_->process.signal(SIGHUP);
  changes_untold_ = !told;
  co_return told;
}

Task<Result<void>> Instance::catch_up_with_changes() {
  if (changes_untold_) co_return co_await reconfigure();
  co_return Result<void>();
}

Task<Result<void>> Instance::promote(Duration timeout) {
  // pg_promote can wait itself, but looks every 100 ms only.
  CO_CHECK(co_await query("select pg_promote(false)"));
  const int64_t deadline_ns = monotonic_ns() + timeout.count() * 1'000'000;
  while (monotonic_ns() < deadline_ns) {
    CO_TRY(const auto recovering, co_await query("select pg_is_in_recovery()"));
    if (recovering.scalar() == "f") co_return Result<void>();
    co_await context_.loop.sleep(Duration(1));
  }
  co_return fail(Errc::timeout, "the standby " + name_ + " did not become a primary in time");
}

Task<Result<std::unique_ptr<Connection>>> Instance::connect(std::string database) {
  const io::FolderHandle sockets(layout_.sockets());
  if (!sockets.is_open()) co_return fail(Errc::unavailable, "the server " + name_ + " has never been started");
  Connection::Parameters parameters = {{"host", sockets.short_name()},
                                       {"port", std::to_string(options_.listen.port)},
                                       {"user", context_.admin},
                                       {"dbname", std::move(database)},
                                       {"options", admin_session(installation_.major)},
                                       {"application_name", "service"}};
  co_return co_await Connection::open(context_.loop, std::move(parameters));
}

Task<Result<Rows>> Instance::query(std::string sql, std::vector<std::optional<std::string>> values, Duration timeout) {
  auto connection = kept_;
  if (!connection || !connection->is_open()) {
    const auto turn = co_await connecting_.lock();
    if (!kept_ || !kept_->is_open()) {
      CO_TRY(auto opened, co_await connect());
      kept_ = std::move(opened);
    }
    connection = kept_;
  }
  co_return co_await connection->query(std::move(sql), std::move(values), timeout);
}

Task<Result<void>> Instance::checkpoint(Duration timeout) {
  CO_TRY(auto connection, co_await connect());
  CO_CHECK(co_await connection->query("checkpoint", {}, timeout));
  co_return Result<void>();
}

Task<Result<std::vector<std::string>>> Instance::pending_restart() {
  CO_TRY(const auto rows, co_await query("select name from pg_settings where pending_restart order by name"));
  std::vector<std::string> names;
  for (const auto& row : rows.rows) names.push_back(row[0].value_or(""));
  co_return names;
}

}  // namespace boreal::postgres
