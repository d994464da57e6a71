// What happened, and what servers wrote into their logs.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "io/entry.h"
#include "io/file.h"
#include "rds/service.h"
#include "rds/validate.h"

namespace boreal::rds {

namespace errors = api::errors;
using aws::Outcome;
using aws::refuse;

namespace {

constexpr int64_t default_minutes = 60;
constexpr size_t portion_bytes = 1 << 20;
constexpr std::string_view log_prefix = "error/";

api::Event to_api(const EventRecord& event) {
  return {event.source, event.source_type, event.message, event.categories, event.date, event.source_arn};
}

struct LogFile {
  std::string name;  // "error/postgresql.log.2026-11-22-16"
  int64_t size = 0;
  Time written;
};

Result<std::vector<LogFile>> log_files(const io::Path& folder) {
  std::vector<LogFile> files;
  TRY(const bool there, io::exists(folder));
  if (!there) return files;
  TRY(const auto names, io::list_folder(folder));
  for (const auto& name : names) {
    TRY(const auto entry, io::entry_at(folder + "/" + name));
    if (!entry) continue;  // removed just now
    files.push_back({std::string(log_prefix) + name, static_cast<int64_t>(entry->size), entry->modified});
  }
  return files;
}

}  // namespace

Task<Outcome<api::EventsMessage>> Service::describe_events(aws::Call& call, api::DescribeEventsMessage input) {
  if (input.source_identifier && !input.source_type) {
    co_return refuse(errors::invalid_parameter_combination("SourceIdentifier needs SourceType."));
  }
  const Time end = input.end_time.value_or(now());
  const Time start = input.start_time.value_or(
      end - std::chrono::duration_cast<Duration>(std::chrono::minutes(input.duration.value_or(default_minutes))));
  CO_TRY(const auto rows, context_.catalog.scan(place_of(call).partition(), EventRecord::prefix));
  std::vector<std::pair<std::string, EventRecord>> events;
  for (const auto& [key, text] : rows) {
    CO_TRY(auto event, store::decode<EventRecord>(text));
    if (event.date < start || event.date > end) continue;
    if (input.source_type && event.source_type != *input.source_type) continue;
    if (input.source_identifier && event.source != name_of(*input.source_identifier)) continue;
    const auto wanted = input.event_categories.value_or(std::vector<std::string>());
    const auto named = [&](const std::string& category) { return std::ranges::find(wanted, category) != wanted.end(); };
    if (!wanted.empty() && std::ranges::none_of(event.categories, named)) continue;
    events.emplace_back(key, std::move(event));
  }
  api::EventsMessage output;
  CO_TRY(const auto shown, page(std::move(events), input.marker, input.max_records, output.marker,
                                [](const auto& entry) { return entry.first; }));
  output.events.emplace();
  for (const auto& [key, event] : shown) output.events->push_back(to_api(event));
  co_return output;
}

Task<Outcome<io::Path>> Service::log_folder(const aws::Call& call, std::string identifier) {
  const std::string id = name_of(identifier);
  CO_TRY(const auto instance, load<InstanceRecord>(context_.catalog, place_of(call), InstanceRecord::key(id)));
  if (!instance) co_return refuse(errors::db_instance_not_found_fault(fmt::format("DBInstance {} not found.", id)));
  const auto* found = keeper(place_of(call), instance->cluster_id);
  if (!found) co_return refuse(Error(Errc::internal, "no keeper of " + instance->cluster_id));
  co_return found->log_folder(id);
}

Task<Outcome<api::DescribeDBLogFilesResponse>> Service::describe_db_log_files(aws::Call& call,
                                                                              api::DescribeDBLogFilesMessage input) {
  CO_TRY(const auto folder, co_await log_folder(call, input.db_instance_identifier));
  CO_TRY(auto files, co_await context_.pool.run([&] { return log_files(folder); }));
  std::erase_if(files, [&](const LogFile& file) {
    return (input.filename_contains && file.name.find(*input.filename_contains) == std::string::npos) ||
           file.size < input.file_size.value_or(0) || file.written.ms < input.file_last_written.value_or(0);
  });
  api::DescribeDBLogFilesResponse output;
  CO_TRY(const auto shown, page(std::move(files), input.marker, input.max_records, output.marker,
                                [](const LogFile& file) { return file.name; }));
  output.describe_db_log_files.emplace();
  for (const auto& file : shown) output.describe_db_log_files->push_back({file.name, file.written.ms, file.size});
  co_return output;
}

// The marker is the offset to go on from: "0" is the beginning; without one, the file's end is given.
Task<Outcome<api::DownloadDBLogFilePortionDetails>> Service::download_db_log_file_portion(
    aws::Call& call, api::DownloadDBLogFilePortionMessage input) {
  CO_TRY(const auto folder, co_await log_folder(call, input.db_instance_identifier));
  const std::string name =
      input.log_file_name.starts_with(log_prefix) ? input.log_file_name.substr(log_prefix.size()) : "";
  const bool plain = !name.empty() && name.find('/') == std::string::npos && name != "." && name != "..";
  const auto missing = [&] {
    return refuse(errors::db_log_file_not_found_fault(fmt::format("DBLog File: {}, is not found on the DBInstance: {}",
                                                                  input.log_file_name, input.db_instance_identifier)));
  };
  if (!plain) co_return missing();
  std::optional<uint64_t> offset;
  if (input.marker) {
    auto parsed = parse_uint(*input.marker);
    if (!parsed) co_return refuse(errors::invalid_parameter_value("Invalid Marker: " + *input.marker));
    offset = *parsed;
  }
  std::string text(portion_bytes, '\0');
  uint64_t end = 0;
  uint64_t size = 0;
  auto read = co_await context_.pool.run([&]() -> Result<void> {
    TRY(const auto file, io::File::open(folder + "/" + name, io::File::Mode::read));
    TRY(size, file.size());
    const uint64_t from = offset.value_or(size > portion_bytes ? size - portion_bytes : 0);
    TRY(const size_t got, file.read_at(from, std::as_writable_bytes(std::span(text))));
    text.resize(got);
    end = from + got;
    return {};
  });
  if (!read && read.error().code() == Errc::not_found) co_return missing();
  CO_CHECK(read);
  const size_t lines = static_cast<size_t>(std::max(input.number_of_lines.value_or(INT32_MAX), 1));
  size_t at = 0;
  for (size_t line = 0; line < lines && at != std::string::npos; ++line) {
    at = text.find('\n', at);
    if (at != std::string::npos) ++at;
  }
  if (at != std::string::npos && at < text.size()) {
    end -= text.size() - at;
    text.resize(at);
  }
  co_return api::DownloadDBLogFilePortionDetails{std::move(text), std::to_string(end), end < size};
}

}  // namespace boreal::rds
