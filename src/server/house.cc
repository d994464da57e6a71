#include "server/house.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/log.h"
#include "base/text.h"
#include "codec/json.h"
#include "s3/replication.h"
#include "server/rooms.h"
#include "server/root_key.h"
#include "server/version.h"

namespace boreal::server {

namespace {

// The data folder's own mark: refuses a folder of another layout, and tells a new folder from an old one.
Result<bool> check_format(const std::string& data_folder) {
  const std::string path = data_folder + "/FORMAT";
  TRY(const bool there, io::exists(path));
  if (!there) return false;
  TRY(const auto text, io::read_file(path, 64));
  const auto number = parse_int(trim(text));
  if (!number || *number != format_version) {
    return fail(Errc::unsupported,
                fmt::format("{} says format '{}'; this boreal ({}) reads format {}. {}", path, trim(text), version,
                            format_version,
                            number && *number > format_version ? "A newer one made the data: start that"
                                                               : "Give another folder (--data, data_folder)"));
  }
  return true;
}

// Without FORMAT it must be as a first start finds it, or as one (or a reset) that was cut short left it.
Result<void> check_unused(const std::string& folder) {
  TRY(const auto names, io::list_folder(folder));
  for (const std::string& name : names) {
    constexpr std::string_view harmless[] = {"lock", "tls", "run.json", "FORMAT.new", "lost+found"};
    if (std::ranges::find(harmless, name) != std::end(harmless)) continue;
    return fail(Errc::unsupported,
                fmt::format("{0} has no FORMAT, but '{1}' lies in it: a new data folder has to be empty. If this is "
                            "boreal's data, copied without that file, copy it too; if it is something else, give "
                            "another folder (--data, data_folder)",
                            folder, name));
  }
  return {};
}

// The store is made before all else that it tells of. Where that is there and the store is not, a copy was half, or
// what holds it is not mounted: it must not come up empty.
Result<void> check_store_is_there(const std::string& folder) {
  TRY(const bool has_store, io::exists(folder + "/store/FORMAT"));
  if (has_store) return {};
  for (const char* made_later : {"objects", "postgres"}) {
    TRY(const bool there, io::exists(folder + "/" + made_later));
    if (!there) continue;
    return fail(Errc::not_found, fmt::format("{0}/store is not there or empty, but {0}/{1} is there: without the store "
                                             "nobody knows what that holds. Put the whole data folder back from a "
                                             "copy, or mount what holds the store",
                                             folder, made_later));
  }
  return {};
}

// Stands in FORMAT's place while a reset removes everything: the next start finishes what a crash cut short.
constexpr std::string_view erasing = "/ERASING";

Result<void> finish_erasing(const std::string& folder) {
  TRY(const bool is_due, io::exists(folder + std::string(erasing)));
  if (!is_due) return {};
  TRY(const auto names, io::list_folder(folder));
  for (const std::string& name : names) {
    // run.json names the process, which goes on; the lock file is another start's to take, not ours to remove.
    if (name == "run.json" || name == "tls" || name == "lock" || name == erasing.substr(1)) continue;
    CHECK(io::remove_tree(folder + "/" + name));
  }
  CHECK(io::sync_folder(folder));
  return io::remove_file(folder + std::string(erasing));
}

// A folder that cannot be had: no permission, no place for it, or another boreal's.
Error of_folder(const Error& error) {
  const bool is_in_use = error.code() == Errc::conflict;
  return {error.code(), fmt::format("{}. {} another folder (--data, data_folder)", error.message(),
                                    is_in_use ? "Stop that first, or give" : "Give")};
}

// What blocks while the house opens; on the pool.
Result<crypto::SecretKey> open_folder(const Config& config, std::optional<io::FolderLock>& lock, ServerTls& tls,
                                      Random& random) {
  // Others may pass through, so that PostgreSQL's own user reaches its folder; what is inside says who may read it.
  if (auto made = io::make_folders(config.data_folder, 0711); !made) return std::unexpected(of_folder(made.error()));
  auto taken = io::FolderLock::take(config.data_folder);
  if (!taken) return std::unexpected(of_folder(taken.error()));
  lock.emplace(std::move(*taken));
  CHECK(finish_erasing(config.data_folder));
  TRY(const bool data_exists, check_format(config.data_folder));
  CHECK(data_exists ? give_up_reserve_if_full(config.data_folder) : check_unused(config.data_folder));
  TRY(auto root, load_root_key(config.keys(), data_exists, random));
  if (data_exists) {
    CHECK(check_root_key(config.data_folder, root));
    CHECK(check_store_is_there(config.data_folder));
  }
  CHECK(tls.open());
  if (!data_exists)
    CHECK(io::write_file_atomically(config.data_folder + "/FORMAT", fmt::format("{}\n", format_version), 0644));
  CHECK(note_root_key(config.data_folder, root));
  return root;
}

}  // namespace

House::House(std::unique_ptr<Rooms> rooms) : rooms_(std::move(rooms)) {}
House::~House() = default;

Task<Result<std::unique_ptr<House>>> House::open(const Config& config, net::Loop& loop, io::Pool& pool,
                                                 SystemClock& clock, Random& random, ServerTls& tls,
                                                 std::function<Result<void>()> listen) {
  auto house = std::unique_ptr<House>(new House(std::make_unique<Rooms>(config, loop, pool, clock, random)));
  if (auto opened = co_await house->rooms_->open(tls, listen); !opened) {
    co_await house->stop();  // what has begun already is at work on what goes now
    co_return std::unexpected(std::move(opened).error());
  }
  co_return house;
}

Task<Result<void>> House::Rooms::open(ServerTls& tls, const std::function<Result<void>()>& listen) {
  CO_TRY(const auto root, co_await pool.run([&] { return open_folder(config, lock, tls, random); }));
  if (listen) CO_CHECK(listen());
  CO_TRY(store,
         co_await pool.run([this] { return store::open_store({.folder = config.data_folder + "/store"}, pool); }));
  catalog = std::make_unique<store::Catalog>(*store);
  CO_CHECK(co_await furnish(root));
  for (aws::Service* service : services) {
    started.push_back(service);
    auto began = co_await service->start();
    if (!began)
      co_return std::unexpected(
          std::move(began).error().within(std::string("start ") + std::string(service->model().name)));
  }
  scrubber->start();
  reserve = std::make_unique<Reserve>(config.data_folder, loop, pool);
  reserve->start();
  if (!config.dev) {  // last: after an error nobody would see it, and it is made once
    CO_TRY(new_root_key, co_await iam->ensure_root_key(config.account, config.new_root_key));
  }
  co_return Result<void>();
}

std::optional<std::pair<std::string, std::string>> House::take_new_root_key() {
  auto key = std::exchange(rooms_->new_root_key, std::nullopt);
  if (!key) return std::nullopt;
  return std::pair(std::move(key->access_key_id), std::move(key->secret_access_key));
}

aws::Pipeline& House::pipeline() { return *rooms_->pipeline; }

namespace {

using RemoteFigures = std::map<std::string, s3::Replication::Figures>;

uint64_t in_trouble(const RemoteFigures& remotes) {
  return static_cast<uint64_t>(
      std::ranges::count_if(remotes, [](const auto& one) { return !one.second.trouble.empty(); }));
}

void describe_remotes(const RemoteFigures& remotes, bool in_full, json::Writer& writer) {
  const auto number = [&](std::string_view name, uint64_t value) {
    writer.name(name);
    writer.integer(static_cast<int64_t>(value));
  };
  writer.name("replication");
  writer.begin_object();
  number("remote_buckets", remotes.size());
  number("in_trouble", in_trouble(remotes));
  writer.end_object();
  if (!in_full) return;
  writer.name("remote_buckets");
  writer.begin_object();
  for (const auto& [name, figures] : remotes) {
    writer.name(name);
    writer.begin_object();
    number("completed", figures.completed);
    number("failed", figures.failed);
    number("pending", figures.pending);
    writer.name("trouble");
    writer.string(figures.trouble);
    writer.end_object();
  }
  writer.end_object();
}

void describe_databases(const Result<rds::Service::Databases>& databases, json::Writer& writer) {
  if (!databases) {
    log::error("server", "how many databases there are is not known", {{"why", databases.error().message()}});
    return;
  }
  writer.name("databases");
  writer.begin_object();
  for (const auto& [name, count] :
       {std::pair("clusters", databases->clusters), std::pair("clusters_available", databases->clusters_available),
        std::pair("instances", databases->instances),
        std::pair("instances_available", databases->instances_available)}) {
    writer.name(name);
    writer.unsigned_integer(count);
  }
  writer.end_object();
}

}  // namespace

bool House::is_ready() const { return rooms_->store_state() != "failed"; }

std::string House::describe(bool in_full) const {
  std::string text;
  json::Writer writer(text);
  writer.begin_object();
  writer.name("ready");
  writer.boolean(is_ready());
  writer.name("version");
  writer.string(version);
  writer.name("mode");
  writer.string(rooms_->config.dev ? "dev" : "serve");
  writer.name("region");
  writer.string(rooms_->config.region);
  writer.name("store");
  writer.string(rooms_->store_state());
  writer.name("services");
  writer.begin_object();
  const auto all_figures = rooms_->pipeline->figures();
  for (const aws::Service* service : rooms_->services) {
    uint64_t calls = 0;
    const std::string own = std::string(service->model().name) + ":";
    for (const auto& [name, figures] : all_figures) {
      if (name.starts_with(own)) calls += figures.calls;
    }
    writer.name(service->model().name);
    writer.begin_object();
    const std::string trouble = rooms_->trouble_of(*service);
    writer.name("status");
    writer.string(trouble.empty() ? "running" : "degraded");
    if (in_full) {
      if (!trouble.empty()) {
        writer.name("trouble");
        writer.string(trouble);
      }
      writer.name("calls");
      writer.integer(static_cast<int64_t>(calls));
    }
    writer.end_object();
  }
  writer.end_object();
  if (in_full) describe_databases(rooms_->rds->databases(), writer);
  describe_remotes(rooms_->s3->replication().figures(), in_full, writer);
  writer.end_object();
  return text;
}

bool House::has_been_round(int64_t since_ns) const {
  return std::ranges::all_of(rooms_->services, [&](const auto* one) { return one->has_been_round(since_ns); });
}

Task<void> House::stop() {
  for (aws::Service* service : rooms_->started) service->begin_stop();
  for (aws::Service* service : rooms_->started | std::views::reverse) co_await service->stop();
  co_await rooms_->close_engines();
}

Task<Result<void>> House::stop_and_erase() {
  co_await stop();
  const std::string folder = rooms_->config.data_folder;
  io::Pool& pool = rooms_->pool;
  rooms_.reset();
  co_return co_await pool.run([folder]() -> Result<void> {
    CHECK(io::rename(folder + "/FORMAT", folder + std::string(erasing)));
    return finish_erasing(folder);
  });
}

}  // namespace boreal::server
