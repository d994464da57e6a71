#include "net/loop.h"

#include <csignal>

#include "net/detail/reactor.h"

namespace boreal::net {

Loop::Loop() : reactor_(std::make_unique<detail::Reactor>(*this)) { std::signal(SIGPIPE, SIG_IGN); }
Loop::~Loop() = default;

void Loop::run() {
  set_current(this);
  reactor_->run();
  set_current(nullptr);
}

void Loop::stop() { reactor_->stop(); }
void Loop::post(std::move_only_function<void()> work) { reactor_->post(std::move(work)); }

Task<void> Loop::sleep(Duration time) { return reactor_->sleep(time); }

Task<Result<void>> Loop::readable(int fd, Duration timeout) {
  return reactor_->wait_for(fd, detail::Direction::in, timeout);
}

Task<Result<void>> Loop::writable(int fd, Duration timeout) {
  return reactor_->wait_for(fd, detail::Direction::out, timeout);
}

}  // namespace boreal::net
