#include "process/detail/start.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/fd.h"
#include "io/file.h"

namespace boreal::process::detail {

namespace {

// Everything the child needs, made before vfork: the child may not allocate.
struct Plan {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  const char* folder = "/";
  const User* user = nullptr;
  std::array<int, 3> streams = {-1, -1, -1};
  std::vector<std::pair<int, rlimit>> limits;
  int report_fd = -1;
};

// What the child writes to report_fd before it gives up. When the program runs, the pipe closes with nothing in it.
// Not left in memory: thread sanitizers make a plain fork of vfork.
struct Report {
  const char* step = nullptr;  // a literal, the same in parent and child
  int error_number = 0;
};

// Ends the child at a failed step.
[[noreturn]] void give_up(const Plan& plan, const char* step) {
  const Report report{step, errno};
  (void)!::write(plan.report_fd, &report, sizeof report);
  ::_exit(127);
}

// A handler would run in the parent's memory, and what we ignore (SIGPIPE) the program would ignore too. By raw
// system calls: libc's (and the sanitizers') versions keep notes, and the memory for those is the parent's.
void reset_signals() {
  struct {
    uint64_t words[4];  // the kernel's struct sigaction, all zero: SIG_DFL
  } const by_default{};
  for (int number = 1; number <= 64; ++number) ::syscall(SYS_rt_sigaction, number, &by_default, nullptr, 8);
  const uint64_t none = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, 8);
}

// By raw system calls as well: libc's versions change all threads of the process, and the parent's are in sight.
void become(const Plan& plan, const User& user) {
  if (::syscall(SYS_setgroups, user.groups.size(), user.groups.data()) != 0) give_up(plan, "set the groups");
  if (::syscall(SYS_setresgid, user.gid, user.gid, user.gid) != 0) give_up(plan, "set the group");
  if (::syscall(SYS_setresuid, user.uid, user.uid, user.uid) != 0) give_up(plan, "set the user");
}

// Runs in the child, in the parent's memory, while the parent's thread stands still.
[[noreturn]] void child_main(const Plan& plan) {
  if (::setsid() < 0) give_up(plan, "make a session");
  for (int i = 0; i < 3; ++i) {
    if (::dup2(plan.streams[static_cast<size_t>(i)], i) < 0) give_up(plan, "set the standard streams");
  }
  if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) != 0) give_up(plan, "close the other descriptors");
  for (const auto& [resource, limit] : plan.limits) {
    if (::syscall(SYS_prlimit64, 0, resource, &limit, nullptr) != 0) give_up(plan, "set a limit");
  }
  if (plan.user != nullptr) become(plan, *plan.user);
  ::umask(077);
  if (::chdir(plan.folder) != 0) give_up(plan, "go to the folder");  // as the user who will work there
  reset_signals();
  ::execve(plan.arguments[0], plan.arguments.data(), plan.environment.data());
  give_up(plan, "run");
}

// vfork and not fork: fork copies the page tables of a process with gigabytes of caches, and stops all its threads.
pid_t launch(const Plan& plan) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  const pid_t pid = ::vfork();
  if (pid == 0) child_main(plan);
  const int error_number = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error_number;
  return pid;
}

// A copy above 2, so that dup2 in the child overwrites no source.
int copy_above_2(int fd) { return ::fcntl(fd, F_DUPFD_CLOEXEC, 3); }

void add_limit(Plan& plan, int resource, const std::optional<uint64_t>& value) {
  if (value) plan.limits.emplace_back(resource, rlimit{.rlim_cur = *value, .rlim_max = *value});
}

std::vector<std::string> environment_of(const Command& command) {
  std::vector<std::string> result;
  if (!command.environment.contains("PATH")) {
    const char* path = std::getenv("PATH");
    result.push_back(std::string("PATH=") + (path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin"));
  }
  for (const auto& [name, value] : command.environment) result.push_back(name + "=" + value);
  return result;
}

Result<pid_t> launch_and_check(Plan& plan, const std::string& program) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(Error::system(errno, "start " + program));
  const Fd reports(ends[0]);
  Fd report_end(copy_above_2(ends[1]));
  ::close(ends[1]);
  plan.report_fd = report_end.get();
  const pid_t pid = launch(plan);
  if (pid < 0) return std::unexpected(Error::system(errno, "start " + program));
  report_end.close();  // ours, or the read would never see the end
  Report report;
  ssize_t got = 0;
  do {
    got = ::read(reports.get(), &report, sizeof report);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof report) return pid;
  ::waitpid(pid, nullptr, 0);
  return std::unexpected(Error::system(report.error_number, "start " + program + ": " + report.step));
}

// From outside, once the program runs: a child that steps back before that can hold what it has from us, locks and open
// folders, for long. Where the kernel gives each session a share of its own (sched_autogroup_enabled), the nice value
// says something within the session only, and it is the session's that counts beside others (sched(7)). Where it does
// not, there is no such file. Best effort: it may have ended, and the kernel refuses when somebody has just changed
// one.
void step_back(pid_t pid) {
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(pid), 19);
  const Fd session(::open(("/proc/" + std::to_string(pid) + "/autogroup").c_str(), O_WRONLY | O_CLOEXEC));
  if (session.get() >= 0) (void)!::write(session.get(), "19", 2);
}

Result<void> check(const Command& command) {
  if (command.arguments.empty() || !command.arguments.front().starts_with('/')) {
    return fail(Errc::invalid, "a command needs its program as an absolute path, not '" +
                                   (command.arguments.empty() ? "" : command.arguments.front()) + "'");
  }
  for (const auto& argument : command.arguments) {
    if (argument.find('\0') != std::string::npos) {
      return fail(Errc::invalid, "an argument for " + command.arguments.front() + " holds a zero byte");
    }
  }
  if (command.user && command.user->uid != ::geteuid() && !is_root()) {
    return fail(Errc::denied, "cannot run " + command.arguments.front() + " as the user " + command.user->name +
                                  ": only root can change users");
  }
  return {};
}

}  // namespace

Result<pid_t> start(const Command& command, Streams streams) {
  CHECK(check(command));
  TRY(const auto nothing, io::File::open("/dev/null", io::File::Mode::read_write));
  std::optional<io::File> output;
  if (!command.output_file.empty()) {
    TRY(output, io::File::open_log(command.output_file));
  }
  const int fallback = output ? output->fd() : nothing.fd();
  const Fd in(copy_above_2(streams.in >= 0 ? streams.in : nothing.fd()));
  const Fd out(copy_above_2(streams.out >= 0 ? streams.out : fallback));
  const Fd err(copy_above_2(streams.err >= 0 ? streams.err : fallback));

  Plan plan{.folder = command.folder.c_str(), .streams = {in.get(), out.get(), err.get()}};
  for (const auto& argument : command.arguments) plan.arguments.push_back(const_cast<char*>(argument.c_str()));
  plan.arguments.push_back(nullptr);
  const auto environment = environment_of(command);
  for (const auto& line : environment) plan.environment.push_back(const_cast<char*>(line.c_str()));
  plan.environment.push_back(nullptr);
  if (command.user && is_root()) plan.user = &*command.user;
  add_limit(plan, RLIMIT_NOFILE, command.limits.open_files);
  add_limit(plan, RLIMIT_CORE, command.limits.core_bytes);
  add_limit(plan, RLIMIT_AS, command.limits.memory_bytes);
  add_limit(plan, RLIMIT_FSIZE, command.limits.file_bytes);

  TRY(const pid_t pid, launch_and_check(plan, command.arguments.front()));
  if (command.lowest_priority) step_back(pid);
  return pid;
}

}  // namespace boreal::process::detail
