// A load maker for HTTP servers: sends ready-made requests over keep-alive connections and counts what comes back.
// One thread and one epoll, so that little of the machine is taken from the server that is measured.
//
//   bench_load PORT CONNECTIONS SECONDS REQUESTS_FILE
//
// The file holds heads of requests, one behind the other, each ended by an empty line. Of each that tells a
// Content-Length so many bytes are sent as its body. Connection number i sends requests i, i + CONNECTIONS, … and
// begins again at the end; with SECONDS 0 each request is sent once. Prints one line of JSON.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr size_t body_buffer_bytes = 1 << 20;
constexpr size_t receive_buffer_bytes = 256 << 10;
constexpr size_t max_head_bytes = 64 << 10;
constexpr double drain_seconds = 60;  // for the answers that are under way at the end

double now_s() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

[[noreturn]] void die(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

constexpr std::string_view length_field = "\r\ncontent-length:";
constexpr std::string_view encoding_field = "\r\ntransfer-encoding:";

// The value of a field in a head, up to the head's end; empty if it is not there.
std::string_view field(std::string_view head, std::string_view name) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a | 0x20 : a) == b; };
  const auto found = std::search(head.begin(), head.end(), name.begin(), name.end(), same);
  if (found == head.end()) return {};
  head.remove_prefix(static_cast<size_t>(found - head.begin()) + name.size());
  head.remove_prefix(std::min(head.find_first_not_of(' '), head.size()));
  return head;
}

uint64_t number(std::string_view text, int base) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

// Follows a body that comes in chunks to its end.
class Chunks {
 public:
  // True when the body is complete; what is behind it stays in `data`.
  bool take(std::string_view& data) {
    while (!data.empty()) {
      if (left_ > 0) {
        const uint64_t part = std::min<uint64_t>(left_, data.size());
        left_ -= part;
        data.remove_prefix(part);
        continue;
      }
      const size_t end = data.find('\n');
      line_ += data.substr(0, end);
      if (end == data.npos) return false;
      data.remove_prefix(end + 1);
      const std::string line = std::exchange(line_, {});
      if (last_ && line == "\r") return true;
      if (last_) continue;  // a trailer
      const uint64_t bytes = number(line, 16);
      last_ = bytes == 0;
      if (!last_) left_ = bytes + 2;  // and the end of its line
    }
    return false;
  }

 private:
  std::string line_;
  uint64_t left_ = 0;
  bool last_ = false;
};

// What bodies are made of. Asked for before the clock starts: its pages are touched for the first time then.
const std::string& body_bytes() {
  static const std::string body(body_buffer_bytes, 'b');
  return body;
}

struct Request {
  std::string head;
  uint64_t body_bytes = 0;
};

std::vector<Request> read_requests(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<Request> requests;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find("\r\n\r\n", at);
    if (end == text.npos) throw std::runtime_error("the last request is not ended by an empty line");
    Request request{text.substr(at, end + 4 - at), 0};
    request.body_bytes = number(field(request.head, length_field), 10);
    requests.push_back(std::move(request));
    at = end + 4;
  }
  if (requests.empty()) throw std::runtime_error("no requests");
  return requests;
}

struct Totals {
  uint64_t answers = 0;
  uint64_t bad = 0;  // not 2xx
  uint64_t received_bytes = 0;
  uint64_t sent_bytes = 0;
  std::string first_bad;
  std::vector<float> latencies_ms;
};

class Connection {
 public:
  Connection(int port, int epoll, const std::vector<Request>& requests, size_t first, size_t step, Totals& totals)
      : port_(port), epoll_(epoll), requests_(requests), next_(first), step_(step), totals_(totals) {
    connect();
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;

  // Begins the next request; false when there is none left (of those to be sent once).
  bool begin(bool once) {
    if (next_ >= requests_.size()) {
      if (once) return false;
      next_ %= requests_.size();
    }
    if (closes_) {
      ::close(fd_);
      connect();
    }
    request_ = &requests_[next_];
    next_ += step_;
    sent_ = 0;
    head_.clear();
    left_ = 0;
    in_body_ = false;
    began_s_ = now_s();
    send_more();
    return true;
  }

  // True when the answer is complete.
  bool on_event(uint32_t events, char* buffer) {
    if (request_ == nullptr) {  // it has no more to do, and the server closes it
      ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd_, nullptr);
      return false;
    }
    if (events & EPOLLOUT) send_more();
    return (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && receive(buffer);
  }

 private:
  void connect() {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address{.sin_family = AF_INET,
                              .sin_port = htons(static_cast<uint16_t>(port_)),
                              .sin_addr = {htonl(INADDR_LOOPBACK)},
                              .sin_zero = {}};
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("connect");
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    closes_ = watches_writable_ = false;
    epoll_event event{.events = EPOLLIN, .data = {.ptr = this}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event) != 0) die("epoll_ctl");
  }

