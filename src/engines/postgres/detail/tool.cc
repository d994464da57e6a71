#include "postgres/detail/tool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

namespace boreal::postgres::detail {

namespace {

constexpr size_t max_output_bytes = 1 << 20;
constexpr size_t max_complaint_bytes = 2'000;

void close_fd(int& fd) {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

Result<std::array<int, 2>> make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(Error::system(errno, "make a pipe"));
  return ends;
}

void set_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

}  // namespace

process::Command command(const Context& context, std::vector<std::string> arguments, io::Path folder) {
  process::Command command{.arguments = std::move(arguments), .folder = std::move(folder), .user = context.user};
  // Messages in English and times in UTC, whatever this machine prefers. The primary takes who streams under a
  // standby's name for that standby: no server has a blank in its name.
  command.environment = {{"LC_ALL", "C.UTF-8"}, {"TZ", "UTC"}, {"PGAPPNAME", "maintenance tool"}};
  return command;
}

Task<Result<std::unique_ptr<Tool>>> Tool::start(const Context& context, process::Command command) {
  const std::string& path = command.arguments.front();
  auto tool = std::unique_ptr<Tool>(new Tool(context, path.substr(path.rfind('/') + 1)));
  CO_TRY(auto input, make_pipe());
  tool->in_ = input[1];
  auto output = make_pipe();
  if (!output) {
    close_fd(input[0]);
    co_return std::unexpected(std::move(output).error());
  }
  tool->out_ = (*output)[0];
  tool->err_ = ::memfd_create("complaints", MFD_CLOEXEC);
  set_nonblocking(tool->in_);
  set_nonblocking(tool->out_);
  const process::Streams streams{.in = input[0], .out = (*output)[1], .err = tool->err_};
  auto process = co_await context.pool.run([&command, streams] { return process::Process::spawn(command, streams); });
  close_fd(input[0]);
  close_fd((*output)[1]);
  if (!process) co_return std::unexpected(std::move(process).error().within("run " + tool->name_));
  tool->process_.emplace(std::move(*process));
  co_return std::move(tool);
}

Tool::~Tool() {
  close_fd(in_);
  close_fd(out_);
  close_fd(err_);
  if (!process_ || finished_) return;
  // A child that was killed is gone in no time; waiting for it keeps it from lingering as a zombie.
  (void)process_->signal_group(SIGKILL);
  (void)process_->wait(Duration(1'000));
}

Task<Result<size_t>> Tool::read(MutableBytes buffer, Duration patience) {
  for (;;) {
    const ssize_t got = ::read(out_, buffer.data(), buffer.size());
    if (got >= 0) co_return static_cast<size_t>(got);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return std::unexpected(Error::system(errno, "read the output of " + name_));
    CO_CHECK(co_await context_.loop.readable(out_, patience));
  }
}

Task<Result<void>> Tool::write(Bytes data) {
  while (!data.empty()) {
    const ssize_t sent = ::write(in_, data.data(), data.size());
    if (sent >= 0) {
      data = data.subspan(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      CO_CHECK(co_await context_.loop.writable(in_, progress_timeout));
    } else if (errno != EINTR) {
      co_return std::unexpected(Error::system(errno, "write to " + name_));
    }
  }
  co_return Result<void>();
}

void Tool::kill() { (void)process_->signal_group(SIGKILL); }  // else it has ended already

void Tool::close_input() { close_fd(in_); }

Task<Result<void>> Tool::finish() {
  close_input();
  CO_CHECK(co_await context_.loop.readable(process_->pidfd(), progress_timeout));
  CO_TRY(const auto exit, process_->poll());
  finished_ = true;
  if (exit && exit->ok()) co_return Result<void>();
  co_return fail(Errc::io, name_ + ": " + (exit ? exit->describe() : "has not ended") + ": " + complaint());
}

std::string Tool::complaint() const {
  std::string text(max_complaint_bytes, '\0');
  const off_t size = ::lseek(err_, 0, SEEK_END);
  const ssize_t got =
      ::pread(err_, text.data(), text.size(), std::max<off_t>(0, size - static_cast<off_t>(text.size())));
  text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  while (text.ends_with('\n')) text.pop_back();
  return text.empty() ? "it said nothing" : text;
}

namespace {

// Among the background's programs for as long as this lives.
class Membership {
 public:
  Membership(Background* background, Tool& tool) : background_(background), tool_(tool) {
    if (background_) background_->add(tool_);
  }
  ~Membership() {
    if (background_) background_->remove(tool_);
  }
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

 private:
  Background* background_;
  Tool& tool_;
};

}  // namespace

Task<Result<std::string>> run_tool(const Context& context, process::Command command, std::string input,
                                   Background* background, Duration patience) {
  command.lowest_priority = background && background->priority() == Background::Priority::lowest;
  CO_TRY(auto tool, co_await Tool::start(context, std::move(command)));
  const Membership member(background, *tool);
  if (background && background->stopped()) co_return fail(Errc::cancelled, "nothing is made in advance any more");
  // Inputs are a few lines: they fit in the pipe, so writing first cannot block both sides.
  const auto written = co_await tool->write(as_bytes(input));
  tool->close_input();
  std::string output;
  std::array<std::byte, 16 << 10> buffer;
  for (;;) {
    CO_TRY(const size_t got, co_await tool->read(buffer, patience));
    if (got == 0) break;
    if (output.size() + got > max_output_bytes) co_return fail(Errc::too_large, "the output is too long");
    output += as_text(std::span(buffer).first(got));
  }
  CO_CHECK(co_await tool->finish());
  CO_CHECK(written);
  co_return output;
}

}  // namespace boreal::postgres::detail
