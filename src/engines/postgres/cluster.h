// A primary and its standbys: who is which, what they have in common, and how a standby takes over.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/stream.h"
#include "base/sync.h"
#include "postgres/instance.h"
#include "postgres/warm_pool.h"

namespace boreal::postgres {

// Kills every process of every server that works below a folder, known to anybody or not, and returns when none is
// left.
Task<Result<void>> end_servers_below(const Context& context, io::Path folder);

// What must be remembered about a cluster besides its servers' folders. Kept in the file "state" of its folder,
// written durably before what it says comes true.
struct ClusterState {
  std::string primary;             // the one server that may start as a primary; empty: no server yet
  std::set<std::string> safe;      // standbys that have every commit that was acknowledged
  std::set<std::string> diverged;  // servers that may have commits that the primary has not: to be rejoined

  std::string to_text() const;
  static Result<ClusterState> parse(std::string_view text);
};

struct StandbyStatus {
  bool streaming = false;
  bool safe = false;       // may take over without loss
  uint64_t lag_bytes = 0;  // written by the primary and not yet visible here
  Duration lag_time{0};    // how long the latest visible commit took to get here
};

// Thread rule: the loop's thread. Calls on different servers may run at the same time; calls that change roles take
// turns. While the data of a standby is made (add_standby, rejoin: hours where there is much of it) all else goes on,
// but nothing else can be done with that one: Errc::conflict.
//
// Durability of commits: a commit is acknowledged when the primary and every standby that streams have it on disk, so
// any of them can take over without loss. Standbys that stop answering are taken out after about three seconds (at once
// when their process ends), so commits never hang for good; with none left the primary acknowledges alone.
class Cluster {
 public:
  struct Handlers {
    // A server ended that nobody told to. The policy is the caller's: fail_over(), start() again, or nothing. Also for
    // a standby that was ended here: since it cannot follow any more, and counts as diverged, or since it replays
    // nothing until it is started again.
    std::function<void(const std::string& name, bool was_primary)> lost;
    // Roles changed or a server came or went: whoever sends clients here should look again.
    std::function<void()> changed;
    // A server that took long to recover is up now, or takes writes now as the primary, or a standby has caught up.
    std::function<void()> came_up;
  };

  Cluster(const Context& context, const Installation& installation, io::Path folder, Handlers handlers);
  ~Cluster();  // after close(). Servers run on.

  // Begins with what is in the folder: reads the state and adopts those of the members that run. Starts none. Of those
  // that were only `begun`, as far as the caller knows, it takes up the primary, if there are members.
  Task<Result<void>> open(std::map<std::string, ServerOptions> members,
                          std::map<std::string, ServerOptions> begun = {});
  // Ends copies of whole servers that are under way, and waits for servers, with an error; none can be begun any more.
  void interrupt();
  // Ends the making of one standby's data, which then fails.
  void give_up(const std::string& name);
  // Stops watching; the servers run on.
  Task<void> close();
  // Ends every server, also one that is no member, and removes everything. Close it afterwards.
  Task<Result<void>> destroy();

  // All that start a server return when it answers (and takes writes as the primary) or, when its recovery takes long,
  // while it recovers: see wait_until_up() and Instance::is_up().

  // The first server, on an empty database or on a backup (backup.h). The data of a cluster whose last server was
  // removed (remove_server), or never came up, is taken up again by create().
  Task<Result<void>> create(WarmPool& pool, std::string name, ServerOptions options);
  Task<Result<void>> create_from(Source& backup, std::string name, ServerOptions options);
  // It becomes `safe` soon after it is up.
  Task<Result<void>> add_standby(std::string name, ServerOptions options);
  // Stops a server and removes its files. Errc::conflict for a primary that has standbys. The data of the last server
  // is kept: it is the cluster's.
  Task<Result<void>> remove_server(std::string name);
  // What an earlier run of ours left of a standby that it was adding; fine if there is nothing.
  Task<Result<void>> remove_remains(std::string name);

  // Errc::conflict for a diverged server: rejoin() it. Fine if it runs.
  Task<Result<void>> start(std::string name);
  // However long that takes. An error: it ended, or interrupt() was called.
  Task<Result<void>> wait_until_up(std::string name);
  Task<Result<void>> stop(std::string name, StopMode mode = StopMode::fast);
  Task<Result<void>> restart(std::string name);

  // Makes the safe standby that has most (or the given one, if it has as much) the primary; the old primary's processes
  // are killed first, and it counts as diverged. Errc::conflict, before anything is touched, if no standby is safe;
  // `accept_loss` takes any that runs.
  Task<Result<void>> fail_over(std::string target = "", bool accept_loss = false);
  // Swaps the primary and a safe standby without loss; both run afterwards. But a primary that did not end in order had
  // to be killed: it is `lost`, and diverged.
  Task<Result<void>> switch_over(std::string target);
  // Makes a diverged or left-behind server a standby again: rewound if that works, else cloned anew.
  Task<Result<void>> rejoin(std::string name);

