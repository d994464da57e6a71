// What the tests of this module (and of those above it) need to run real servers. Everything that a test started is
// killed and removed when the bed goes, however the test ended.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <memory>
#include <thread>

#include "postgres/cluster.h"
#include "postgres/detail/ending.h"
#include "postgres/installation.h"

namespace boreal::postgres {

class TestBed {
 public:
  TestBed() {
    const char* base = std::getenv("TMPDIR");
    std::string pattern = std::string(base ? base : "/tmp") + "/boreal-postgres-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    ::chmod(folder_.c_str(), 0711);  // servers of another user pass through
    pool_.start();
    thread_ = std::thread([this] { loop_.run(); });
    auto found = Installations::discover();
    if (found && !found->all().empty()) installation_ = found->all().back();
    auto context = Context::make(loop_, pool_, "overseer");
    if (context) context_.emplace(std::move(*context));
  }
  ~TestBed() {
    loop_.stop();
    thread_.join();
    pool_.stop();
    kill_all();
    (void)io::remove_tree(folder_);
  }

  // Why no server can be run here; empty if it can.
  std::string missing() const {
    if (!installation_) return "no PostgreSQL is installed: NOTHING IS TESTED";
    return context_ ? "" : "no user for PostgreSQL to run as: NOTHING IS TESTED";
  }

  template <class T>
  T run(Task<T> task) {
    std::promise<T> promise;
    loop_.post([&] { spawn(std::move(task), [&](T value) { promise.set_value(std::move(value)); }); });
    return promise.get_future().get();
  }
  void run(Task<void> task) {
    std::promise<void> promise;
    loop_.post([&] { spawn(std::move(task), [&] { promise.set_value(); }); });
    promise.get_future().get();
  }
  // Runs f on the loop's thread.
  template <class F>
  auto on_loop(F f) {
    std::promise<decltype(f())> promise;
    loop_.post([&] {
      if constexpr (std::is_void_v<decltype(f())>) {
        f();
        promise.set_value();
      } else {
        promise.set_value(f());
      }
    });
    return promise.get_future().get();
  }

  net::Loop& loop() { return loop_; }
  const Context& context() const { return *context_; }
  const Installation& installation() const { return *installation_; }
  io::Path path(std::string_view name) const { return folder_ + "/" + std::string(name); }
  // An address of this test program's own: others may run at the same time.
  static std::string address(unsigned last) {
    return fmt::format("127.{}.{}.{}", 100 + ::getpid() / 256 % 100, ::getpid() % 256, last);
  }
  // Every process that works anywhere below a folder. The warm pool's come and go beside a cluster's.
  static std::vector<pid_t> processes_in(const io::Path& folder) {
    std::vector<pid_t> found;
    const auto names = io::list_folder("/proc");
    for (const auto& name : names.value()) {
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      std::string target(4096, '\0');
      const ssize_t length = ::readlink(("/proc/" + name + "/cwd").c_str(), target.data(), target.size());
      if (length > 0 && target.starts_with(folder + "/")) found.push_back(std::stoi(name));
    }
    return found;
  }

 private:
  void kill_all() const {
    for (int round = 0; round < 500; ++round) {
      const auto pids = processes_in(folder_);
      if (pids.empty()) return detail::release_shared_memory_below(folder_);
      for (const pid_t pid : pids) ::kill(pid, SIGKILL);
      ::usleep(10'000);
    }
  }

  std::string folder_;
  net::Loop loop_;
  io::Pool pool_{4};
  std::thread thread_;
  std::optional<Installation> installation_;
  std::optional<Context> context_;
};

// A cluster that is gone at the end of its scope, however that is left.
class ScopedCluster {
 public:
  ScopedCluster(TestBed& bed, const io::Path& folder, Cluster::Handlers handlers = {},
                std::map<std::string, ServerOptions> members = {})
      : bed_(bed), cluster_(std::make_unique<Cluster>(bed.context(), bed.installation(), folder, std::move(handlers))) {
    const auto opened = bed_.run(cluster_->open(std::move(members)));
    if (!opened) throw std::runtime_error(opened.error().message());
  }
  ~ScopedCluster() {
    if (!cluster_) return;
    const auto destroyed = bed_.run(cluster_->destroy());
    EXPECT_TRUE(destroyed) << destroyed.error().message();
    let_go();
  }
  // The servers run on, as when we end.
  void let_go() {
    bed_.run(cluster_->close());
    bed_.on_loop([this] { cluster_.reset(); });
  }
  Cluster* operator->() { return cluster_.get(); }

 private:
  TestBed& bed_;
  std::unique_ptr<Cluster> cluster_;
};

}  // namespace boreal::postgres