  void send_more() {
    const std::string& body = body_bytes();
    const uint64_t head_bytes = request_->head.size();
    const uint64_t all = head_bytes + request_->body_bytes;
    while (sent_ < all) {
      iovec parts[2];
      int count = 0;
      if (sent_ < head_bytes) {
        parts[count++] = {const_cast<char*>(request_->head.data()) + sent_, head_bytes - sent_};
      }
      const uint64_t body_left = all - std::max(sent_, head_bytes);
      if (body_left > 0) {
        parts[count++] = {const_cast<char*>(body.data()),
                          static_cast<size_t>(std::min<uint64_t>(body_left, body.size()))};
      }
      msghdr message{};
      message.msg_iov = parts;
      message.msg_iovlen = static_cast<size_t>(count);
      const ssize_t put = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno == EAGAIN) return watch(true);
      if (put < 0) die("send");
      sent_ += static_cast<uint64_t>(put);
      totals_.sent_bytes += static_cast<uint64_t>(put);
    }
    watch(false);
  }

  void watch(bool writable) {
    if (writable == watches_writable_) return;
    watches_writable_ = writable;
    epoll_event event{.events = EPOLLIN | (writable ? uint32_t{EPOLLOUT} : 0u), .data = {.ptr = this}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_, &event) != 0) die("epoll_ctl");
  }

  bool receive(char* buffer) {
    for (;;) {
      const ssize_t got = ::recv(fd_, buffer, receive_buffer_bytes, MSG_DONTWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return false;
      if (got < 0) die("receive");
      if (got == 0) throw std::runtime_error("the server closed a connection; the answer so far: " + head_);
      totals_.received_bytes += static_cast<uint64_t>(got);
      if (take({buffer, static_cast<size_t>(got)})) return true;
    }
  }

  bool take(std::string_view data) {
    if (!in_body_) {
      head_ += data;
      const size_t end = head_.find("\r\n\r\n");
      if (end == head_.npos) {
        if (head_.size() > max_head_bytes) throw std::runtime_error("an answer's head without end");
        return false;
      }
      in_body_ = true;
      const auto head = std::string_view(head_).substr(0, end + 2);
      const auto length = field(head, length_field);
      left_ = number(length, 10);
      chunks_.reset();
      if (length.empty() && field(head, encoding_field).starts_with("chunked")) chunks_.emplace();
      closes_ = head.find("\r\nConnection: close\r\n") != head.npos;
      data = std::string_view(head_).substr(end + 4);
      const bool good = head_.size() > 9 && head_[9] == '2';
      if (!good && totals_.bad++ == 0) totals_.first_bad = head_;
    }
    const bool complete = chunks_ ? chunks_->take(data) : data.size() == left_;
    if (chunks_ ? complete && !data.empty() : data.size() > left_)
      throw std::runtime_error("more came than was told: " + head_);
    if (!chunks_) left_ -= data.size();
    if (!complete) return false;
    request_ = nullptr;
    ++totals_.answers;
    totals_.latencies_ms.push_back(static_cast<float>((now_s() - began_s_) * 1e3));
    return true;
  }

  const int port_;
  const int epoll_;
  const std::vector<Request>& requests_;
  size_t next_;
  const size_t step_;
  Totals& totals_;
  int fd_ = -1;
  const Request* request_ = nullptr;
  uint64_t sent_ = 0;
  bool watches_writable_ = false;
  bool closes_ = false;  // the server closes after this answer, and a new connection is made
  std::string head_;
  bool in_body_ = false;
  uint64_t left_ = 0;             // of the body
  std::optional<Chunks> chunks_;  // instead, where the body's length is not told
  double began_s_ = 0;
};

Totals run(int port, size_t count, double seconds, const std::vector<Request>& requests) {
  Totals totals;
  const bool once = seconds <= 0;
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> connections;
  for (size_t i = 0; i < count; ++i) {
    connections.push_back(std::make_unique<Connection>(port, epoll, requests, i, count, totals));
  }
  const auto buffer = std::make_unique<char[]>(receive_buffer_bytes);
  (void)body_bytes();
  const double start_s = now_s();
  size_t busy = 0;
  for (const auto& connection : connections) busy += connection->begin(once) ? 1 : 0;
  double last_s = now_s();
  while (busy > 0) {
    epoll_event events[64];
    const int ready = ::epoll_wait(epoll, events, std::size(events), 1000);
    const double time_s = now_s();
    if (ready > 0) last_s = time_s;
    if (time_s - last_s > drain_seconds) throw std::runtime_error("the server answers no more");
    for (int i = 0; i < ready; ++i) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      if (!connection->on_event(events[i].events, buffer.get())) continue;
      const bool goes_on = (once || time_s < start_s + seconds) && connection->begin(once);
      if (!goes_on) --busy;
    }
  }
  const double took_s = now_s() - start_s;
  std::ranges::sort(totals.latencies_ms);
  const auto quantile = [&](double q) {
    const auto& all = totals.latencies_ms;
    return all.empty() ? 0.f : all[std::min(all.size() - 1, static_cast<size_t>(q * static_cast<double>(all.size())))];
  };
  fmt::print(
      R"({{"answers": {}, "bad": {}, "seconds": {:.4f}, "received": {}, "sent": {}, "p50_ms": {:.3f}, "p99_ms": {:.3f}}})"
      "\n",
      totals.answers, totals.bad, took_s, totals.received_bytes, totals.sent_bytes, quantile(0.5), quantile(0.99));
  ::close(epoll);
  return totals;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 5) throw std::runtime_error("usage: bench_load PORT CONNECTIONS SECONDS REQUESTS_FILE");
    const auto totals = run(std::stoi(argv[1]), std::stoul(argv[2]), std::stod(argv[3]), read_requests(argv[4]));
    if (totals.bad > 0) fmt::print(stderr, "the first answer that was not 2xx:\n{}\n", totals.first_bad);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_load: {}\n", error.what());
    return 1;
  }
}
