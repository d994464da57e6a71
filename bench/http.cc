// A server that answers 1 KiB (or the number of bytes given as /N), for load generators:
//   http [port] &   wrk -t1 -c16 -d5 http://127.0.0.1:port/
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <string>

#include "base/log.h"
#include "http/server.h"

namespace {

using namespace boreal;

Task<http::Response> answer(http::Request& request) {
  size_t size = 1024;
  std::from_chars(request.path.data() + 1, request.path.data() + request.path.size(), size);
  http::Response response{.body = std::string(std::min<size_t>(size, 64 << 20), 'x')};
  response.headers.add("Content-Type", "application/octet-stream");
  response.headers.add("x-amz-request-id", "0123456789ABCDEF");
  co_return response;
}

}  // namespace

int main(int count, char** arguments) {
  net::Loop loop;
  http::Options options;
  options.listen.address = {.host = "127.0.0.1",
                            .port = static_cast<uint16_t>(count > 1 ? std::atoi(arguments[1]) : 8080)};
  auto server = http::Server::open(loop, std::move(options), answer);
  if (!server) {
    log::error("bench", server.error().message());
    return 1;
  }
  log::info("bench", "listening", {{"address", (*server)->address().to_string()}});
  loop.run();
}
