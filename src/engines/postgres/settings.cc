#include "postgres/settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "io/owner.h"
#include "postgres/config.h"
#include "postgres/connection.h"
#include "postgres/detail/ending.h"
#include "postgres/detail/tool.h"
#include "postgres/warm_pool.h"

namespace boreal::postgres {

namespace {

// Libraries of the usual distributions that define settings when they are preloaded.
constexpr std::array libraries_with_settings = {
    "pg_stat_statements", "auto_explain", "pg_prewarm", "auth_delay", "pgaudit", "pg_cron", "pg_hint_plan"};

constexpr std::string_view catalog_sql =
    "copy (select name, context, vartype, min_val, max_val, array_to_string(enumvals, E'\\x01'), boot_val, unit, "
    "category, short_desc from pg_settings order by name collate \"C\") to ";

constexpr size_t column_count = 10;

// One field of COPY's text format.
std::optional<std::string> unescaped(std::string_view field) {
  if (field == "\\N") return std::nullopt;
  std::string text;
  for (size_t i = 0; i < field.size(); ++i) {
    if (field[i] != '\\' || i + 1 == field.size()) {
      text += field[i];
      continue;
    }
    const char c = field[++i];
    text += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
  }
  return text;
}

std::vector<std::string_view> split(std::string_view text, char mark) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(mark);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Result<SettingType> to_type(std::string_view word) {
  if (word == "bool") return SettingType::boolean;
  if (word == "integer") return SettingType::integer;
  if (word == "real") return SettingType::real;
  if (word == "string") return SettingType::text;
  if (word == "enum") return SettingType::choice;
  return fail(Errc::corrupt, fmt::format("a setting has the unknown type '{}'", word));
}

Result<Setting> to_setting(std::string_view line) {
  const auto fields = split(line, '\t');
  if (fields.size() != column_count) return fail(Errc::corrupt, "a line of the list of settings has not ten fields");
  Setting setting;
  setting.name = unescaped(fields[0]).value_or("");
  setting.context = unescaped(fields[1]).value_or("");
  TRY(setting.type, to_type(fields[2]));
  setting.min = unescaped(fields[3]);
  setting.max = unescaped(fields[4]);
  if (const auto choices = unescaped(fields[5])) {
    for (const auto choice : split(*choices, '\x01')) setting.choices.emplace_back(choice);
  }
  setting.initial = unescaped(fields[6]).value_or("");
  setting.unit = unescaped(fields[7]).value_or("");
  setting.category = unescaped(fields[8]).value_or("");
  setting.description = unescaped(fields[9]).value_or("");
  return setting;
}

// A server in single-user mode on a data directory of its own writes the list to a file.
Task<Result<std::string>> ask_server(const Context& context, const Installation& installation, io::Path folder,
                                     Background* background) {
  const io::Path data = folder + "/settings-data";
  const io::Path list = data + "/settings";
  CO_CHECK(co_await detail::end_processes_in(context, data));
  CO_CHECK(co_await context.pool.run([&] { return io::remove_tree(data); }));
  CO_CHECK(co_await make_data_directory(context, installation, data, background));
  CO_CHECK(co_await context.pool.run([&] { return write_in_data(context, data + "/postgresql.conf", ""); }));
  std::string libraries;
  for (const std::string_view library : libraries_with_settings) {
    const auto there = io::exists(fmt::format("{}/{}.so", installation.libraries, library));
    if (there && *there) libraries += fmt::format("{}{}", libraries.empty() ? "" : ",", library);
  }
  std::string question(catalog_sql);
  question += quote_literal(list) + "\n";
  const auto asked =
      co_await detail::run_tool(context,
                                detail::command(context, {installation.program("postgres"), "--single", "-D", data,
                                                          "-c", "shared_preload_libraries=" + libraries, "postgres"}),
                                std::move(question), background);
  if (!asked) CO_CHECK(co_await detail::end_processes_in(context, data));
  CO_CHECK(asked);
  CO_TRY(auto text, co_await context.pool.run([&] { return io::read_file(list); }));
  CO_CHECK(co_await context.pool.run([&] { return io::remove_tree(data); }));
  co_return text;
}

}  // namespace

Task<Result<SettingsCatalog>> SettingsCatalog::load(const Context& context, const Installation& installation,
                                                    io::Path folder, Background* background) {
  SettingsCatalog catalog(context, installation, folder);
  const io::Path kept = fmt::format("{}/settings-{}", folder, installation.version);
  CO_CHECK(co_await context.pool.run([&]() -> Result<void> {
    CHECK(io::make_owned_folder(folder, ::geteuid(), ::getegid(), context.user ? 0711 : 0700));
    CHECK(make_server_folder(context, folder + "/check"));
    return write_for_server(context, folder + "/check/postgresql.conf", "");
  }));
  auto text = co_await context.pool.run([&] { return io::read_file(kept); });
  if (!text) {
    if (text.error().code() != Errc::not_found) co_return std::unexpected(std::move(text).error());
    CO_TRY(text, co_await ask_server(context, installation, folder, background));
    CO_CHECK(co_await context.pool.run([&] { return io::write_file_atomically(kept, *text); }));
  }
  CO_TRY(catalog.all_, parse_settings(*text));
  co_return catalog;
}

Result<std::vector<Setting>> parse_settings(std::string_view text) {
  std::vector<Setting> all;
  for (const auto line : split(text, '\n')) {
    if (line.empty()) continue;
    TRY(auto setting, to_setting(line));
    all.push_back(std::move(setting));
  }
  std::ranges::sort(all, {}, &Setting::name);
  return all;
}

const Setting* SettingsCatalog::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(all_, name, {}, &Setting::name);
  return found == all_.end() || found->name != name ? nullptr : &*found;
}

