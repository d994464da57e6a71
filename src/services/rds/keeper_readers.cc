// Readers: copies of their writer, made beside everything else, and served once they show what it had.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "rds/keeper.h"

namespace boreal::rds {

namespace {

constexpr unsigned most_starts = 5;
constexpr Duration start_patience{30'000};  // tries may follow each other at once, when others wake us
constexpr unsigned most_doublings = 10;

}  // namespace

// By what it said last: its log has what it said at earlier tries too.
bool lacks_of_machine(const Error& why) {
  constexpr std::array words = {"No space left on device",
                                "Disk quota exceeded",
                                "Read-only file system",
                                "Cannot allocate memory",
                                "Too many open files",
                                "could not create any TCP/IP sockets",
                                "could not create any Unix-domain sockets"};
  const std::string_view all = why.message();
  const std::string_view last = all.substr(all.rfind('\n') + 1);
  return why.code() == Errc::no_space ||
         std::ranges::any_of(words, [&](const char* one) { return last.contains(one); });
}

// Without options: one that the engine has, and that cannot follow as it is. Tells how the last try ended, if it
// failed, before the next begins.
Result<void> Keeper::begin_making(const std::string& id, std::optional<postgres::ServerOptions> options) {
  if (auto failed = unmade_.extract(id)) return std::unexpected(std::move(failed.mapped()));
  if (making_.insert(id).second) tasks_.spawn(make_reader(id, std::move(options)));
  return {};
}

// Takes as long as a copy of all data does, hours for terabytes.
Task<void> Keeper::make_reader(std::string id, std::optional<postgres::ServerOptions> options) {
  auto made = options ? co_await engine_->add_standby(id, *options) : co_await engine_->rejoin(id);
  making_.erase(id);
  if (!made) unmade_.insert_or_assign(id, std::move(made).error());
  retarget();
  wake();
}

Task<void> Keeper::end_making(std::vector<std::string> ids) {
  for (const auto& id : ids) {
    while (making_.contains(id)) {
      engine_->give_up(id);  // again and again: what comes before the copy is not long, and not given up
      co_await tools_.context.loop.sleep(Duration(10));
    }
    unmade_.erase(id);
  }
}

// A reader that ends each time it is started may have damaged data. It has nothing that its writer has not, so it is
// made anew; less and less often, as that need not help. While the machine has no room for it, a copy would only be
// lost.
Task<void> Keeper::make_anew_if_damaged(std::string id, Error why) {
  if (engine_->is_primary(id) || !engine_->takes_writes() || lacks_of_machine(why)) co_return;
  auto& failed = unstartable_[id];
  if (failed.starts++ == 0) failed.since_ns = monotonic_ns();
  const Duration failing((monotonic_ns() - failed.since_ns) / 1'000'000);
  if (failed.starts < most_starts << std::min(failed.made_anew, most_doublings) || failing < start_patience) co_return;
  if (!making_.empty() || !begin_making(id, std::nullopt)) co_return;  // the next time
  failed = {.made_anew = failed.made_anew + 1};
  log::warn("rds", "a reader does not start and is made anew", {{"cluster", cluster_id_}, {"instance", id}});
  auto told = co_await update_instance(id, [&](InstanceRecord&, store::Transaction& tx) {
    tell_instance(tx, id, "DB instance did not start and is made anew", {"recovery"});
  });
  if (!told) log::warn("rds", "an event is not told", {{"instance", id}, {"why", told.error().message()}});
}

// Readers of AWS share their storage with the writer: what that had when a reader comes up clients expect to find
// there, the database that the cluster began with above all. One that cannot catch up is not kept from them for good,
// nor one whose writer takes no writes.
bool Keeper::serves(const std::string& instance_id) const {
  const auto* server = engine_ ? engine_->find(instance_id) : nullptr;
  if (!server || !server->is_up()) return false;
  if (engine_->is_primary(instance_id)) return engine_->takes_writes();
  return engine_->has_caught_up(instance_id) || !engine_->takes_writes() || server->up_for() >= reader_patience;
}

}  // namespace boreal::rds
