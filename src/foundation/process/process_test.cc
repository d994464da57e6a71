#include "process/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "io/file.h"
#include "io/testing.h"

namespace boreal::process {
namespace {

using io::TempFolder;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

Command shell(std::string script) { return {.arguments = {"/bin/sh", "-c", std::move(script)}}; }

Output output_of(const Command& command, const RunOptions& options = {}) {
  auto output = run(command, options);
  EXPECT_TRUE(output) << output.error().message();
  return output ? *output : Output{};
}

TEST(Run, TakesOutputErrorAndCode) {
  const auto output = output_of(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(output.out, "out\n");
  EXPECT_EQ(output.err, "err\n");
  EXPECT_EQ(output.exit.code, 3);
  EXPECT_EQ(output.exit.describe(), "exit code 3");
  EXPECT_FALSE(output.exit.ok());
  EXPECT_FALSE(output.truncated);
}

TEST(Run, TellsASignal) {
  const auto output = output_of(shell("kill -9 $$"));
  EXPECT_EQ(output.exit.signal, SIGKILL);
  EXPECT_EQ(output.exit.code, std::nullopt);
  EXPECT_THAT(output.exit.describe(), HasSubstr("signal 9"));
}

TEST(Run, RunOkQuotesWhatTheProgramSaid) {
  const auto failed = run_ok(shell("echo 'no such database' >&2; exit 2"));
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message(), HasSubstr("exit code 2: no such database"));
  EXPECT_TRUE(run_ok(shell("true")));
}

TEST(Run, GivesInput) {
  const std::string input(300'000, 'x');  // more than a pipe holds
  EXPECT_EQ(output_of(shell("cat"), {.input = input}).out, input);
}

TEST(Run, BoundsOutput) {
  const auto output = output_of(shell("head -c 3000000 /dev/zero"), {.max_output_bytes = 1000});
  EXPECT_EQ(output.out.size(), 1000U);
  EXPECT_TRUE(output.truncated);
  EXPECT_TRUE(output.exit.ok());
}

TEST(Run, KillsTheWholeGroupWhenTimeIsOver) {
  const TempFolder folder;
  // Long enough for the shell to have begun, which a busy machine makes long.
  for (milliseconds time{300}; !io::exists(folder / "pid").value(); time *= 2) {
    ASSERT_LT(time, seconds(60));
    const auto result = run(shell("sleep 1000 & echo $! > " + (folder / "new") + "; mv " + (folder / "new") + " " +
                                  (folder / "pid") + "; while :; do echo y; done"),
                            {.max_output_bytes = 10, .timeout = time});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::timeout);
  }
  const pid_t grandchild = std::stoi(io::read_file(folder / "pid").value());
  // It has been sent SIGKILL; that it is dead already is not said.
  if (const auto identity = Identity::of(grandchild)) {
    if (const auto left = Process::adopt(*identity)) EXPECT_TRUE(left->wait(seconds(60)));
  }
}

TEST(Run, EndsWhenItIsCancelled) {
  const std::atomic<bool> cancelled = true;
  const auto result = run(shell("sleep 1000"), {.timeout = std::chrono::hours(1), .cancelled = &cancelled});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::cancelled);
}

TEST(Run, ADaemonThatKeepsThePipesOpenIsNotWaitedFor) {
  const TempFolder folder;
  const auto output = output_of(shell("sleep 1000 & echo $!"), {.timeout = seconds(60)});
  EXPECT_TRUE(output.exit.ok());
  ASSERT_FALSE(output.out.empty());
  ::kill(std::stoi(output.out), SIGKILL);
}

TEST(Spawn, ErrorsNameTheStep) {
  EXPECT_EQ(run({.arguments = {}}).error().code(), Errc::invalid);
  EXPECT_EQ(run({.arguments = {"sh"}}).error().code(), Errc::invalid);
  const auto missing = run({.arguments = {"/no/such/program"}});
  EXPECT_EQ(missing.error().code(), Errc::not_found);
  EXPECT_THAT(missing.error().message(), HasSubstr("/no/such/program: run"));
  auto elsewhere = shell("true");
  elsewhere.folder = "/no/such/folder";
  EXPECT_THAT(run(elsewhere).error().message(), HasSubstr("go to the folder"));
  auto zero = shell("true");
  zero.arguments.emplace_back("a\0b", 3);
  EXPECT_EQ(run(zero).error().code(), Errc::invalid);
}

TEST(Spawn, TheChildSeesOnlyItsOwnEnvironmentAndFolder) {
  ASSERT_EQ(::setenv("BOREAL_TEST_SECRET", "1", 1), 0);
  const TempFolder folder;
  auto command = shell("env; pwd; umask");
  command.environment = {{"GIVEN", "yes"}};
  command.folder = folder.path();
  const auto output = output_of(command);
  EXPECT_THAT(output.out, HasSubstr("GIVEN=yes\n"));
  EXPECT_THAT(output.out, HasSubstr("PATH="));
  EXPECT_THAT(output.out, HasSubstr(folder.path() + "\n"));
  EXPECT_THAT(output.out, HasSubstr("0077\n"));
  EXPECT_THAT(output.out, Not(HasSubstr("BOREAL_TEST_SECRET")));
}

TEST(Spawn, TheChildInheritsNoDescriptorsAndNoIgnoredSignals) {
  const int leaked = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as libraries do
  ASSERT_GE(leaked, 3);
  auto* const before = ::signal(SIGPIPE, SIG_IGN);
  const auto output =
      output_of({.arguments = {"/bin/sh", "-c", "ls /proc/self/fd; grep -E 'SigIgn|SigBlk' /proc/self/status"}});
  ::signal(SIGPIPE, before);
  ::close(leaked);
  // 3 is ls's own, of the folder it lists.
  EXPECT_EQ(output.out, "0\n1\n2\n3\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Spawn, LimitsHold) {
  auto command = shell("ulimit -n; ulimit -c");
  command.limits = {.open_files = 77, .core_bytes = 0};
  EXPECT_EQ(output_of(command).out, "77\n0\n");
}

// Beside others of its session by its nice value, beside other sessions by the session's, where sessions have one.
TEST(Spawn, StepsBack) {
  auto command = shell("nice; sed 's/.* nice//' /proc/self/autogroup 2>/dev/null || echo ' 19'");
  command.lowest_priority = true;
  // Not every user may change a session's again within a tenth of a second of somebody else.
  std::string said;
  for (int i = 0; i < 100 && said != "19\n 19\n"; ++i) said = output_of(command).out;
  EXPECT_EQ(said, "19\n 19\n");
}

TEST(Spawn, RunsAsAnotherUser) {
  if (!is_root()) GTEST_SKIP() << "only root can change users";
  const auto nobody = find_user("nobody");
  ASSERT_TRUE(nobody) << nobody.error().message();
  auto command = shell("id -u; id -g; id -G; grep -E '^(Uid|Gid):' /proc/self/status");
  command.user = *nobody;
  const auto output = output_of(command);
  const std::string uid = std::to_string(nobody->uid);
  EXPECT_THAT(output.out, testing::StartsWith(uid + "\n" + std::to_string(nobody->gid) + "\n"));
  EXPECT_THAT(output.out, HasSubstr("Uid:\t" + uid + "\t" + uid + "\t" + uid + "\t" + uid));
  EXPECT_EQ(::getuid(), 0U);  // and we stay who we are
  // The folder is entered as that user.
  const TempFolder folder;
  command.folder = folder.path();
  EXPECT_EQ(run(command).error().code(), Errc::denied);
}

TEST(Users, AreLookedUp) {
  const auto root = find_user("root");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->uid, 0U);
  EXPECT_THAT(root->groups, testing::Contains(root->gid));
  EXPECT_EQ(find_user("no-such-user-here").error().code(), Errc::not_found);
}

TEST(Process, AppendsOutputToAFile) {
  const TempFolder folder;
  auto command = shell("echo one; echo two >&2");
  command.output_file = folder / "log";
  for (int i = 0; i < 2; ++i) {
    const auto process = Process::spawn(command);
    ASSERT_TRUE(process) << process.error().message();
    EXPECT_TRUE(process->wait(seconds(60)).value().ok());
  }
  EXPECT_EQ(io::read_file(folder / "log").value(), "one\ntwo\none\ntwo\n");
}

TEST(Process, IsWatchedAndSignalled) {
  const auto process = Process::spawn({.arguments = {"/bin/sleep", "1000"}});
  ASSERT_TRUE(process);
  EXPECT_EQ(::getsid(process->pid()), process->pid());
  EXPECT_EQ(process->poll().value(), std::nullopt);
  EXPECT_EQ(process->wait(milliseconds(60)).error().code(), Errc::timeout);
  ASSERT_TRUE(process->signal(SIGTERM));
  EXPECT_EQ(process->wait(seconds(60)).value().signal, SIGTERM);
  pollfd item{.fd = process->pidfd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&item, 1, 0), 1);
  EXPECT_EQ(process->poll().value()->signal, SIGTERM);  // as often as asked
  EXPECT_EQ(process->signal(SIGTERM).error().code(), Errc::not_found);
}

