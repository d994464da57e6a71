// PostgreSQL's own programs, run to their end without blocking the loop.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/stream.h"
#include "postgres/background.h"
#include "postgres/context.h"
#include "postgres/installation.h"
#include "process/process.h"

namespace boreal::postgres::detail {

// A command that runs as the servers' user, in its environment.
process::Command command(const Context& context, std::vector<std::string> arguments, io::Path folder = "/");

// A running program whose standard output is read and whose input is written as streams. What it says on standard
// error is kept (its end, when it is long) for the message of finish().
class Tool {
 public:
  static Task<Result<std::unique_ptr<Tool>>> start(const Context& context, process::Command command);
  ~Tool();  // kills it if it still runs

  Task<Result<size_t>> read(MutableBytes buffer, Duration patience);  // 0 at the end
  Task<Result<void>> write(Bytes data);
  void close_input();
  void kill();  // with everything that it started; finish() then tells of it
  // Waits for its end; an error quotes what it said. Read its output to the end first.
  Task<Result<void>> finish();

 private:
  Tool(const Context& context, std::string name) : context_(context), name_(std::move(name)) {}
  std::string complaint() const;

  const Context& context_;
  std::string name_;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;  // a file without a name
  std::optional<process::Process> process_;
  bool finished_ = false;
};

// No byte for so long: it hangs.
constexpr Duration progress_timeout = std::chrono::minutes(10);
// Of tools that work through a whole database and say nothing meanwhile.
constexpr Duration quiet_timeout = std::chrono::hours(12);

// Runs it with this input; returns its output, of at most 1 MiB. What belongs to a `background` has its
// priority, and ends with it. Errc::timeout when it says nothing for `patience`.
Task<Result<std::string>> run_tool(const Context& context, process::Command command, std::string input = {},
                                   Background* background = nullptr, Duration patience = progress_timeout);

}  // namespace boreal::postgres::detail
