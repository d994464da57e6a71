#include "postgres/cluster.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "io/owner.h"
#include "postgres/backup.h"
#include "postgres/detail/ending.h"

namespace boreal::postgres {

namespace {

constexpr size_t max_name_bytes = 63;

Result<void> check_name(const std::string& name) {
  const bool good = !name.empty() && name.size() <= max_name_bytes && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (good) return {};
  return fail(Errc::invalid, fmt::format("'{}' is no name of a server: a-z, 0-9, - and _, at most 63", name));
}

// Its recovery takes long, and goes on.
bool recovers(const Instance& server) { return server.is_running() && !server.is_up(); }

Error no_server(const std::string& name) { return {Errc::not_found, fmt::format("there is no server '{}'", name)}; }

}  // namespace

Task<Result<void>> end_servers_below(const Context& context, io::Path folder) {
  co_return co_await detail::end_processes_below(context, std::move(folder));
}

Cluster::Cluster(const Context& context, const Installation& installation, io::Path folder, Handlers handlers)
    : context_(context), installation_(installation), folder_(std::move(folder)), handlers_(std::move(handlers)) {}

Cluster::~Cluster() = default;

Instance* Cluster::find(const std::string& name) {
  const auto found = servers_.find(name);
  return found == servers_.end() ? nullptr : found->second.get();
}

std::shared_ptr<Instance> Cluster::share(const std::string& name) const {
  const auto found = servers_.find(name);
  return found == servers_.end() ? nullptr : found->second;
}

std::vector<std::string> Cluster::names() const {
  std::vector<std::string> names;
  for (const auto& [name, server] : servers_) names.push_back(name);
  return names;
}

bool Cluster::takes_writes() const {
  const auto server = share(state_.primary);
  return server && server->is_up() && !promoting_;
}

Instance& Cluster::add(const std::string& name, ServerOptions options) {
  auto server = std::make_shared<Instance>(context_, installation_, name, server_folder(name), std::move(options),
                                           [this](Instance& lost) { on_lost(lost); });
  return *(servers_[name] = std::move(server));
}

Role Cluster::role_of(const Instance& server) {
  const Instance* source = primary();
  if (!source) return {};
  if (source == &server) return {.synchronous = {state_.safe.begin(), state_.safe.end()}};
  return {.upstream = Upstream{source->layout().sockets(), source->options().listen.port, server.name()},
          .at_least = minimums_};
}

Task<Result<void>> Cluster::make_folders() {
  co_return co_await context_.pool.run([this]() -> Result<void> {
    // Servers of another user pass through.
    const unsigned mode = context_.user ? 0711 : 0700;
    CHECK(io::make_owned_folder(folder_, ::geteuid(), ::getegid(), mode));
    return io::make_owned_folder(folder_ + "/servers", ::geteuid(), ::getegid(), mode);
  });
}

Task<Result<void>> Cluster::save(ClusterState state) {
  const std::string text = state.to_text();
  CO_CHECK(co_await context_.pool.run([&] { return io::write_file_atomically(folder_ + "/state", text); }));
  state_ = std::move(state);
  co_return Result<void>();
}

Task<Result<void>> Cluster::open(std::map<std::string, ServerOptions> members,
                                 std::map<std::string, ServerOptions> begun) {
  CO_CHECK(co_await make_folders());
  auto text = co_await context_.pool.run([this] { return io::read_file(folder_ + "/state", 1 << 20); });
  if (text) {
    CO_TRY(state_, ClusterState::parse(*text));
    commits_wait_ = !state_.safe.empty();  // or none would be
  } else if (text.error().code() != Errc::not_found) {
    co_return std::unexpected(std::move(text).error());
  }
  // A standby that took over before anybody had written down that it is there: all that the others have is of it.
  if (!members.empty()) members.insert(begun.extract(state_.primary));
  for (auto& [name, options] : members) {
    CO_CHECK(check_name(name));
    add(name, std::move(options));
  }
  for (auto& [name, server] : servers_) {
    const auto adopted = co_await server->adopt();
    if (!adopted) co_return std::unexpected(adopted.error());
    // A role that changed just before we ended may not have reached it.
    CO_CHECK(co_await server->set_role(role_of(*server)));
  }
  promoting_ = true;
  CO_CHECK(co_await finish_promotion());
  tasks_.spawn(watch());
  co_return Result<void>();
}

Task<void> Cluster::close() {
  closing_ = true;
  co_await tasks_.wait();
}

void Cluster::interrupt() {
  copying_.stop();
  for (auto& [name, making] : making_) making.stop();
}

void Cluster::give_up(const std::string& name) {
  if (const auto found = making_.find(name); found != making_.end()) found->second.stop();
}

Task<Result<void>> Cluster::destroy() {
  closing_ = true;
  interrupt();
  while (!making_.empty()) co_await context_.loop.sleep(Duration(10));
  const auto member_turn = co_await membership_.lock();
  const auto role_turn = co_await roles_.lock();
  for (auto& [name, server] : servers_) CO_CHECK(co_await server->kill());
  servers_.clear();
  standbys_.clear();
  state_ = {};
  CO_CHECK(co_await end_servers_below(context_, folder_));
  co_return co_await context_.pool.run([this] { return io::remove_tree(folder_); });
}

// Back into the volume, from a server that took it and is not to run on it: one that never came up, or that a crash
// ended before it could be removed.
Task<Result<void>> Cluster::take_back_data(std::string name) {
  const io::Path data = server_folder(name) + "/data";
  CO_CHECK(co_await detail::end_processes_in(context_, data));
  co_return co_await context_.pool.run([&]() -> Result<void> {
    TRY(const bool there, io::exists(data));
    return there ? io::rename(data, volume()) : Result<void>();
  });
}

Task<Result<void>> Cluster::take_first_data(WarmPool& pool, io::Path data) {
  CO_TRY(const bool done, co_await context_.pool.run([&] { return io::exists(data + "/PG_VERSION"); }));
  if (done) co_return Result<void>();  // an earlier try got this far
  CO_TRY(const bool kept, co_await context_.pool.run([&] { return io::exists(volume()); }));
  if (kept) co_return co_await context_.pool.run([&] { return io::rename(volume(), data); });
  CO_CHECK(co_await context_.pool.run([&] { return io::remove_tree(twin()); }));
  co_return co_await pool.take(data, twin());
}

Task<Result<void>> Cluster::create(WarmPool& pool, std::string name, ServerOptions options) {
  const auto turn = co_await membership_.lock();
  CO_CHECK(check_name(name));
  if (!servers_.empty()) co_return fail(Errc::conflict, "the cluster has a primary already");
  if (const std::string before = state_.primary; before != name) {
    if (!before.empty()) CO_CHECK(co_await take_back_data(before));
    // A copy of an earlier day is there when we were killed while a standby of this name was made.
    CO_CHECK(co_await clear_folder_of(name));
  }
  // Before the data goes there: it is in the volume or where the state says, at any time.
  CO_CHECK(co_await save({.primary = name}));
  const auto& server = add(name, std::move(options));
  CO_CHECK(co_await servers_[name]->prepare_folders());
  CO_CHECK(co_await take_first_data(pool, server.layout().data()));
  co_return co_await start_first(name);
}

Task<Result<void>> Cluster::create_from(Source& backup, std::string name, ServerOptions options) {
  const auto turn = co_await membership_.lock();
  CO_CHECK(check_name(name));
  if (!servers_.empty()) co_return fail(Errc::conflict, "the cluster has a primary already");
  const io::Path data = add(name, std::move(options)).layout().data();
  CO_CHECK(co_await servers_[name]->prepare_folders());
  CO_CHECK(co_await context_.pool.run([&] { return io::remove_tree(data); }));  // what an earlier try left in halves
  if (auto restored = co_await restore_backup(context_, installation_, backup, data, &copying_); !restored) {
    servers_.erase(name);
    co_return restored;
  }
  // Of a copy that was taken from a standby; this is a cluster of its own.
  CO_CHECK(co_await context_.pool.run([&]() -> Result<void> {
    auto removed = io::remove_file(data + "/standby.signal");
    return removed || removed.error().code() == Errc::not_found ? Result<void>() : removed;
  }));
  CO_CHECK(co_await save({.primary = name}));
  co_return co_await start_first(name);
}

Task<Result<void>> Cluster::start_first(std::string name) {
  auto started = co_await start_server(*servers_[name]);
  if (!started) servers_.erase(name);
  changed();
  co_return started;
}

Task<Result<void>> Cluster::add_standby(std::string name, ServerOptions options) {
  auto turn = co_await membership_.lock();
  CO_CHECK(check_name(name));
  if (find(name)) co_return fail(Errc::exists, fmt::format("there is a server '{}' already", name));
  if (!primary() || !primary()->is_up()) {
    co_return fail(Errc::unavailable, "a standby is made from a running primary, and there is none");
  }
  auto& standby = add(name, std::move(options));
  auto ready = co_await prepare_standby(standby, turn);
  if (!ready) {
    const auto killed = co_await standby.kill();
    if (killed) (void)co_await context_.pool.run([&] { return io::remove_tree(standby.layout().folder); });
    const auto role_turn = co_await roles_.lock();  // a fail-over may be telling it of its new primary
    servers_.erase(name);
  }
  changed();
  co_return ready;
}

// Others have their turn meanwhile. What was made of a primary that is none any more may be ahead of the new one.
Task<Result<void>> Cluster::make_data(const std::string& name, std::shared_ptr<Instance> source,
                                      Semaphore::Permit& turn, MakeData make) {
  if (closing_ || copying_.stopped()) co_return fail(Errc::cancelled, "no server is copied any more");
  auto& making = making_.try_emplace(name, Background::Priority::normal).first->second;
  turn.release();
  auto made = co_await make(making);
  turn = co_await membership_.lock();
  making_.erase(name);
  if (made && (closing_ || primary() != source.get())) {
    co_return fail(Errc::conflict, fmt::format("the primary changed while {} was made: make it again", name));
  }
  co_return made;
}

// One that is there, and not being made.
Result<Instance*> Cluster::free_server(const std::string& name) {
  auto* server = find(name);
  if (!server) return std::unexpected(no_server(name));
  if (making_.contains(name)) return fail(Errc::conflict, fmt::format("the data of {} is being made", name));
  return server;
}

Task<Result<void>> Cluster::prepare_standby(Instance& standby, Semaphore::Permit& turn) {
  // What an earlier try left.
  CO_CHECK(co_await standby.kill());
  CO_CHECK(co_await context_.pool.run([&] { return io::remove_tree(standby.layout().folder); }));
  CO_CHECK(co_await standby.prepare_folders());
  CO_TRY(const bool running, co_await use_twin(standby));
  if (running) co_return Result<void>();
  const io::Path data = standby.layout().data();
  CO_CHECK(co_await context_.pool.run([&] { return io::remove_tree(data); }));
  const auto source = share(state_.primary);
  if (!source) co_return fail(Errc::unavailable, "the primary is gone");
  CO_CHECK(co_await make_data(standby.name(), source, turn, [&](Background& making) {
    return clone_server(context_, installation_, *source, data, &making);
  }));
  co_return co_await start_server(standby);
}

// Whether the primary still has the WAL that follows on this copy of its beginnings.
Task<Result<bool>> Cluster::primary_has_wal_of(io::Path standby_data) {
  const io::Path wal = primary()->layout().data() + "/pg_wal/";
  co_return co_await context_.pool.run([&]() -> Result<bool> {
    TRY(const auto files, io::list_folder(standby_data + "/pg_wal"));
    constexpr size_t segment_name_length = 24;
    const auto first = std::ranges::find(files, segment_name_length, &std::string::size);
    if (first == files.end()) return false;
    return io::exists(wal + *first);
  });
}

Task<Result<bool>> Cluster::use_twin(Instance& standby) {
  CO_TRY(const bool there, co_await context_.pool.run([this] { return io::exists(twin()); }));
  if (!there) co_return false;
  CO_TRY(const bool usable, co_await primary_has_wal_of(twin()));
  const io::Path data = standby.layout().data();
  if (!usable) {
    CO_CHECK(co_await context_.pool.run([this] { return io::remove_tree(twin()); }));
    co_return false;
  }
  CO_CHECK(co_await context_.pool.run([&] { return io::rename(twin(), data); }));
  CO_CHECK(co_await start_server(standby));
  CO_TRY(const bool good, co_await streams(standby.name(), Duration(10'000)));
  if (!good) CO_CHECK(co_await standby.kill());  // the WAL was recycled in between
  co_return good;
}

Task<Result<bool>> Cluster::streams(const std::string& name, Duration timeout) {
  const int64_t deadline_ns = monotonic_ns() + timeout.count() * 1'000'000;
  while (monotonic_ns() < deadline_ns) {
    if (!primary()) co_return fail(Errc::unavailable, "the primary is gone");
    CO_TRY(const auto rows,
           co_await primary()->query(
               "select count(*) from pg_stat_replication where application_name = $1 and state = 'streaming'", {name}));
    if (rows.scalar() != "0") co_return true;
    co_await context_.loop.sleep(Duration(10));
  }
  co_return false;
}

Task<Result<void>> Cluster::start_server(Instance& server) {
  if (is_primary(server.name())) {
    // A start that a fail-over overtakes would bring the old primary back: one of them waits.
    const auto turn = co_await roles_.lock();
    if (is_primary(server.name())) co_return co_await start_primary(server);
  }
  co_return co_await start_standby(server);
}

Task<Result<void>> Cluster::start_primary(Instance& server) {
  Role role = role_of(server);
  const io::Path signal = server.layout().data() + "/standby.signal";
  CO_TRY(const bool unpromoted, co_await context_.pool.run([&] { return io::exists(signal); }));
  if (unpromoted) {
    CO_TRY(role.at_least, co_await minimums_of(server));
  }
  CO_CHECK(co_await server.set_role(std::move(role)));
  // What waits is what was safe, from the server's first moment.
  if (!server.is_running()) commits_wait_ = !state_.safe.empty();
  promoting_ = true;
  if (auto up = co_await server.start(); !up) {
    co_return recovers(server) ? Result<void>() : up;  // watch() sees to the rest
  }
  // One that was to be promoted and ended before still is a standby by its files. Started otherwise it would go on in
  // the timeline of the old primary, whose last writes nobody could tell from its own any more.
  co_await try_to_promote();
  co_return Result<void>();
}

Task<Result<void>> Cluster::start_standby(Instance& server) {
  if (state_.diverged.contains(server.name())) {
    co_return fail(Errc::conflict,
                   fmt::format("{} was a primary and may have commits of its own: rejoin it", server.name()));
  }
  if (!primary()) {  // what was a primary last would start as one
    co_return fail(Errc::unavailable, fmt::format("{} has no primary to follow", server.name()));
  }
  const std::string followed = state_.primary;
  CO_CHECK(co_await ask_minimums());
  CO_CHECK(co_await server.set_role(role_of(server)));
  if (auto up = co_await server.start(); !up && !recovers(server)) co_return up;
  // The primary may have changed while it started.
  if (state_.primary != followed) CO_CHECK(co_await server.set_role(role_of(server)));
  co_return Result<void>();
}

Task<Result<void>> Cluster::wait_until_up(std::string name) {
  for (;;) {
    const auto server = share(name);
    if (!server || !server->is_running()) {
      co_return fail(Errc::unavailable, fmt::format("the server {} ended before it was up", name));
    }
    const auto up = co_await server->look_up();
    if (up && *up && (!is_primary(name) || takes_writes())) co_return Result<void>();
    if (closing_ || copying_.stopped()) co_return fail(Errc::cancelled, fmt::format("{} was not waited for", name));
    co_await context_.loop.sleep(Duration(10));
  }
}

// A primary that does not run keeps the values that were last seen.
Task<Result<void>> Cluster::ask_minimums() {
  auto* source = primary();
  if (!source || !source->is_up()) co_return Result<void>();
  CO_TRY(const auto rows,
         co_await source->query("select name, setting from pg_settings where name in ('max_connections', "
                                "'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions', "
                                "'max_locks_per_transaction')"));
  for (const auto& row : rows.rows) {
    const std::string value = row[1].value_or("0");
    std::from_chars(value.data(), value.data() + value.size(), minimums_[row[0].value_or("")]);
  }
  co_return Result<void>();
}

Task<Result<void>> Cluster::start(std::string name) {
  const auto turn = co_await membership_.lock();
  CO_TRY(auto* server, free_server(name));
  auto started = co_await start_server(*server);
  changed();
  co_return started;
}

Task<Result<void>> Cluster::stop(std::string name, StopMode mode) {
  const auto turn = co_await membership_.lock();
  CO_TRY(auto* server, free_server(name));
  if (!is_primary(name)) co_await drop_lost_standby(name);
  auto stopped = co_await server->stop(mode);
  changed();
  co_return stopped;
}

Task<Result<void>> Cluster::restart(std::string name) {
  CO_CHECK(co_await stop(name));
  co_return co_await start(name);
}

Task<Result<void>> Cluster::remove_server(std::string name) {
  const auto turn = co_await membership_.lock();
  CO_TRY(auto* server, free_server(name));
  // Asked again after each wait: a fail-over may have had its turn, and what it chose holds the data of all.
  const auto check_dispensable = [&]() -> Result<void> {
    if (!is_primary(name) || servers_.size() == 1) return {};
    return fail(Errc::conflict, fmt::format("{} is the primary, and there are standbys: fail over first", name));
  };
  CO_CHECK(check_dispensable());
  if (!is_primary(name)) co_await drop_lost_standby(name);
  CO_CHECK(check_dispensable());
  CO_CHECK(co_await server->stop(StopMode::fast));
  const auto role_turn = co_await roles_.lock();
  CO_CHECK(check_dispensable());
  if (is_primary(name)) {
    CO_CHECK(co_await take_back_data(name));
    CO_CHECK(co_await save({}));
  } else {
    ClusterState state = state_;
    state.diverged.erase(name);
    CO_CHECK(co_await save(std::move(state)));
  }
  const io::Path folder = server->layout().folder;
  servers_.erase(name);
  standbys_.erase(name);
  goals_.erase(name);
  stranded_.erase(name);
  changed();
  co_return co_await context_.pool.run([&] { return io::remove_tree(folder); });
}

Task<Result<void>> Cluster::remove_remains(std::string name) {
  const auto turn = co_await membership_.lock();
  CO_CHECK(check_name(name));
  if (find(name) || is_primary(name)) co_return fail(Errc::conflict, fmt::format("{} is in use", name));
  co_return co_await clear_folder_of(name);
}

Task<Result<void>> Cluster::clear_folder_of(std::string name) {
  const io::Path folder = server_folder(name);
  CO_CHECK(co_await detail::end_processes_in(context_, folder + "/data"));
  co_return co_await context_.pool.run([&] { return io::remove_tree(folder); });
}

void Cluster::changed() const {
  if (handlers_.changed) handlers_.changed();
}

}  // namespace boreal::postgres