  Instance* find(const std::string& name);
  Instance* primary() { return find(state_.primary); }
  bool is_primary(const std::string& name) const { return name == state_.primary; }
  bool takes_writes() const;  // the primary does, as far as was seen
  std::vector<std::string> names() const;
  const ClusterState& state() const { return state_; }
  // As of the last look, at most half a second ago; nothing for servers that are no standbys.
  const std::map<std::string, StandbyStatus>& standbys() const { return standbys_; }
  // A standby shows what the primary had when both were first seen to serve.
  bool has_caught_up(const std::string& name) const;
  // Returns when the standby is safe.
  Task<Result<void>> wait_until_safe(std::string name, Duration timeout);

 private:
  io::Path server_folder(const std::string& name) const { return folder_ + "/servers/" + name; }
  io::Path begun_mark(const std::string& name) const { return server_folder(name) + "/rewinding"; }
  io::Path twin() const { return folder_ + "/twin"; }
  io::Path volume() const { return folder_ + "/volume"; }

  Instance& add(const std::string& name, ServerOptions options);
  std::shared_ptr<Instance> share(const std::string& name) const;
  Task<Result<void>> make_folders();
  Task<Result<void>> save(ClusterState state);
  Task<Result<void>> start_first(std::string name);
  Task<Result<void>> take_back_data(std::string name);
  Task<Result<void>> clear_folder_of(std::string name);
  Task<Result<void>> take_first_data(WarmPool& pool, io::Path data);
  Task<Result<void>> prepare_standby(Instance& standby, Semaphore::Permit& turn);
  using MakeData = std::function<Task<Result<void>>(Background& background)>;
  Task<Result<void>> make_data(const std::string& name, std::shared_ptr<Instance> source, Semaphore::Permit& turn,
                               MakeData make);
  Result<Instance*> free_server(const std::string& name);
  Task<Result<bool>> use_twin(Instance& standby);
  Task<Result<bool>> primary_has_wal_of(io::Path standby_data);
  Task<Result<bool>> streams(const std::string& name, Duration timeout);
  Task<Result<void>> start_server(Instance& server);
  Task<Result<void>> start_primary(Instance& server);
  Task<Result<void>> start_standby(Instance& server);
  Role role_of(const Instance& server);
  Task<Result<void>> ask_minimums();
  Task<Result<std::string>> control_data(Instance& server);
  Task<Result<std::map<std::string, int64_t>>> minimums_of(Instance& server);

  // Roles (failover.cc)
  Task<Result<std::string>> best_candidate(const std::set<std::string>& candidates, std::string target);
  Task<Result<void>> make_primary(std::string name, ClusterState state);
  Task<Result<void>> promote();
  Task<void> try_to_promote();
  Task<void> promote_again();
  Task<Result<void>> finish_promotion();
  Task<Result<bool>> may_have_more(Instance& stopped_primary, Instance& target);
  Task<Result<void>> hand_over(Instance& old, Instance& next);
  Task<Result<void>> make_again(Instance& source, std::string name, io::Path data, bool branched_off,
                                Background& making);

  // Synchronous replication (watch.cc)
  Task<void> watch();
  Task<Result<bool>> look();
  Task<Result<void>> see_that_commits_wait();
  Task<Result<void>> set_live(std::set<std::string> live, std::set<std::string> in_force);
  Task<void> drop_lost_standby(std::string name);
  bool follows(const std::string& name) const;
  bool note_progress(const Instance& standby, uint64_t primary_at, uint64_t replayed);
  Task<void> tell_changes_again();
  Task<void> look_for_recovered();
  Task<void> look_for_stranded();
  Task<std::string> place_of_stall(Instance& server);
  Task<void> set_aside(std::string name, std::string place);
  Task<void> look_for_paused();
  Task<void> end_paused(std::string name);
  void on_lost(Instance& server);
  void changed() const;

  const Context& context_;
  const Installation& installation_;
  const io::Path folder_;
  const Handlers handlers_;
  std::map<std::string, std::shared_ptr<Instance>> servers_;  // shared with who asks one that may be removed meanwhile
  ClusterState state_;
  std::map<std::string, StandbyStatus> standbys_;
  std::map<std::string, int64_t> minimums_;  // the primary's values of what a standby may not have less of
  Mutex membership_;                         // servers come and go
  Mutex roles_;                              // who is primary, who is safe (milliseconds); taken after membership_
  // What a standby is to show before it has caught up: where the primary was when this process was first seen to serve.
  struct Goal {
    pid_t pid = 0;
    uint64_t position = 0;
    bool reached = false;
  };
  std::map<std::string, Goal> goals_;
  // Standbys that run, follow nobody and replay nothing: where they stand, and since when.
  struct Stall {
    std::string place;
    int64_t since_ns = 0;
  };
  std::map<std::string, Stall> stalls_;
  std::set<std::string> stranded_;  // diverged ones that are to be cloned: there is nothing to rewind
  bool promoting_ = false;     // the primary of the state was not seen to take writes since it was started or chosen
  bool commits_wait_ = false;  // the primary was seen to let commits wait for standbys
  Background copying_{Background::Priority::normal};
  std::map<std::string, Background> making_;  // standbys whose data is being made, with what makes it
  bool closing_ = false;
  TaskGroup tasks_;
};

}  // namespace boreal::postgres