Result<void> SettingsCatalog::check_known(const std::string& name) const {
  const Setting* setting = find(name);
  if (!setting) {
    return fail(Errc::invalid, fmt::format("PostgreSQL {} has no setting '{}'", installation_->version, name));
  }
  if (!setting->changeable()) return fail(Errc::invalid, fmt::format("{} cannot be changed", name));
  if (is_managed(name)) return fail(Errc::invalid, fmt::format("{} is decided by the service and cannot be set", name));
  return {};
}

// A library that is not there keeps a server, or everybody's sessions, from starting, and -C does not look. One from
// elsewhere could be anybody's.
Result<void> SettingsCatalog::check_libraries(std::string_view setting, std::string_view list) const {
  for (auto library : split(list, ',')) {
    while (library.starts_with(' ')) library.remove_prefix(1);
    while (library.ends_with(' ')) library.remove_suffix(1);
    if (library.empty()) continue;
    const bool plain = library.find_first_of("/\\\"'$") == std::string_view::npos;
    TRY(const bool there, io::exists(fmt::format("{}/{}.so", installation_->libraries, library)));
    if (!plain || !there) {
      return fail(Errc::invalid,
                  fmt::format("{}: '{}' is not installed for PostgreSQL {}", setting, library, installation_->version));
    }
  }
  return {};
}

Task<Result<void>> SettingsCatalog::check(std::map<std::string, std::string> values) const {
  std::vector<std::string> arguments = {installation_->program("postgres"), "-D", folder_ + "/check", "-C",
                                        "server_version"};
  constexpr size_t max_settings = 1'000;
  if (values.size() > max_settings) co_return fail(Errc::too_large, "more settings than there are");
  for (const auto& [name, value] : values) {
    CO_CHECK(check_known(name));
    if (name.ends_with("_preload_libraries")) CO_CHECK(check_libraries(name, value));
    if (value.find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos) {
      co_return fail(Errc::invalid, fmt::format("the value of {} has a line break or a zero byte in it", name));
    }
    arguments.emplace_back("-c");
    arguments.push_back(name + "=" + value);
  }
  const auto command = detail::command(*context_, std::move(arguments));
  CO_TRY(const auto output, co_await context_->pool.run([&] { return process::run(command); }));
  if (output.exit.ok()) co_return Result<void>();
  // "2026-01-01 00:00:00.000 UTC [123] FATAL:  invalid value for parameter ...", HINT and DETAIL on further lines.
  std::string why;
  for (const auto line : split(output.err, '\n')) {
    for (const std::string_view mark : {"FATAL:  ", "DETAIL:  ", "HINT:  "}) {
      const size_t at = line.find(mark);
      if (at != std::string_view::npos)
        why += fmt::format("{}{}", why.empty() ? "" : "; ", line.substr(at + mark.size()));
    }
  }
  co_return fail(Errc::invalid, why.empty() ? output.err : why);
}

}  // namespace boreal::postgres