TEST(Process, TheGroupCanBeKilledAfterItsLeader) {
  const TempFolder folder;
  auto command = shell("sleep 1000 & echo $!");
  command.output_file = folder / "pid";
  const auto process = Process::spawn(command);
  ASSERT_TRUE(process);
  ASSERT_TRUE(process->wait(seconds(60)).value().ok());
  const pid_t left = std::stoi(io::read_file(folder / "pid").value());
  const auto identity = Identity::of(left);
  ASSERT_TRUE(identity);
  const auto adopted = Process::adopt(*identity);
  ASSERT_TRUE(adopted);
  ASSERT_TRUE(process->signal_group(SIGKILL));
  EXPECT_TRUE(adopted->wait(seconds(60)));
}

TEST(Process, NoZombieIsLeft) {
  pid_t pid = 0;
  {
    const auto process = Process::spawn(shell("true"));
    ASSERT_TRUE(process);
    pid = process->pid();
    ASSERT_TRUE(process->wait(seconds(60)));
  }
  EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(Adopt, FindsAProcessOfAnEarlierRun) {
  // The middle process is "the earlier run": it starts a child and dies.
  const TempFolder folder;
  const pid_t earlier = ::fork();
  if (earlier == 0) {
    const auto child = Process::spawn({.arguments = {"/bin/sleep", "1000"}});
    const bool written = child && io::write_file_atomically(folder / "id", child->identity().to_string());
    ::_exit(written ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(earlier, &status, 0), earlier);
  ASSERT_EQ(status, 0);
  const auto identity = Identity::parse(io::read_file(folder / "id").value());
  ASSERT_TRUE(identity);
  const auto process = Process::adopt(*identity);
  ASSERT_TRUE(process) << process.error().message();
  EXPECT_EQ(process->poll().value(), std::nullopt);

  // A recycled pid is someone else: another start time, or another boot.
  auto other = *identity;
  other.start_ticks -= 1;
  EXPECT_EQ(Process::adopt(other).error().code(), Errc::not_found);
  other = *identity;
  other.boot_id = "11111111-1111-1111-1111-111111111111";
  EXPECT_EQ(Process::adopt(other).error().code(), Errc::not_found);

  ASSERT_TRUE(process->signal_group(SIGKILL));
  const auto exit = process->wait(seconds(60));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->describe(), "ended");
  EXPECT_EQ(Process::adopt(*identity).error().code(), Errc::not_found);
  EXPECT_EQ(process->signal(SIGTERM).error().code(), Errc::not_found);
  EXPECT_EQ(process->signal_group(SIGTERM).error().code(), Errc::not_found);
}

TEST(Identity, IsKeptAsText) {
  const auto mine = Identity::of(::getpid());
  ASSERT_TRUE(mine);
  EXPECT_EQ(Identity::parse(mine->to_string()).value(), *mine);
  for (const char* bad : {"", "1", "1 2", "x 2 b", "1 x b", "-1 2 b", "0 2 b", "1  2 b"}) {
    EXPECT_EQ(Identity::parse(bad).error().code(), Errc::corrupt) << bad;
  }
}

TEST(Identity, OfAProcessWithAnOddName) {
  const TempFolder folder;
  const io::Path odd = folder / "a) Z 1 (b";
  ASSERT_TRUE(run_ok({.arguments = {"/bin/cp", "/bin/sleep", odd}}));
  const auto process = Process::spawn({.arguments = {odd, "1000"}});
  ASSERT_TRUE(process) << process.error().message();
  EXPECT_GT(process->identity().start_ticks, 0U);
  EXPECT_TRUE(Process::adopt(process->identity()));
  ASSERT_TRUE(process->signal(SIGKILL));
  EXPECT_TRUE(process->wait(seconds(60)));
}

}  // namespace
}  // namespace boreal::process
