#include "dms/probes.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iostream>
#include <iterator>

#include "base/text.h"
#include "io/file.h"
#include "net/loop.h"
#include "postgres/connection.h"
#include "process/process.h"

namespace boreal::dms {

namespace {

constexpr Duration connect_timeout{10'000};
constexpr Duration query_timeout{10'000};
constexpr Duration longest{25'000};  // then it hangs in libpq, and is killed
constexpr size_t max_schemas = 10'000;
constexpr size_t max_failure_bytes = 2'000;
constexpr rlim_t max_processor_seconds = 2;
constexpr rlim_t max_memory_bytes = 256 << 20;

// Of this process, in bytes, as RLIMIT_DATA counts them.
Result<rlim_t> data_size() {
  constexpr size_t column = 5;  // proc(5), statm: data and stack, in pages
  constexpr uint64_t most_pages = uint64_t{1} << 48;
  TRY(const auto text, io::read_file("/proc/self/statm", 4096));
  const auto words = split(text, ' ');
  if (words.size() <= column) return fail(Errc::corrupt, "/proc/self/statm is not as expected");
  TRY(const auto pages, parse_uint(words[column], most_pages));
  return static_cast<rlim_t>(pages) * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

// Beyond what it has: sanitizers and allocators have their own at the start.
Result<void> bound_this_process() {
  TRY(const rlim_t data, data_size());
  const rlimit memory{.rlim_cur = data + max_memory_bytes, .rlim_max = data + max_memory_bytes};
  if (::setrlimit(RLIMIT_DATA, &memory) != 0) return std::unexpected(Error::system(errno, "bound the memory"));
  const rlimit processor{.rlim_cur = max_processor_seconds, .rlim_max = max_processor_seconds};
  if (::setrlimit(RLIMIT_CPU, &processor) != 0)
    return std::unexpected(Error::system(errno, "bound the processor time"));
  return {};
}

Task<Result<std::vector<std::string>>> connect_and_ask(net::Loop& loop, ProbeOrder order) {
  postgres::Connection::Parameters parameters = {
      {"hostaddr", order.addresses}, {"port", std::to_string(order.port)}, {"dbname", order.database},
      {"user", order.user},          {"password", order.password},         {"sslmode", order.ssl_mode},
      {"gssencmode", "disable"},     {"application_name", "boreal dms"},
  };
  CO_TRY(const auto connection, co_await postgres::Connection::open(loop, std::move(parameters), connect_timeout));
  std::vector<std::string> names;
  if (!order.wants_schemas) {
    CO_TRY(const auto rows, co_await connection->query("SELECT 1", {}, query_timeout));
    if (rows.scalar() != "1") co_return fail(Errc::invalid, "the server does not answer as PostgreSQL does");
    co_return names;
  }
  CO_TRY(const auto rows,
         co_await connection->query("SELECT nspname FROM pg_catalog.pg_namespace "
                                    "WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%' "
                                    "ORDER BY nspname COLLATE \"C\" LIMIT " +
                                        std::to_string(max_schemas),
                                    {}, query_timeout));
  for (const auto& row : rows.rows) {
    if (row.empty()) co_return fail(Errc::invalid, "the server does not answer as PostgreSQL does");
    names.push_back(row.front().value_or(""));
  }
  co_return names;
}

}  // namespace

Task<Result<ProbeAnswer>> Probes::ask(ProbeOrder order) {
  if (program_.empty()) co_return fail(Errc::unsupported, "no connections are made here");
  co_return co_await pool_.run([&]() -> Result<ProbeAnswer> {
    if (ending_) return fail(Errc::cancelled, "the server ends");
    process::Command command;
    command.arguments = {program_, std::string(probe_word)};
    command.environment = {{"HOME", "/dev/null"}};  // libpq takes certificates from there
    command.limits.core_bytes = 0;                  // it would hold the password
    const auto output =
        process::run(command, {.input = store::encode(order), .timeout = longest, .cancelled = &ending_});
    if (!output && output.error().code() == Errc::timeout) {
      return fail(Errc::timeout, "the server did not let go of the connection in time");
    }
    if (!output) return std::unexpected(Error(output.error()).within("connect in a process of its own"));
    if (!output->exit.ok() || output->truncated) {
      return fail(Errc::too_large, fmt::format("the server sent or demanded more than a connection may cost ({})",
                                               output->truncated ? "the answer is too long" : output->exit.describe()));
    }
    return store::decode<ProbeAnswer>(output->out);
  });
}

std::string answer_probe(std::string_view order) {
  ProbeAnswer answer;
  if (auto read = store::decode<ProbeOrder>(order)) {
    net::Loop loop;
    auto outcome = net::run_until_done(loop, connect_and_ask(loop, std::move(*read)));
    if (outcome) {
      answer.schemas = std::move(*outcome);
    } else {
      answer.failure = outcome.error().message().substr(0, max_failure_bytes);
    }
  } else {
    answer.failure = read.error().message();
  }
  return store::encode(answer);
}

int be_probe() {
  if (const auto bounded = bound_this_process(); !bounded) {
    std::cerr << bounded.error().message() << '\n';
    return 1;
  }
  const std::string order(std::istreambuf_iterator<char>(std::cin), {});
  std::cout << answer_probe(order) << std::flush;
  return 0;
}

}  // namespace boreal::dms
