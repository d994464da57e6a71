#include "process/process.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "io/file.h"
#include "process/detail/start.h"

namespace boreal::process {

namespace {

// Linux has these calls since 5.3; glibc 2.36 has functions for them, older ones do not.
int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

Result<bool> has_ended(int pidfd, int timeout_ms) {
  pollfd item{.fd = pidfd, .events = POLLIN, .revents = 0};
  for (;;) {
    const int rc = ::poll(&item, 1, timeout_ms);
    if (rc >= 0) return rc > 0;
    if (errno != EINTR) return std::unexpected(Error::system(errno, "wait for a process"));
    if (timeout_ms > 0) return false;  // the caller counts the time
  }
}

template <class T>
bool parse_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::string_view next_word(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

}  // namespace

std::string Exit::describe() const {
  if (code) return fmt::format("exit code {}", *code);
  if (signal) return fmt::format("killed by signal {} ({})", *signal, ::strsignal(*signal));
  return "ended";
}

std::string Identity::to_string() const { return fmt::format("{} {} {}", pid, start_ticks, boot_id); }

Result<Identity> Identity::parse(std::string_view text) {
  Identity identity;
  std::string_view rest = text;
  const bool numbers =
      parse_number(next_word(rest), identity.pid) && parse_number(next_word(rest), identity.start_ticks);
  if (!numbers || identity.pid <= 0 || rest.empty()) {
    return fail(Errc::corrupt, fmt::format("'{}' does not name a process: 'PID TICKS BOOT' is expected", text));
  }
  identity.boot_id = rest;
  return identity;
}

Result<Identity> Identity::of(pid_t pid) {
  Identity identity{.pid = pid};
  TRY(identity.boot_id, io::read_file("/proc/sys/kernel/random/boot_id", 100));
  while (identity.boot_id.ends_with('\n')) identity.boot_id.pop_back();
  const auto stat = io::read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!stat) return fail(Errc::not_found, fmt::format("there is no process {}", pid));
  // "PID (NAME) STATE ...": the name may hold anything, parentheses too. The start time is the 22nd field (proc(5)).
  const size_t name_end = stat->rfind(") ");
  if (name_end == std::string::npos) return fail(Errc::corrupt, fmt::format("/proc/{}/stat is not as expected", pid));
  std::string_view rest = std::string_view(*stat).substr(name_end + 2);
  const auto state = next_word(rest);
  if (state == "Z" || state == "X") return fail(Errc::not_found, fmt::format("the process {} has ended", pid));
  for (int field = 4; field < 22; ++field) next_word(rest);
  if (!parse_number(next_word(rest), identity.start_ticks)) {
    return fail(Errc::corrupt, fmt::format("/proc/{}/stat is not as expected", pid));
  }
  return identity;
}

Result<Process> Process::spawn(const Command& command, Streams streams) {
  TRY(const pid_t pid, detail::start(command, streams));
  // Not racy: a child keeps its pid until we collect it, even when it has ended already. /proc of a dead one is still
  // there too, but `of` refuses it, so the start time of one that ended at once stays 0: nobody can adopt it.
  const int pidfd = open_pidfd(pid);
  if (pidfd < 0) {
    auto error = Error::system(errno, "watch the process " + command.arguments.front());
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return std::unexpected(std::move(error));
  }
  auto identity = Identity::of(pid);
  return Process(identity ? std::move(*identity) : Identity{.pid = pid}, pidfd, true);
}

Result<Process> Process::adopt(const Identity& identity) {
  const auto gone = [&] { return fail(Errc::not_found, fmt::format("the process {} is gone", identity.pid)); };
  // First the descriptor, then the look at who has the pid: if it changes hands in between, the start time tells.
  const int pidfd = open_pidfd(identity.pid);
  if (pidfd < 0) return gone();
  Process process(identity, pidfd, false);
  const auto now = Identity::of(identity.pid);
  if (!now || *now != identity) return gone();
  TRY(const bool ended, has_ended(pidfd, 0));
  if (ended) return gone();
  return process;
}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(identity_, other.identity_);
  std::swap(pidfd_, other.pidfd_);
  std::swap(child_, other.child_);
  return *this;
}

Process::~Process() {
  if (pidfd_ < 0) return;
  if (child_) {
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid()), &info, WEXITED | WNOHANG);
  }
  ::close(pidfd_);
}

Result<std::optional<Exit>> Process::poll() const {
  TRY(const bool ended, has_ended(pidfd_, 0));
  if (!ended) return std::nullopt;
  if (!child_) return Exit{};
  siginfo_t info{};
  // WNOWAIT: the pid stays taken until the destructor, so that signal_group() can never meet a stranger.
  if (::waitid(P_PID, static_cast<id_t>(pid()), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    return std::unexpected(Error::system(errno, fmt::format("wait for the process {}", pid())));
  }
  if (info.si_code == CLD_EXITED) return Exit{.code = info.si_status};
  return Exit{.signal = info.si_status};
}

Result<Exit> Process::wait(Duration timeout) const {
  const int64_t deadline_ns = monotonic_ns() + timeout.count() * 1'000'000;
  for (;;) {
    const int64_t left_ms = std::max<int64_t>(0, (deadline_ns - monotonic_ns() + 999'999) / 1'000'000);
    TRY(const bool ended, has_ended(pidfd_, static_cast<int>(std::min<int64_t>(left_ms, 1'000'000))));
    if (ended) {
      TRY(const auto exit, poll());
      if (exit) return *exit;
    }
    if (left_ms == 0) {
      return fail(Errc::timeout, fmt::format("the process {} still runs after {} ms", pid(), timeout.count()));
    }
  }
}

Result<void> Process::signal(int number) const {
  TRY(const bool ended, has_ended(pidfd_, 0));
  if (ended) return fail(Errc::not_found, fmt::format("the process {} has ended", pid()));
  if (::syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0) == 0) return {};
  return std::unexpected(Error::system(errno, fmt::format("send signal {} to the process {}", number, pid())));
}

Result<void> Process::signal_group(int number) const {
  if (!child_) {
    // While the leader lives its group has this id. It may die between this and the kill; nothing closer exists.
    TRY(const bool ended, has_ended(pidfd_, 0));
    if (ended) return fail(Errc::not_found, fmt::format("the process {} has ended", pid()));
  }
  if (::kill(-pid(), number) == 0) return {};
  return std::unexpected(Error::system(errno, fmt::format("send signal {} to the process group {}", number, pid())));
}

}  // namespace boreal::process
