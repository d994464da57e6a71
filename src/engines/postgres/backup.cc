#include "postgres/backup.h"

#include <fmt/format.h>

#include <array>

#include "base/log.h"
#include "io/owner.h"
#include "postgres/detail/tool.h"

namespace boreal::postgres {

namespace {

// Tools run in the server's socket folder, so that its path may have any length (see config.cc).
constexpr const char* socket_host = "/proc/self/cwd";

std::vector<std::string> base_backup_arguments(const Context& context, const Installation& installation,
                                               const Instance& from) {
  return {installation.program("pg_basebackup"),
          fmt::format("--host={}", socket_host),
          fmt::format("--port={}", from.options().listen.port),
          "--username=" + context.admin,
          "--checkpoint=fast",
          "--no-password"};
}

class BackupStream final : public Source {
 public:
  BackupStream(std::unique_ptr<Connection> slot, std::unique_ptr<detail::Tool> tool)
      : slot_(std::move(slot)), tool_(std::move(tool)) {}

  Task<Result<size_t>> read(MutableBytes buffer) override {
    CO_TRY(const size_t got, co_await tool_->read(buffer, detail::progress_timeout));
    if (got == 0) CO_CHECK(co_await tool_->finish());
    co_return got;
  }

 private:
  std::unique_ptr<Connection> slot_;  // its temporary slot keeps the WAL that comes last in the stream
  std::unique_ptr<detail::Tool> tool_;
};

Task<Result<void>> unpack(const Context& context, Source& tar, io::Path data, const Background* background) {
  CO_TRY(auto tool, co_await detail::Tool::start(
                        context, detail::command(context, {"/bin/tar", "--extract", "--file=-", "--directory=" + data,
                                                           "--no-same-owner", "--preserve-permissions"})));
  std::vector<std::byte> buffer(256 << 10);
  for (;;) {
    CO_TRY(const size_t got, co_await tar.read(buffer));
    if (got == 0) break;
    if (background && background->stopped()) co_return fail(Errc::cancelled, "the restore was given up");
    if (const auto written = co_await tool->write(std::span(buffer).first(got)); !written) {
      CO_CHECK(co_await tool->finish());  // says why it took no more
      co_return written;
    }
  }
  co_return co_await tool->finish();
}

Task<Result<void>> restore_into(const Context& context, const Installation& installation, Source& tar, io::Path data,
                                Background* background) {
  CO_CHECK(co_await context.pool.run([&] { return make_server_folder(context, data); }));
  CO_CHECK(co_await unpack(context, tar, data, background));
  auto verified = co_await detail::run_tool(
      context, detail::command(context, {installation.program("pg_verifybackup"), "--quiet", "--exit-on-error", data}),
      {}, background, detail::quiet_timeout);
  if (!verified && verified.error().code() == Errc::io) {
    co_return fail(Errc::corrupt, "the backup is not what was written: " + verified.error().message());
  }
  CO_CHECK(verified);
  co_return co_await context.pool.run([&] { return io::sync_file_system(data); });
}

Task<Result<void>> remove_after(const Context& context, io::Path data, Result<void> outcome) {
  if (outcome) co_return outcome;
  const auto removed = co_await context.pool.run([&] { return io::remove_tree(data); });
  if (!removed) log::warn("postgres", "left behind", {{"folder", data}, {"why", removed.error().message()}});
  co_return outcome;
}

}  // namespace

Task<Result<std::unique_ptr<Source>>> open_backup(const Context& context, const Installation& installation,
                                                  Instance& from) {
  // `from` may go while we wait.
  auto arguments = base_backup_arguments(context, installation, from);
  arguments.insert(arguments.end(), {"--pgdata=-", "--format=tar", "--wal-method=fetch"});
  const io::Path sockets = from.layout().sockets();
  CO_TRY(auto slot, co_await from.connect());
  // The slot dies with this connection. The backend's number makes its name unique.
  CO_CHECK(
      co_await slot->query("select pg_create_physical_replication_slot('backup_' || pg_backend_pid(), true, true)"));
  CO_TRY(auto tool, co_await detail::Tool::start(context, detail::command(context, std::move(arguments), sockets)));
  tool->close_input();
  co_return std::make_unique<BackupStream>(std::move(slot), std::move(tool));
}

Task<Result<void>> restore_backup(const Context& context, const Installation& installation, Source& tar, io::Path data,
                                  Background* background) {
  auto restored = co_await restore_into(context, installation, tar, data, background);
  co_return co_await remove_after(context, data, std::move(restored));
}

Task<Result<void>> clone_server(const Context& context, const Installation& installation, Instance& from, io::Path data,
                                Background* background) {
  CO_CHECK(co_await context.pool.run([&] { return make_server_folder(context, data); }));
  auto arguments = base_backup_arguments(context, installation, from);
  arguments.insert(arguments.end(), {"--pgdata=" + data, "--wal-method=stream"});
  auto copied =
      co_await detail::run_tool(context, detail::command(context, std::move(arguments), from.layout().sockets()), {},
                                background, detail::quiet_timeout);
  Result<void> outcome;
  if (!copied) outcome = std::unexpected(std::move(copied).error());
  co_return co_await remove_after(context, data, std::move(outcome));
}

Task<Result<void>> rewind(const Context& context, const Installation& installation, Instance& primary, io::Path data,
                          Background* background) {
  // A fresh primary's control file names the old timeline until its first checkpoint, and pg_rewind reads it there.
  CO_CHECK(co_await primary.checkpoint(std::chrono::minutes(5)));
  const std::string source =
      fmt::format("host={} port={} user={} dbname=postgres", socket_host, primary.options().listen.port, context.admin);
  CO_CHECK(co_await detail::run_tool(
      context,
      detail::command(context,
                      {installation.program("pg_rewind"), "--target-pgdata=" + data, "--source-server=" + source},
                      primary.layout().sockets()),
      {}, background, detail::quiet_timeout));
  co_return Result<void>();
}

}  // namespace boreal::postgres
