#include "postgres/detail/folder_processes.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>

namespace boreal::postgres::detail {

namespace {

std::optional<pid_t> to_pid(std::string_view text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc() || end != text.data() + text.size() || pid <= 0) return std::nullopt;
  return pid;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The lines of postmaster.pid: pid, data directory, start time, port, socket folder, address, shared memory, status
// (PostgreSQL source, utils/pidfile.h). None when there is no file.
Result<std::vector<std::string>> pid_file(const io::Path& data) {
  auto text = io::read_file(data + "/postmaster.pid", 64 << 10);
  if (!text && text.error().code() == Errc::not_found) return std::vector<std::string>();
  CHECK(text);
  return lines_of(*text);
}

std::string target_of(const io::Path& link) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  target.resize(static_cast<size_t>(std::max<ssize_t>(length, 0)));
  return target;
}

// Runs in a terminal, as an administrator's shell does: what we start leads a session of its own, without one. A server
// is a server wherever it was started.
bool is_somebodys(pid_t pid) {
  const auto stat = io::read_file(fmt::format("/proc/{}/stat", pid), 4 << 10);
  const size_t name_end = stat ? stat->rfind(')') : std::string::npos;
  if (name_end == std::string::npos) return false;
  char state = 0;
  int parent = 0, group = 0, session = 0, terminal = 0;
  const int read =
      std::sscanf(stat->c_str() + name_end + 1, " %c %d %d %d %d", &state, &parent, &group, &session, &terminal);
  if (read != 5 || terminal == 0) return false;
  const std::string program = target_of(fmt::format("/proc/{}/exe", pid));
  return !program.substr(program.rfind('/') + 1).contains("postgres");
}

// The data directories that a tool of ours was told to write to: when we are killed it goes on.
std::vector<std::string> written_by_tool(pid_t pid) {
  std::vector<std::string> folders;
  const auto arguments = io::read_file(fmt::format("/proc/{}/cmdline", pid), 64 << 10);
  if (!arguments) return folders;
  std::string_view rest = *arguments;
  while (!rest.empty()) {
    const std::string_view argument = rest.substr(0, rest.find('\0'));
    for (const std::string_view option : {"--pgdata=", "--target-pgdata=", "--directory="}) {
      if (argument.starts_with(option)) folders.emplace_back(argument.substr(option.size()));
    }
    rest.remove_prefix(std::min(argument.size() + 1, rest.size()));
  }
  return folders;
}

bool is_same(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

bool works_in(pid_t pid, const struct stat& folder) {
  struct stat working{};
  // Fails for kernel threads, processes that just ended, and (when we are not root) those of others: none is ours.
  if (::stat(fmt::format("/proc/{}/cwd", pid).c_str(), &working) != 0) return false;
  const auto is_it = [&](const std::string& written) {
    struct stat there{};
    return ::stat(written.c_str(), &there) == 0 && is_same(there, folder);
  };
  return (is_same(working, folder) || std::ranges::any_of(written_by_tool(pid), is_it)) && !is_somebodys(pid);
}

// As /proc has it: without links. Empty: there is none.
std::string real_path(const io::Path& path) {
  std::string real(PATH_MAX, '\0');
  if (::realpath(path.c_str(), real.data()) == nullptr) return {};
  real.resize(real.find('\0'));
  return real;
}

// Servers work in their data directory, whoever else looks around below does not.
bool works_below(pid_t pid, const std::string& prefix) {
  const std::string working = target_of(fmt::format("/proc/{}/cwd", pid));
  if (working.empty()) return false;
  const auto is_below = [&](const std::string& written) { return real_path(written).starts_with(prefix); };
  const bool works = (working.starts_with(prefix) && working.ends_with("/data")) ||
                     std::ranges::any_of(written_by_tool(pid), is_below);
  return works && !is_somebodys(pid);
}

template <class Works>
Result<std::vector<pid_t>> processes_that(Works works) {
  std::vector<pid_t> found;
  TRY(const auto names, io::list_folder("/proc"));
  for (const auto& name : names) {
    const auto pid = to_pid(name);
    if (pid && works(*pid)) found.push_back(*pid);
  }
  return found;
}

Result<std::optional<struct stat>> stat_folder(const io::Path& data) {
  struct stat folder{};
  if (::stat(data.c_str(), &folder) == 0) return folder;
  if (errno == ENOENT) return std::nullopt;
  return std::unexpected(Error::system(errno, "look at " + data));
}

}  // namespace

Result<std::vector<pid_t>> processes_in(const io::Path& data) {
  TRY(const auto folder, stat_folder(data));
  if (!folder) return std::vector<pid_t>();
  return processes_that([&](pid_t pid) { return works_in(pid, *folder); });
}

Result<std::vector<pid_t>> processes_below(const io::Path& folder) {
  const std::string real = real_path(folder);
  if (real.empty()) {
    if (errno == ENOENT) return std::vector<pid_t>();
    return std::unexpected(Error::system(errno, "look at " + folder));
  }
  return processes_that([prefix = real + "/"](pid_t pid) { return works_below(pid, prefix); });
}

Result<std::optional<pid_t>> running_server(const io::Path& data) {
  TRY(const auto lines, pid_file(data));
  TRY(const auto folder, stat_folder(data));
  if (lines.empty() || !folder) return std::nullopt;
  const auto pid = to_pid(lines[0]);
  if (!pid || !works_in(*pid, *folder)) return std::nullopt;
  // A backend that inherited the number would work there too; but only the first process keeps its command line,
  // the others show "postgres: ..." in its place.
  const auto arguments = io::read_file(fmt::format("/proc/{}/cmdline", *pid), 64 << 10);
  if (!arguments || arguments->starts_with("postgres: ")) return std::nullopt;
  return pid;
}

Result<std::optional<SharedMemory>> shared_memory_of(const io::Path& data) {
  TRY(const auto lines, pid_file(data));
  if (lines.size() < 7) return std::nullopt;
  // Two numbers, with blanks on their left.
  std::array<unsigned long, 2> numbers{};
  std::string_view rest = lines[6];
  for (auto& number : numbers) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc()) return std::nullopt;
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  }
  return SharedMemory{.key = static_cast<key_t>(numbers[0]), .id = static_cast<int>(numbers[1])};
}

Result<std::string> awaited_segment(const io::Path& data) {
  constexpr std::string_view waits = "startup waiting for ";
  constexpr size_t name_length = 24;
  TRY(const auto pids, processes_in(data));
  for (const pid_t pid : pids) {
    const auto title = io::read_file(fmt::format("/proc/{}/cmdline", pid), 64 << 10);
    const size_t at = title && title->starts_with("postgres: ") ? title->find(waits) : std::string::npos;
    if (at == std::string::npos) continue;
    const std::string name = title->substr(at + waits.size(), name_length);
    if (name.find_first_not_of("0123456789ABCDEF") == std::string::npos && name.size() == name_length) return name;
  }
  return std::string();
}

Result<bool> says_ready(const io::Path& data, pid_t pid) {
  TRY(const auto lines, pid_file(data));
  return lines.size() >= 8 && to_pid(lines[0]) == pid && lines[7].starts_with("ready");
}

}  // namespace boreal::postgres::detail
