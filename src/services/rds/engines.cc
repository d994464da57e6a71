#include "rds/engines.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "io/file.h"
#include "io/owner.h"
#include "rds/when_unused.h"

namespace boreal::rds {

namespace {

constexpr std::string_view none_is_installed =
    "no PostgreSQL is installed, so clusters are refused: install it (Debian's is postgresql-15), or name its folder "
    "with --postgres-bin or postgres_bin_folders, and start again";

// Root's home is closed to others, and whoever tries boreal as root may well do it there.
Result<void> check_servers_reach(const io::Path& folder, const postgres::Context& context) {
  if (!context.user) return {};
  const auto reached = io::check_reachable(folder + "/pool", context.user->uid, context.user->groups);
  if (reached) return {};
  return fail(
      reached.error().code(),
      fmt::format("PostgreSQL does not run as root but as '{}', and {}; choose a data folder that this user can "
                  "reach, as in: boreal dev --data /var/lib/boreal",
                  context.user->name, reached.error().message()));
}

}  // namespace

void Engines::start() { tasks_.spawn(look()); }

Task<void> Engines::stop() {
  stopping_ = true;
  background_.stop();
  for (auto& [number, major] : majors_) co_await major->pool->stop();
  co_await tasks_.wait();
}

Task<void> Engines::look() {
  auto folders = options_.bin_folders;
  const auto usual = postgres::default_version_folders();
  folders.insert(folders.end(), usual.begin(), usual.end());
  auto found = co_await context_.pool.run([&]() -> Result<std::pair<postgres::Context, postgres::Installations>> {
    CHECK(io::make_folders(options_.folder, 0711));  // servers of another user pass through
    TRY(auto context, postgres::Context::make(context_.loop, context_.pool, "rdsadmin"));
    CHECK(check_servers_reach(options_.folder, context));
    TRY(auto installations, postgres::Installations::discover(folders));
    return std::pair(std::move(context), std::move(installations));
  });
  if (!found) {
    error_ = std::move(found).error();
    log::error("rds", "no databases can be served", {{"why", error_->message()}});
    known_.set();
    co_return;
  }
  postgres_.emplace(std::move(found->first));
  if (found->second.all().empty()) log::warn("rds", none_is_installed);
  for (const auto& folder : options_.bin_folders) {
    const auto is_of = [&](const auto& installation) { return (installation.bin + "/").starts_with(folder); };
    if (std::ranges::none_of(found->second.all(), is_of)) {
      log::warn("rds", "no PostgreSQL of a folder that was named is used: none is there, or others go before it",
                {{"postgres_bin_folders", folder}});
    }
  }
  for (const auto& installation : found->second.all()) {
    auto major = std::make_unique<Major>();
    major->installation = installation;
    major->pool = std::make_unique<postgres::WarmPool>(
        *postgres_, major->installation,
        postgres::WarmPool::Options{.folder = fmt::format("{}/pool/{}", options_.folder, installation.major),
                                    .size = options_.warm_pool});
    majors_[installation.major] = std::move(major);
  }
  known_.set();
  if (stopping_) co_return;
  for (auto& [number, major] : majors_) tasks_.spawn(prepare(*major));
}

Task<void> Engines::prepare(Major& major) {
  const io::Path settings = options_.folder + "/settings";
  const auto made = co_await context_.pool.run([&]() -> Result<void> {
    CHECK(io::make_folders(options_.folder + "/pool", 0711));
    return io::make_folders(settings, 0711);
  });
  if (!made) log::error("rds", "cannot make folders", {{"why", made.error().message()}});
  if (auto started = co_await major.pool->start(); !started) {
    log::error("rds", "no data directories are made in advance", {{"why", started.error().message()}});
  }
  major.settings = co_await postgres::SettingsCatalog::load(
      *postgres_, major.installation, fmt::format("{}/{}", settings, major.installation.major), &background_);
  if (!*major.settings && !stopping_) {
    log::error("rds", "the settings of an installed version are not known",
               {{"version", major.installation.version}, {"why", major.settings->error().message()}});
  }
  major.settings_known.set();
}

Task<Result<const postgres::Context*>> Engines::context() {
  co_await known_.wait();
  if (error_) co_return std::unexpected(*error_);
  co_return &*postgres_;
}

Task<Result<const postgres::Installation*>> Engines::installation(int major) {
  CO_CHECK(co_await context());
  const auto found = majors_.find(major);
  if (found == majors_.end())
    co_return fail(Errc::unsupported, fmt::format("PostgreSQL {} is not installed here", major));
  co_return &found->second->installation;
}

Task<Result<postgres::WarmPool*>> Engines::pool(int major) {
  CO_CHECK(co_await installation(major));
  co_return majors_.at(major)->pool.get();
}

Task<Result<const postgres::SettingsCatalog*>> Engines::settings(int major) {
  CO_CHECK(co_await installation(major));
  Major& entry = *majors_.at(major);
  co_await entry.settings_known.wait();
  if (!*entry.settings) co_return std::unexpected(entry.settings->error());
  co_return &**entry.settings;
}

Task<Result<std::map<int, const postgres::Installation*>>> Engines::served() {
  CO_CHECK(co_await context());
  std::map<int, const postgres::Installation*> served;
  for (const auto& [asked, installed] : options_.engine_map) {
    if (const auto found = majors_.find(installed); found != majors_.end())
      served[asked] = &found->second->installation;
  }
  for (const auto& [number, major] : majors_) served[number] = &major->installation;
  co_return served;
}

Task<Result<postgres::StorageEncryption*>> Engines::storage() {
  CO_CHECK(co_await context());
  const auto turn = co_await choosing_.lock();
  if (!storage_) {
    CO_TRY(storage_, co_await when_unused(context_, [this] {
             return postgres::choose_storage_encryption(options_.folder, context_.random);
           }));
    log::info("rds", "databases can be encrypted", {{"by", std::string(storage_->name())}});
  }
  co_return storage_.get();
}

std::string Engines::trouble() const {
  if (!known_.is_set()) return "";
  if (error_) return "no databases can be served: " + error_->message();
  if (majors_.empty()) return std::string(none_is_installed);
  for (const auto& [number, major] : majors_) {
    if (!major->settings || *major->settings) continue;
    return fmt::format("parameters of PostgreSQL {} can be neither shown nor set, as its settings are not known: {}",
                       number, major->settings->error().message());
  }
  return "";
}

Task<Result<ServedVersion>> Engines::resolve(std::string version) {
  CO_TRY(const auto all, co_await served());
  if (all.empty())
    co_return fail(Errc::unsupported, "no PostgreSQL is installed on this machine; the log says what to do");
  if (version.empty()) {
    const auto* newest = majors_.rbegin()->second.get();
    co_return ServedVersion{newest->installation.version, newest->installation.major, &newest->installation};
  }
  const auto parts = split(version, '.');
  const auto major = parse_int(parts[0], 1, 999);
  const bool good = major && parts.size() <= 2 && (parts.size() == 1 || parse_int(parts[1], 0, 999));
  if (!good) co_return fail(Errc::invalid, fmt::format("'{}' is no engine version", version));
  const auto found = all.find(static_cast<int>(*major));
  if (found == all.end()) {
    std::vector<std::string> names;
    for (const auto& [number, installation] : all) names.push_back(std::to_string(number));
    co_return fail(Errc::unsupported,
                   fmt::format("PostgreSQL {} is not installed here and mapped to none that is (--engine-map {}={}); "
                               "major versions that can be served: {}",
                               *major, *major, majors_.rbegin()->first, join(names, ", ")));
  }
  const bool whole = parts.size() == 2;
  const bool own = found->second->major == *major;
  co_return ServedVersion{!whole && own ? found->second->version : version, static_cast<int>(*major), found->second};
}

}  // namespace boreal::rds
