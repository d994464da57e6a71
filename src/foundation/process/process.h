// Child processes: start, watch, signal, find again after our own restart.
// A child leads a session of its own and is not tied to our life: it goes on when we end.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "process/user.h"

namespace boreal::process {

// Limits of the child (setrlimit, soft and hard); what is not set is inherited.
struct Limits {
  std::optional<uint64_t> open_files;
  std::optional<uint64_t> core_bytes;
  std::optional<uint64_t> memory_bytes;  // address space
  std::optional<uint64_t> file_bytes;
};

struct Command {
  std::vector<std::string> arguments;  // the first is the program, as an absolute path
  // All that the child sees, but for PATH, which is ours unless given: our own environment may hold secrets.
  std::map<std::string, std::string> environment;
  std::string folder = "/";
  std::optional<User> user;  // Errc::denied if we are neither that user nor root
  // Standard output and error are appended to it (made with mode 0600, owned by us); empty: thrown away.
  std::string output_file;
  Limits limits;
  bool lowest_priority = false;  // runs on processors that nobody else wants, from a moment after its start
};

// Descriptors for the child's standard streams, borrowed for the call; -1 is /dev/null for `in`, and what the command
// says for the others.
struct Streams {
  int in = -1;
  int out = -1;
  int err = -1;
};

// How a process ended. Of an adopted one neither is known: only its parent is told.
struct Exit {
  std::optional<int> code;
  std::optional<int> signal;
  bool ok() const { return code == 0; }
  std::string describe() const;  // "exit code 1", "killed by signal 9 (Killed)", "ended"
};

// Which process is meant, for good: a pid is used again, a pid with its start time and boot is not.
struct Identity {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // since boot, as /proc/PID/stat has it
  std::string boot_id;

  bool operator==(const Identity&) const = default;
  std::string to_string() const;  // "PID TICKS BOOT", for keeping
  static Result<Identity> parse(std::string_view text);
  // Of a running process; Errc::not_found if there is none (a zombie is none).
  static Result<Identity> of(pid_t pid);
};

// Thread rule: one thread at a time.
// Keep it until the process has ended: our dead child keeps its pid (and so its group) until this is destroyed.
// Destroying it earlier lets the process run on, and nobody collects it before we end.
class Process {
 public:
  // The program runs when this returns; an error says which step failed (no such program, no such folder, ...).
  static Result<Process> spawn(const Command& command, Streams streams = {});
  // A process that an earlier run of ours (or we) started; Errc::not_found when it is gone, whoever has its pid now.
  static Result<Process> adopt(const Identity& identity);

  Process(Process&& other) noexcept
      : identity_(std::move(other.identity_)), pidfd_(std::exchange(other.pidfd_, -1)), child_(other.child_) {}
  Process& operator=(Process&& other) noexcept;
  ~Process();

  const Identity& identity() const { return identity_; }
  pid_t pid() const { return identity_.pid; }
  // Becomes readable when the process ends; for the event loop. Ours.
  int pidfd() const { return pidfd_; }

  // How it ended, or nullopt while it runs. Does not block.
  Result<std::optional<Exit>> poll() const;
  // Blocks until it ends; Errc::timeout.
  Result<Exit> wait(Duration timeout) const;

  // Errc::not_found once it has ended.
  Result<void> signal(int number) const;
  // To all of its process group (but not to members that made groups of their own, as PostgreSQL's backends do).
  // For a child also after its end, for what it left running.
  Result<void> signal_group(int number) const;

 private:
  Process(Identity identity, int pidfd, bool child) : identity_(std::move(identity)), pidfd_(pidfd), child_(child) {}
  Identity identity_;
  int pidfd_ = -1;
  bool child_ = false;
};

struct RunOptions {
  std::string input;                  // standard input, kept in memory only
  size_t max_output_bytes = 1 << 20;  // of each stream; what is more is read and thrown away
  Duration timeout = std::chrono::minutes(1);
  const std::atomic<bool>* cancelled = nullptr;  // looked at ten times a second; null: it is not
};

struct Output {
  Exit exit;
  std::string out;
  std::string err;
  bool truncated = false;
};

// Runs a command to its end (output_file is not used). Blocks: for the pool. Errc::timeout, Errc::cancelled: the whole
// process group is killed. That the command itself fails is not an error here: see exit.
Result<Output> run(const Command& command, const RunOptions& options = {});
// The same, but a command that does not end with 0 is an error that quotes its standard error.
Result<Output> run_ok(const Command& command, const RunOptions& options = {});

}  // namespace boreal::process
