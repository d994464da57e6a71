#include "net/detail/reactor.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace boreal::net::detail {

namespace {

constexpr uint32_t watched_events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr int max_wait_ms = 60'000;  // also keeps the sum in timeout_ms() within an int

int64_t deadline_ns(Duration time) {
  // A "for ever" such as Duration::max() must not wrap into the past.
  const int64_t ms = std::clamp<int64_t>(time.count(), 0, int64_t{1} << 40);
  return monotonic_ns() + ms * 1'000'000;
}

}  // namespace

Result<void> Watch::open(int fd) {
  epoll_event event{.events = watched_events, .data = {.ptr = this}};
  if (epoll_ctl(reactor_.epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) {
    return std::unexpected(Error::system(errno, fmt::format("watch descriptor {}", fd)));
  }
  fd_ = fd;
  return {};
}

void Watch::close() {
  if (fd_ < 0) return;
  // Fails when the owner of a foreign descriptor has closed it already; the kernel has then forgotten it as well.
  epoll_ctl(reactor_.epoll_fd_, EPOLL_CTL_DEL, fd_, nullptr);
  fd_ = -1;
  end_waits(Outcome::cancelled);
}

void Watch::exhausted(Direction d) {
  if (failed_ || (d == Direction::in && input_ended_)) return;  // no further event would come
  ready_[static_cast<size_t>(d)] = false;
}

Result<void> Watch::ask_again() {
  ready_ = {};
  epoll_event event{.events = watched_events, .data = {.ptr = this}};
  if (epoll_ctl(reactor_.epoll_fd_, EPOLL_CTL_MOD, fd_, &event) != 0) {
    return std::unexpected(Error::system(errno, fmt::format("watch descriptor {} again", fd_)));
  }
  return {};
}

void Watch::end_waits(Direction d, Outcome outcome) {
  while (Wait* wait = waits_[static_cast<size_t>(d)].pop()) reactor_.wake(*wait, outcome);
}

void Watch::end_waits(Outcome outcome) {
  end_waits(Direction::in, outcome);
  end_waits(Direction::out, outcome);
}

void Watch::on_events(uint32_t events) {
  failed_ = failed_ || (events & (EPOLLERR | EPOLLHUP)) != 0;
  input_ended_ = input_ended_ || failed_ || (events & EPOLLRDHUP) != 0;
  if (input_ended_ || (events & EPOLLIN) != 0) {
    assume_ready(Direction::in);
    end_waits(Direction::in, Outcome::ready);
  }
  if (failed_ || (events & EPOLLOUT) != 0) {
    assume_ready(Direction::out);
    end_waits(Direction::out, Outcome::ready);
  }
}

Reactor::Reactor(Executor& self) : self_(self) {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (epoll_fd_ < 0 || wake_fd_ < 0 || epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "make an event loop");
  }
}

Reactor::~Reactor() {
  ::close(wake_fd_);
  ::close(epoll_fd_);
}

void Reactor::run() {
  stopped_ = false;
  while (!stopping_) {
    collect(true);
    resume_ready();
    run_posted();
  }
  stopped_ = true;
  collect(false);
  cancel_foreign_waits();
  // What the end of the waits set free gets to end as well; who never ends is left behind.
  for (int turn = 0; turn < 1000 && !(ready_.empty() && local_.empty()); ++turn) {
    resume_ready();
    run_posted();
  }
  stopping_ = false;
}

void Reactor::stop() {
  stopping_ = true;
  const std::lock_guard lock(mutex_);
  if (!std::exchange(woken_, true)) eventfd_write(wake_fd_, 1);  // else who posted wakes it, and may not have yet
}

void Reactor::post(std::move_only_function<void()> work) {
  if (Executor::current() == &self_) {
    local_.push_back(std::move(work));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    remote_.push_back(std::move(work));
    if (std::exchange(woken_, true)) return;
  }
  // Not under the mutex, which the woken loop wants at once. Until this is written the loop does not take the work, so
  // it is not gone yet.
  eventfd_write(wake_fd_, 1);
}

int Reactor::timeout_ms(bool may_block) const {
  if (!may_block || !ready_.empty() || !local_.empty()) return 0;
  if (timers_.empty()) return max_wait_ms;
  const int64_t left_ns = timers_.next_ns() - monotonic_ns();
  if (left_ns <= 0) return 0;
  return static_cast<int>(std::min<int64_t>(left_ns / 1'000'000 + 1, max_wait_ms));
}

void Reactor::collect(bool may_block) {
  std::array<epoll_event, 128> events;
  const int count = epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), timeout_ms(may_block));
  if (count < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "epoll_wait");
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<size_t>(i)];
    if (event.data.ptr) {
      static_cast<Watch*>(event.data.ptr)->on_events(event.events);
      continue;
    }
    const std::lock_guard lock(mutex_);
    eventfd_t ignored = 0;
    eventfd_read(wake_fd_, &ignored);
    woken_ = false;
    std::ranges::move(remote_, std::back_inserter(local_));
    remote_.clear();
  }
  if (!timers_.empty()) timers_.run(monotonic_ns());
}

void Reactor::resume_ready() {
  WaitList batch;  // only what is ready now: who yields goes behind the next look at the descriptors
  batch.take(ready_);
  while (Wait* wait = batch.pop()) wait->handle.resume();
}

void Reactor::run_posted() {
  auto batch = std::exchange(local_, {});
  for (auto& work : batch) work();
}

void Reactor::cancel_foreign_waits() {
  for (auto& [fd, foreign] : foreign_) foreign.watch.end_waits(Outcome::cancelled);
}

namespace {

// Ends one wait of a watch, or a sleep, when its time has come.
class WaitTimer final : public Timer {
 public:
  explicit WaitTimer(Reactor& reactor) : reactor_(reactor) {}
  Wait wait;
  Outcome outcome = Outcome::ready;

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) { wait.handle = handle; }
  void await_resume() {}

 private:
  void fire() override { reactor_.wake(wait, outcome); }
  Reactor& reactor_;
};

class EndWaitsTimer final : public Timer {
 public:
  EndWaitsTimer(Watch& watch, Direction direction) : watch_(watch), direction_(direction) {}

 private:
  void fire() override { watch_.end_waits(direction_, Outcome::timeout); }
  Watch& watch_;
  Direction direction_;
};

}  // namespace

Task<void> Reactor::sleep(Duration time) {
  WaitTimer timer(*this);
  arm(timer, deadline_ns(time));
  co_await timer;
}

Task<Result<void>> Reactor::wait_for(int fd, Direction direction, Duration timeout) {
  if (stopped_) co_return fail(Errc::cancelled, "the loop has stopped");
  auto [at, fresh] = foreign_.try_emplace(fd, *this);
  Foreign& foreign = at->second;
  if (fresh) {
    if (auto opened = foreign.watch.open(fd); !opened) {
      foreign_.erase(fd);
      co_return opened;
    }
  } else {
    CO_CHECK(foreign.watch.ask_again());
  }
  ++foreign.waiting;
  EndWaitsTimer timer(foreign.watch, direction);
  arm(timer, deadline_ns(timeout));
  const Outcome outcome = co_await foreign.watch.wait(direction);
  timer.disarm();
  if (--foreign.waiting == 0) foreign_.erase(fd);
  switch (outcome) {
    case Outcome::ready: co_return Result<void>{};
    case Outcome::timeout:
      co_return fail(Errc::timeout, fmt::format("descriptor {} was not ready within {} ms", fd, timeout.count()));
    case Outcome::cancelled: break;
  }
  co_return fail(Errc::cancelled, "the loop has stopped");
}

}  // namespace boreal::net::detail
