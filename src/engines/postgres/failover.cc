// How roles change. Every step is written to the state first; what a crash of ours leaves half done, open() finishes.
#include <fmt/format.h>

#include <charconv>

#include "base/log.h"
#include "postgres/backup.h"
#include "postgres/cluster.h"
#include "postgres/detail/tool.h"

namespace boreal::postgres {

namespace {

// A place in the WAL as a number that compares.
constexpr const char* received_sql =
    "select pg_wal_lsn_diff(coalesce(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0'), "
    "'0/0')::bigint";

uint64_t to_number(std::string_view text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// What pg_controldata says behind a label.
Result<std::string> control_value(std::string_view text, std::string_view label) {
  const size_t at = text.find(label);
  if (at == std::string_view::npos) return fail(Errc::corrupt, fmt::format("pg_controldata has no '{}'", label));
  const size_t start = std::min(text.find_first_not_of(' ', at + label.size()), text.size());
  return std::string(text.substr(start, text.find('\n', start) - start));
}

}  // namespace

Task<Result<std::string>> Cluster::best_candidate(const std::set<std::string>& candidates, std::string target) {
  std::map<std::string, uint64_t> received;
  for (const auto& name : candidates) {
    const auto rows = co_await servers_[name]->query(received_sql);
    if (rows) {
      received[name] = to_number(rows->scalar());
    } else {
      log::warn("postgres", "a standby does not say how far it is", {{"name", name}, {"why", rows.error().message()}});
    }
  }
  if (received.empty()) co_return fail(Errc::unavailable, "none of the standbys answers");
  const auto best = std::ranges::max_element(received, {}, [](const auto& entry) { return entry.second; });
  if (target.empty()) co_return best->first;
  const auto wanted = received.find(target);
  if (wanted == received.end() || wanted->second < best->second) {
    co_return fail(Errc::conflict, fmt::format("{} has less than {} and cannot take over", target, best->first));
  }
  co_return target;
}

Task<Result<void>> Cluster::fail_over(std::string target, bool accept_loss) {
  const auto turn = co_await roles_.lock();
  std::set<std::string> candidates;
  for (const auto& [name, server] : servers_) {
    const bool safe = state_.safe.contains(name) || (accept_loss && !state_.diverged.contains(name));
    if (safe && server->is_up() && !is_primary(name)) candidates.insert(name);
  }
  if (candidates.empty()) {
    co_return fail(Errc::conflict,
                   "no running standby is known to have every acknowledged commit: start the primary again");
  }
  if (!target.empty() && !candidates.contains(target)) {
    co_return fail(Errc::conflict,
                   fmt::format("{} is not a running standby that has every acknowledged commit", target));
  }
  ClusterState state{.diverged = state_.diverged};
  if (auto* old = primary()) {
    // One that works is not ended for standbys that have just gone too.
    if (old->is_running()) CO_CHECK(co_await best_candidate(candidates, ""));
    CO_CHECK(co_await old->kill());
    state.diverged.insert(old->name());
  }
  CO_TRY(const std::string winner, co_await best_candidate(candidates, target));
  co_return co_await make_primary(winner, std::move(state));
}

// From here on the old primary does not start as one any more. The new one acknowledges alone at first, so that none
// of the others counts as safe.
Task<Result<void>> Cluster::make_primary(std::string name, ClusterState state) {
  state.primary = name;
  state.safe.clear();
  CO_CHECK(co_await save(std::move(state)));
  standbys_.clear();
  // The old primary may have been further than this one ever will be.
  std::erase_if(goals_, [](const auto& goal) { return !goal.second.reached; });
  commits_wait_ = false;
  promoting_ = true;
  co_return co_await promote();
}

// Once the new roles are written down. What cannot be done now watch() does later: the standby may still have much to
// replay, and is a primary when it is through with it.
Task<Result<void>> Cluster::promote() {
  auto* server = primary();
  if (!server || !server->is_running()) co_return fail(Errc::unavailable, "the new primary does not run");
  CO_TRY(const auto recovering, co_await server->query("select pg_is_in_recovery()"));
  const bool is_new = recovering.scalar() == "t";
  if (is_new) CO_CHECK(co_await server->promote());
  promoting_ = false;
  stalls_.clear();
  changed();
  for (auto& [other, standby] : servers_) {
    if (auto set = co_await standby->set_role(role_of(*standby)); !set) {
      log::warn("postgres", "a server did not hear of the new primary",
                {{"name", other}, {"why", set.error().message()}});
    }
  }
  if (is_new) log::info("postgres", "new primary", {{"name", state_.primary}});
  co_return Result<void>();
}

Task<void> Cluster::try_to_promote() {
  if (auto done = co_await promote(); !done) {
    log::warn("postgres", "the primary does not take writes yet",
              {{"name", state_.primary}, {"why", done.error().message()}});
  }
}

Task<Result<void>> Cluster::finish_promotion() {
  auto* server = primary();
  if (!server || !server->is_up()) co_return Result<void>();  // watch() sees to one that comes up later
  const auto recovering = co_await server->query("select pg_is_in_recovery()");
  if (!recovering) co_return Result<void>();
  if (recovering->scalar() == "t") co_return co_await make_primary(state_.primary, state_);
  promoting_ = false;
  co_return Result<void>();
}

Task<Result<std::string>> Cluster::control_data(Instance& server) {
  co_return co_await detail::run_tool(
      context_, detail::command(context_, {installation_.program("pg_controldata"), server.layout().data()}));
}

// What a standby has to have to replay its primary's WAL, as that said in it last.
Task<Result<std::map<std::string, int64_t>>> Cluster::minimums_of(Instance& server) {
  constexpr std::pair<const char*, std::string_view> labels[] = {
      {"max_connections", "max_connections setting:"},
      {"max_worker_processes", "max_worker_processes setting:"},
      {"max_wal_senders", "max_wal_senders setting:"},
      {"max_prepared_transactions", "max_prepared_xacts setting:"},
      {"max_locks_per_transaction", "max_locks_per_xact setting:"},
  };
  CO_TRY(const auto text, co_await control_data(server));
  std::map<std::string, int64_t> minimums;
  for (const auto& [name, label] : labels) {
    CO_TRY(const auto value, control_value(text, label));
    std::from_chars(value.data(), value.data() + value.size(), minimums[name]);
  }
  co_return minimums;
}

// A primary that is stopped in order sends its standbys everything, its last checkpoint too, before it ends. One that
// had to be killed may have more than the target was sent, and its control file names a checkpoint of before.
Task<Result<bool>> Cluster::may_have_more(Instance& stopped_primary, Instance& target) {
  CO_TRY(const auto text, co_await control_data(stopped_primary));
  CO_TRY(const auto ended, control_value(text, "Database cluster state:"));
  if (ended != "shut down") co_return true;
  CO_TRY(const auto checkpoint, control_value(text, "Latest checkpoint location:"));
  CO_TRY(const auto rows, co_await target.query("select pg_last_wal_receive_lsn() > $1::pg_lsn", {checkpoint}));
  if (rows.scalar() == "t") co_return false;
  co_return fail(Errc::conflict, fmt::format("{} did not get all of the primary's last writes", target.name()));
}

Task<Result<void>> Cluster::hand_over(Instance& old, Instance& next) {
  const auto turn = co_await roles_.lock();
  if (primary() != &old || !state_.safe.contains(next.name())) {
    co_return fail(Errc::conflict, "the roles changed meanwhile");
  }
  CO_CHECK(co_await old.stop(StopMode::fast));
  auto branched_off = co_await may_have_more(old, next);
  if (!branched_off) {
    auto back = co_await start_primary(old);
    if (!back) log::error("postgres", "the primary did not come back", {{"why", back.error().message()}});
    co_return std::unexpected(std::move(branched_off).error());
  }
  ClusterState state = state_;
  if (*branched_off) state.diverged.insert(old.name());
  co_return co_await make_primary(next.name(), std::move(state));
}

Task<Result<void>> Cluster::switch_over(std::string target) {
  const auto member_turn = co_await membership_.lock();
  auto* old = primary();
  auto* next = find(target);
  if (!old || !old->is_up()) co_return fail(Errc::unavailable, "there is no running primary to hand over");
  if (!next || next == old || !next->is_up() || !state_.safe.contains(target)) {
    co_return fail(Errc::conflict,
                   fmt::format("{} is not a running standby that has every acknowledged commit", target));
  }
  // What is written out now need not be while clients wait.
  CO_CHECK(co_await old->checkpoint(std::chrono::minutes(10)));
  CO_CHECK(co_await hand_over(*old, *next));
  if (state_.diverged.contains(old->name())) {  // as after a fail-over
    changed();
    if (handlers_.lost) handlers_.lost(old->name(), false);
    co_return Result<void>();
  }
  // It was stopped in order and branched off nowhere: it follows as it is.
  auto started = co_await start_standby(*old);
  changed();
  co_return started;
}

Task<Result<void>> Cluster::make_again(Instance& source, std::string name, io::Path data, bool branched_off,
                                       Background& making) {
  // There until it is written down that the server may be started: what is left of one that was cut short nobody can
  // rewind. Nor what is whole, if it counts for nothing: pg_rewind would have the copy of a running primary recover by
  // itself first, to an end that its primary never had.
  const io::Path begun = begun_mark(name);
  CO_TRY(const bool cut_short, co_await context_.pool.run([&] { return io::exists(begun); }));
  Result<void> joined = fail(Errc::unsupported, cut_short ? "an earlier try was cut short" : "it did not branch off");
  CO_CHECK(co_await context_.pool.run([&] { return io::write_file_atomically(begun, ""); }));
  if (branched_off && !cut_short) joined = co_await rewind(context_, installation_, source, data, &making);
  if (!joined) {
    log::info("postgres", "cloning anew", {{"name", name}, {"why", joined.error().message()}});
    CO_CHECK(co_await context_.pool.run([&] { return io::remove_tree(data); }));
    CO_CHECK(co_await clone_server(context_, installation_, source, data, &making));
  }
  co_return Result<void>();
}

Task<Result<void>> Cluster::rejoin(std::string name) {
  auto member_turn = co_await membership_.lock();
  CO_TRY(auto* server, free_server(name));
  const auto source = share(state_.primary);
  if (server == source.get()) co_return fail(Errc::conflict, fmt::format("{} is the primary", name));
  // Until the new primary has shown that it is one, this may be the only whole copy.
  if (!takes_writes()) co_return fail(Errc::unavailable, "there is no primary that takes writes to join");
  co_await drop_lost_standby(name);
  if (primary() != source.get()) co_return fail(Errc::conflict, "the primary changed meanwhile: rejoin again");
  CO_CHECK(co_await server->kill());
  if (!state_.diverged.contains(name)) {
    // What is left of it if we are killed must not be started.
    const auto turn = co_await roles_.lock();
    ClusterState state = state_;
    state.safe.erase(name);
    state.diverged.insert(name);
    CO_CHECK(co_await save(std::move(state)));
    stranded_.insert(name);  // there is nothing to rewind
  }
  const io::Path data = server->layout().data();
  const bool branched_off = !stranded_.contains(name);
  CO_CHECK(co_await make_data(name, source, member_turn, [&](Background& making) {
    return make_again(*source, name, data, branched_off, making);
  }));
  {
    const auto turn = co_await roles_.lock();
    if (primary() != source.get()) co_return fail(Errc::conflict, "the primary changed meanwhile: rejoin again");
    ClusterState state = state_;
    state.diverged.erase(name);
    CO_CHECK(co_await save(std::move(state)));
  }
  stranded_.erase(name);
  CO_CHECK(co_await context_.pool.run([&] { return io::remove_file(begun_mark(name)); }));
  auto started = co_await start_standby(*server);
  changed();
  co_return started;
}

}  // namespace boreal::postgres
