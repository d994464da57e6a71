// Which standbys a commit waits for: kept in step with those that are there.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "net/pause.h"
#include "postgres/cluster.h"
#include "postgres/detail/folder_processes.h"

namespace boreal::postgres {

namespace {

constexpr Duration look_interval{500};
constexpr Duration short_pause{50};
constexpr int failures_worth_a_word = 3;  // one or two are usual while it stops
constexpr Duration silence_limit{3'000};  // standbys answer every second
constexpr Duration checkpoint_patience{10'000};
constexpr Duration stranded_after{10'000};  // it asks again every 100 ms, or every five seconds if so set

// How far a standby is that has nothing to replay and waits for more; nothing while it replays.
constexpr const char* place_sql =
    "select pg_last_wal_replay_lsn() from pg_stat_activity where backend_type = 'startup' "
    "and coalesce(wait_event, '') in ('', 'RecoveryRetrieveRetryInterval', 'RecoveryWalStream')";

constexpr const char* paused_sql = "select pg_is_wal_replay_paused()";

constexpr const char* look_sql =
    "select application_name, state = 'streaming', sync_state = 'sync', "
    "greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::bigint, "
    "coalesce(extract(epoch from replay_lag) * 1000, 0)::bigint, "
    "coalesce(extract(epoch from clock_timestamp() - reply_time) * 1000, 0)::bigint, "
    "pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint, coalesce(pg_wal_lsn_diff(replay_lsn, '0/0'), 0)::bigint "
    "from pg_stat_replication";

int64_t to_number(const std::optional<std::string>& text) {
  int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

// Where a standby that is not up yet waits for WAL that its primary has no more; empty: it does not. It cannot be
// asked. A segment's name is its timeline and its place, in units of 16 MiB: 8 and 16 digits.
Result<std::string> place_of_lost_wal(const io::Path& standby, const io::Path& primary) {
  TRY(const auto awaited, detail::awaited_segment(standby));
  if (awaited.empty()) return std::string();
  TRY(const bool is_here, io::exists(standby + "/pg_wal/" + awaited));
  TRY(auto kept, io::list_folder(primary + "/pg_wal"));
  std::erase_if(kept, [&](const std::string& name) { return name.size() != awaited.size(); });
  const bool may_come =
      std::ranges::any_of(kept, [&](const std::string& name) { return name.substr(8) <= awaited.substr(8); });
  if (is_here || may_come || kept.empty()) return std::string();
  return fmt::format("{}/{}000000", awaited.substr(8, 8), awaited.substr(22));
}

std::vector<std::string> to_list(const std::set<std::string>& names) { return {names.begin(), names.end()}; }

}  // namespace

Task<void> Cluster::watch() {
  int failures = 0;
  while (!closing_) {
    bool settled = true;
    bool looked_well = false;
    co_await tell_changes_again();
    co_await look_for_recovered();
    if (auto* server = primary(); server && server->is_up()) {
      if (promoting_) co_await promote_again();
      const auto looked = co_await look();
      failures = looked ? 0 : failures + 1;
      if (failures == failures_worth_a_word) {
        log::warn("postgres", "cannot look at the primary",
                  {{"name", state_.primary}, {"why", looked.error().message()}});
      }
      settled = looked.value_or(true);
      looked_well = looked.has_value();
    }
    if (looked_well) {
      co_await look_for_stranded();
      co_await look_for_paused();
    } else {
      stalls_.clear();  // there was nobody to follow
    }
    co_await net::pause(context_.loop, settled ? look_interval : short_pause, closing_);
  }
}

// What a change of roles could not do at once.
Task<void> Cluster::promote_again() {
  const auto turn = co_await roles_.lock();
  if (!promoting_ || closing_) co_return;
  co_await try_to_promote();
  if (!promoting_ && handlers_.came_up) handlers_.came_up();
}

// What is known here and not to the servers: a primary would wait for a standby that is gone, a standby would look for
// a primary that is none any more.
Task<void> Cluster::tell_changes_again() {
  for (const auto& name : names()) {
    if (const auto server = share(name)) (void)co_await server->catch_up_with_changes();  // next time
  }
}

// Those whose recovery took longer than their start waited for.
Task<void> Cluster::look_for_recovered() {
  for (const auto& name : names()) {
    const auto server = share(name);
    if (!server || !server->is_running() || server->is_up()) continue;
    const auto up = co_await server->look_up();
    if (!up || !*up || closing_) continue;
    changed();
    if (handlers_.came_up) handlers_.came_up();
  }
}

// False when something is under way and a next look is due soon.
Task<Result<bool>> Cluster::look() {
  const auto source = share(state_.primary);
  if (!source || !source->is_up()) co_return true;
  const std::string looked_at = state_.primary;
  CO_TRY(const auto rows, co_await source->query(look_sql, {}, silence_limit));
  const bool asked = std::ranges::any_of(rows.rows, [](const auto& row) { return row[2] == "t"; });
  if (asked && !commits_wait_) {
    CO_CHECK(co_await see_that_commits_wait());
    co_return false;  // and see how things are after that
  }
  const auto turn = co_await roles_.lock();
  if (state_.primary != looked_at || closing_) co_return true;
  std::set<std::string> live;
  std::set<std::string> in_force;  // the primary waits for these already
  bool caught_up = false;
  standbys_.clear();
  for (const auto& row : rows.rows) {
    const std::string name = row[0].value_or("");
    const auto* server = find(name);
    if (!server || name == state_.primary) continue;
    const bool streaming = row[1] == "t";
    standbys_[name] = {streaming, false, static_cast<uint64_t>(to_number(row[3])), Duration(to_number(row[4]))};
    caught_up |=
        note_progress(*server, static_cast<uint64_t>(to_number(row[6])), static_cast<uint64_t>(to_number(row[7])));
    if (!streaming || !server->is_running() || Duration(to_number(row[5])) > silence_limit) continue;
    live.insert(name);
    if (row[2] == "t") in_force.insert(name);
  }
  CO_CHECK(co_await set_live(live, std::move(in_force)));
  for (auto& [name, status] : standbys_) status.safe = state_.safe.contains(name);
  if (caught_up) {
    changed();
    if (handlers_.came_up) handlers_.came_up();
  }
  co_return state_.safe == live;
}

// True when it has just caught up.
bool Cluster::note_progress(const Instance& standby, uint64_t primary_at, uint64_t replayed) {
  if (!standby.is_up()) return false;
  auto& goal = goals_[standby.name()];
  if (goal.pid != standby.pid()) goal = {standby.pid(), primary_at};
  if (goal.reached || replayed < goal.position) return false;
  return goal.reached = true;
}

bool Cluster::has_caught_up(const std::string& name) const {
  const auto server = share(name);
  const auto goal = goals_.find(name);
  return server && goal != goals_.end() && goal->second.pid == server->pid() && goal->second.reached;
}

// That commits wait for standbys at all is for the checkpointer to say, which may still sync files of an earlier
// checkpoint when everybody else knows of the new setting. It reads its settings before it begins the next one.
Task<Result<void>> Cluster::see_that_commits_wait() {
  const auto server = share(state_.primary);
  if (!server || !server->is_running()) co_return Result<void>();
  const std::string asked = state_.primary;
  CO_CHECK(co_await server->checkpoint(checkpoint_patience));
  const auto turn = co_await roles_.lock();
  commits_wait_ = state_.primary == asked && primary() && !primary()->role().synchronous.empty();
  co_return Result<void>();
}

// The order matters. A standby stops being safe, durably, before the primary acknowledges without it; and it becomes
// safe only after the primary was seen to wait for it.
Task<Result<void>> Cluster::set_live(std::set<std::string> live, std::set<std::string> in_force) {
  auto* server = primary();
  if (!server || !server->is_running()) co_return Result<void>();
  const auto& waited_for = server->role().synchronous;
  ClusterState state = state_;
  std::erase_if(state.safe, [&](const std::string& name) { return !live.contains(name); });
  for (const auto& name : live) {
    const bool asked_before = std::ranges::find(waited_for, name) != waited_for.end();
    if (asked_before && in_force.contains(name)) state.safe.insert(name);
  }
  if (state.safe != state_.safe) CO_CHECK(co_await save(std::move(state)));
  if (live.empty()) commits_wait_ = false;
  if (to_list(live) != waited_for) CO_CHECK(co_await server->set_role({.synchronous = to_list(live)}));
  co_return Result<void>();
}

// A standby whose process ended, or is about to: nobody has to wait for the next look.
Task<void> Cluster::drop_lost_standby(std::string name) {
  const auto turn = co_await roles_.lock();
  auto* server = primary();
  if (!server) co_return;
  const auto& waited_for = server->role().synchronous;
  std::set<std::string> live(waited_for.begin(), waited_for.end());
  live.erase(name);
  standbys_.erase(name);
  if (auto set = co_await set_live(std::move(live), {}); !set) {
    log::warn("postgres", "the primary still waits for a lost standby",
              {{"name", name}, {"why", set.error().message()}});
  }
}

void Cluster::on_lost(Instance& server) {
  const bool was_primary = is_primary(server.name());
  if (!was_primary && !closing_) tasks_.spawn(drop_lost_standby(server.name()));
  changed();
  if (handlers_.lost) handlers_.lost(server.name(), was_primary);
}

bool Cluster::follows(const std::string& name) const {
  const auto status = standbys_.find(name);
  return is_primary(name) || (status != standbys_.end() && status->second.streaming);
}

// Where a standby stands that waits for more; empty: it is at work. One that is not up yet may wait as long as it likes
// for what is still to be had.
Task<std::string> Cluster::place_of_stall(Instance& server) {
  if (server.is_up()) {
    const auto rows = co_await server.query(place_sql, {}, silence_limit);
    co_return rows ? rows->scalar() : "";
  }
  const auto source = share(state_.primary);
  if (!source || server.recovers_for() < stranded_after) co_return "";
  const io::Path standby = server.layout().data();
  const io::Path primary = source->layout().data();
  const auto place = co_await context_.pool.run([&] { return place_of_lost_wal(standby, primary); });
  co_return place.value_or("");
}

// A standby that waits for WAL its primary has no more, or that is further than where a new primary branched off, waits
// for good, and answers with what it had.
Task<void> Cluster::look_for_stranded() {
  for (const auto& name : names()) {
    const auto server = share(name);
    if (!server || !server->is_running() || follows(name)) {
      stalls_.erase(name);
      continue;
    }
    const std::string place = co_await place_of_stall(*server);
    const int64_t now_ns = monotonic_ns();
    const auto stall = stalls_.find(name);
    if (place.empty()) {
      stalls_.erase(name);
    } else if (stall == stalls_.end() || stall->second.place != place) {
      stalls_[name] = {place, now_ns};
    } else if (now_ns - stall->second.since_ns > stranded_after.count() * 1'000'000) {
      stalls_.erase(stall);
      tasks_.spawn(set_aside(name, place));
    }
  }
}

Task<void> Cluster::set_aside(std::string name, std::string place) {
  const auto member_turn = co_await membership_.lock();
  const auto turn = co_await roles_.lock();
  auto* server = find(name);
  auto* source = primary();
  if (!server || !server->is_running() || follows(name) || closing_ || !source || !source->is_running()) co_return;
  const auto elsewhere = co_await source->query("select pg_current_wal_lsn() <> $1::pg_lsn", {place}, silence_limit);
  if (!elsewhere || elsewhere->scalar() != "t") co_return;  // nothing to follow
  log::warn("postgres", "a standby cannot follow its primary any more", {{"name", name}, {"place", place}});
  ClusterState state = state_;
  state.safe.erase(name);
  state.diverged.insert(name);
  if (auto saved = co_await save(std::move(state)); !saved) co_return;  // seen again after a while
  stranded_.insert(name);
  if (auto killed = co_await server->kill(); !killed) {
    log::error("postgres", "a server could not be ended", {{"name", name}, {"why", killed.error().message()}});
  }
  changed();
  if (handlers_.lost) handlers_.lost(name, false);
}

// A standby that has less of something than its primary has since that was started last (max_connections, say) receives
// everything and shows nothing of it any more; nor can it be promoted. Started again it has what its primary has.
Task<void> Cluster::look_for_paused() {
  const auto seen = standbys_;
  for (const auto& [name, status] : seen) {
    const auto server = share(name);
    if (status.lag_bytes == 0 || !server || !server->is_up()) continue;
    const auto paused = co_await server->query(paused_sql, {}, silence_limit);
    if (paused && paused->scalar() == "t" && membership_.waiting() == 0) tasks_.spawn(end_paused(name));
  }
}

Task<void> Cluster::end_paused(std::string name) {
  const auto turn = co_await membership_.lock();
  auto* server = find(name);
  if (!server || is_primary(name) || making_.contains(name) || !server->is_up() || closing_) co_return;
  // It may have been started again meanwhile.
  const auto paused = co_await server->query(paused_sql, {}, silence_limit);
  if (!paused || paused->scalar() != "t") co_return;
  co_await drop_lost_standby(name);
  if (is_primary(name)) co_return;  // a fail-over had its turn before
  log::warn("postgres", "a standby has less than its primary, and is to be started again", {{"name", name}});
  if (auto stopped = co_await server->stop(StopMode::fast); !stopped) {
    log::error("postgres", "a server could not be ended", {{"name", name}, {"why", stopped.error().message()}});
  }
  changed();
  if (handlers_.lost) handlers_.lost(name, false);
}

Task<Result<void>> Cluster::wait_until_safe(std::string name, Duration timeout) {
  const int64_t deadline_ns = monotonic_ns() + timeout.count() * 1'000'000;
  while (!state_.safe.contains(name)) {
    if (monotonic_ns() > deadline_ns) {
      co_return fail(Errc::timeout, fmt::format("the standby {} has not caught up after {} ms", name, timeout.count()));
    }
    co_await context_.loop.sleep(Duration(10));
  }
  co_return Result<void>();
}

}  // namespace boreal::postgres
