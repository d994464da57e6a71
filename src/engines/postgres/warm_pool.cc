#include "postgres/warm_pool.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "io/owner.h"
#include "postgres/config.h"
#include "postgres/detail/ending.h"
#include "postgres/detail/tool.h"

namespace boreal::postgres {

namespace {

Task<Result<void>> initialise(const Context& context, const Installation& installation, io::Path data,
                              Background* background) {
  // Only the folder's owner can be made to own what is inside: initdb wants an empty folder of its own.
  CO_CHECK(co_await context.pool.run([&] { return make_server_folder(context, data); }));
  std::vector<std::string> arguments = {installation.program("initdb"),
                                        "--pgdata=" + data,
                                        "--username=" + context.admin,
                                        "--data-checksums",
                                        "--encoding=UTF8",
                                        "--locale=C.UTF-8",
                                        "--auth=reject",
                                        "--no-instructions"};
  CO_CHECK(co_await detail::run_tool(context, detail::command(context, arguments), {}, background));
  CO_CHECK(co_await context.pool.run([&] { return write_in_data(context, data + "/postgresql.conf", ""); }));
  // A standby refuses to start with less than the data directory was last used with, and initdb used its defaults.
  // So it is used once with the least there is.
  std::vector<std::string> least = {installation.program("postgres"), "--single", "-D", data};
  for (const auto* setting : {"max_connections=1", "superuser_reserved_connections=0", "max_worker_processes=0",
                              "max_wal_senders=0", "max_locks_per_transaction=10", "autovacuum_max_workers=1"}) {
    least.insert(least.end(), {"-c", setting});
  }
  least.emplace_back("postgres");
  CO_CHECK(co_await detail::run_tool(context, detail::command(context, std::move(least)), {}, background));
  co_return co_await context.pool.run(
      [&] { return write_in_data(context, data + "/postgresql.conf", data_folder_configuration); });
}

// Into an encrypted folder, or one on another file system, nothing can be renamed; then these are copies, and whole or
// not there. The data comes last: with it in place the taking is done.
Result<void> move_pair(const io::Path& from, const io::Path& data, const io::Path& twin) {
  if (io::rename(from + "/twin", twin)) return io::rename(from + "/data", data);
  for (const auto& [source, target] : {std::pair{"/twin", twin}, {"/data", data}}) {
    CHECK(io::remove_tree(target + ".new"));
    CHECK(io::copy_tree(from + source, target + ".new", false));
  }
  CHECK(io::sync_file_system(data + ".new"));
  CHECK(io::rename(twin + ".new", twin));
  return io::rename(data + ".new", data);
}

}  // namespace

Task<Result<void>> make_data_directory(const Context& context, const Installation& installation, io::Path data,
                                       Background* background) {
  auto made = co_await initialise(context, installation, data, background);
  if (!made) CO_CHECK(co_await detail::end_processes_in(context, data));
  co_return made;
}

WarmPool::WarmPool(const Context& context, const Installation& installation, Options options)
    : context_(context), installation_(installation), options_(std::move(options)) {}

io::Path WarmPool::new_name(std::string_view kind) {
  return fmt::format("{}/{}-{}", options_.folder, kind, next_number_++);
}

Task<Result<void>> WarmPool::start() {
  CO_CHECK(co_await detail::end_processes_below(context_, options_.folder));
  CO_TRY(ready_, co_await context_.pool.run([this]() -> Result<std::vector<io::Path>> {
    CHECK(io::make_owned_folder(options_.folder, ::geteuid(), ::getegid(), context_.user ? 0711 : 0700));
    std::vector<io::Path> whole;
    TRY(const auto names, io::list_folder(options_.folder));
    for (const auto& name : names) {
      const io::Path path = options_.folder + "/" + name;
      TRY(const bool has_data, io::exists(path + "/data"));
      TRY(const bool has_twin, io::exists(path + "/twin"));
      if (name.starts_with("ready-") && has_data && has_twin) {
        whole.push_back(path);
      } else {
        CHECK(io::remove_tree(path));
      }
      unsigned number = 0;
      std::from_chars(name.data() + name.find('-') + 1, name.data() + name.size(), number);
      next_number_ = std::max(next_number_, number + 1);
    }
    return whole;
  }));
  tasks_.spawn(fill());
  co_return Result<void>();
}

Task<void> WarmPool::stop() {
  background_.stop();
  co_await tasks_.wait();
}

Task<void> WarmPool::fill() {
  if (std::exchange(filling_, true)) co_return;
  while (!background_.stopped() && ready_.size() < options_.size) {
    if (auto made = co_await make_one(); !made) {
      if (background_.stopped()) break;
      log::warn("postgres", "no data directory could be made in advance", {{"why", made.error().message()}});
      break;  // the next take() tries again
    }
  }
  filling_ = false;
}

Task<Result<void>> WarmPool::make_one() {
  const io::Path making = new_name("making");
  auto made = co_await make_pair(making, &background_);
  if (!made || background_.stopped()) {
    (void)co_await context_.pool.run([&] { return io::remove_tree(making); });  // else start() does
    co_return made;
  }
  const io::Path ready = new_name("ready");
  CO_CHECK(co_await context_.pool.run([&] { return io::rename(making, ready); }));
  ready_.push_back(ready);
  co_return Result<void>();
}

Task<Result<void>> WarmPool::make_pair(io::Path folder, Background* background) {
  CO_CHECK(co_await context_.pool.run(
      [&] { return io::make_owned_folder(folder, ::geteuid(), ::getegid(), context_.user ? 0711 : 0700); }));
  CO_CHECK(co_await make_data_directory(context_, installation_, folder + "/data", background));
  if (background != nullptr && background->stopped()) co_return fail(Errc::cancelled, "nobody waits for it any more");
  co_return co_await context_.pool.run([&] { return io::copy_tree(folder + "/data", folder + "/twin", true); });
}

Task<Result<void>> WarmPool::take(io::Path data, io::Path twin) {
  // Under a name that start() removes: no two clusters may ever come from one initdb.
  const io::Path taken = new_name("taken");
  if (ready_.empty()) {
    CO_CHECK(co_await make_pair(taken, nullptr));
  } else {
    const io::Path from = ready_.back();
    ready_.pop_back();
    CO_CHECK(co_await context_.pool.run([&] { return io::rename(from, taken); }));
  }
  auto moved = co_await context_.pool.run([&] { return move_pair(taken, data, twin); });
  tasks_.spawn(remove(taken));
  if (!background_.stopped()) tasks_.spawn(refill_later());
  co_return moved;
}

Task<void> WarmPool::remove(io::Path folder) {
  const auto removed = co_await context_.pool.run([&] { return io::remove_tree(folder); });
  if (!removed) log::warn("postgres", "left behind", {{"folder", folder}, {"why", removed.error().message()}});
}

Task<void> WarmPool::refill_later() {
  constexpr Duration step{50};  // so that stop() need not wait for long
  for (Duration slept{0}; slept < options_.refill_delay && !background_.stopped(); slept += step)
    co_await context_.loop.sleep(step);
  co_await fill();
}

}  // namespace boreal::postgres
