#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "process/process.h"

namespace boreal::process {

namespace {

struct Pipe {
  int read_fd = -1;
  int write_fd = -1;

  Pipe() = default;
  Pipe(const Pipe&) = delete;
  ~Pipe() {
    close_end(read_fd);
    close_end(write_fd);
  }
  Result<void> open() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) return std::unexpected(Error::system(errno, "make a pipe"));
    read_fd = fds[0];
    write_fd = fds[1];
    ::fcntl(read_fd, F_SETFL, O_NONBLOCK);
    return {};
  }
  static void close_end(int& fd) {
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }
};

// What the child shall read, in memory and not in a pipe: nothing to feed while it runs.
struct Input {
  int fd = -1;

  Input() = default;
  Input(const Input&) = delete;
  ~Input() { Pipe::close_end(fd); }
  Result<void> open(std::string_view content) {
    fd = ::memfd_create("input", MFD_CLOEXEC);
    if (fd < 0) return std::unexpected(Error::system(errno, "make a memory file"));
    while (!content.empty()) {
      const ssize_t put = ::write(fd, content.data(), content.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return std::unexpected(Error::system(errno, "write a memory file"));
      content.remove_prefix(static_cast<size_t>(put));
    }
    ::lseek(fd, 0, SEEK_SET);
    return {};
  }
};

// Takes what the pipe has now; closes our end at its end. At most 1 MiB at once, 16 times what a pipe holds: a program
// that writes without end must not keep us from looking at the clock.
void drain(int& fd, std::string& kept, bool& truncated, size_t max_bytes) {
  std::array<char, 16 << 10> buffer;
  for (int reads = 0; reads < 64 && fd >= 0; ++reads) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return Pipe::close_end(fd);
    const size_t room = max_bytes - std::min(max_bytes, kept.size());
    const size_t taken = std::min(room, static_cast<size_t>(got));
    kept.append(buffer.data(), taken);
    truncated |= taken < static_cast<size_t>(got);
  }
}

bool is_cancelled(const RunOptions& options) { return options.cancelled && *options.cancelled; }

// Reads both pipes until the process ends. Its end counts, not that of the pipes: a daemon that it started may hold
// them open for ever. False when the time is over, or it is cancelled.
Result<bool> collect(const Process& process, Pipe& out, Pipe& err, Output& output, const RunOptions& options) {
  const int64_t deadline_ns = monotonic_ns() + options.timeout.count() * 1'000'000;
  for (;;) {
    const int64_t left_ms = (deadline_ns - monotonic_ns() + 999'999) / 1'000'000;
    if (left_ms <= 0 || is_cancelled(options)) return false;
    std::array<pollfd, 3> items = {pollfd{.fd = process.pidfd(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = out.read_fd, .events = POLLIN, .revents = 0},
                                   pollfd{.fd = err.read_fd, .events = POLLIN, .revents = 0}};
    const int64_t most_ms = options.cancelled ? 100 : 1'000'000;
    const int rc = ::poll(items.data(), items.size(), static_cast<int>(std::min(left_ms, most_ms)));
    if (rc < 0 && errno != EINTR) return std::unexpected(Error::system(errno, "wait for a process"));
    drain(out.read_fd, output.out, output.truncated, options.max_output_bytes);
    drain(err.read_fd, output.err, output.truncated, options.max_output_bytes);
    // The end was seen before the pipes were read: all that it wrote is in.
    if (rc > 0 && items[0].revents != 0) return true;
  }
}

}  // namespace

Result<Output> run(const Command& command, const RunOptions& options) {
  Pipe out;
  Pipe err;
  Input input;
  CHECK(out.open());
  CHECK(err.open());
  CHECK(input.open(options.input));
  TRY(const auto process, Process::spawn(command, {.in = input.fd, .out = out.write_fd, .err = err.write_fd}));
  Pipe::close_end(out.write_fd);
  Pipe::close_end(err.write_fd);
  Output output;
  const auto ended = collect(process, out, err, output, options);
  if (!ended || !*ended) {
    // Errors of these two say only that it has ended by itself in this moment.
    (void)process.signal_group(SIGKILL);
    (void)process.wait(std::chrono::seconds(10));
    if (!ended) return std::unexpected(ended.error());
    if (is_cancelled(options))
      return fail(Errc::cancelled, command.arguments.front() + " was killed, as it was cancelled");
    return fail(Errc::timeout, fmt::format("{} did not end within {} ms and was killed", command.arguments.front(),
                                           options.timeout.count()));
  }
  TRY(output.exit, process.wait(Duration(0)));
  return output;
}

Result<Output> run_ok(const Command& command, const RunOptions& options) {
  TRY(auto output, run(command, options));
  if (output.exit.ok()) return output;
  constexpr size_t quoted_bytes = 2000;  // the end of it: that is where programs say what stopped them
  std::string_view said = output.err;
  if (said.size() > quoted_bytes) said.remove_prefix(said.size() - quoted_bytes);
  while (!said.empty() && said.back() == '\n') said.remove_suffix(1);
  return fail(Errc::unavailable, fmt::format("{}: {}: {}", command.arguments.front(), output.exit.describe(),
                                             said.empty() ? "no message" : said));
}

}  // namespace boreal::process
