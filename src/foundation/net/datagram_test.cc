#include "net/datagram.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "io/testing.h"

namespace boreal::net {
namespace {

// A socket that somebody listens at. `path` with a leading zero byte: an abstract name.
class Receiver {
 public:
  explicit Receiver(std::string_view path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::memcpy(address.sun_path, path.data(), path.size());
    const bool is_path = path[0] != '\0';
    const size_t length = offsetof(sockaddr_un, sun_path) + path.size() + (is_path ? 1 : 0);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length)), 0);
  }
  ~Receiver() { ::close(fd_); }
  std::string next() {
    std::array<char, 1000> buffer;
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    return got < 0 ? "nothing" : std::string(buffer.data(), static_cast<size_t>(got));
  }

 private:
  int fd_;
};

TEST(Datagram, ReachesAPathAndAnAbstractName) {
  const io::TempFolder folder;
  Receiver at_path(folder / "notify");
  ASSERT_TRUE(send_datagram(folder / "notify", "READY=1\nSTATUS=a"));
  ASSERT_TRUE(send_datagram(folder / "notify", "STOPPING=1"));
  EXPECT_EQ(at_path.next(), "READY=1\nSTATUS=a");
  EXPECT_EQ(at_path.next(), "STOPPING=1");
  EXPECT_EQ(at_path.next(), "nothing");

  const std::string name = "boreal-test-" + std::to_string(::getpid());
  Receiver abstract(std::string(1, '\0') + name);
  ASSERT_TRUE(send_datagram("@" + name, "READY=1"));
  EXPECT_EQ(abstract.next(), "READY=1");
  EXPECT_FALSE(send_datagram("@" + name + "x", "READY=1")) << "the name has its length";
}

TEST(Datagram, SaysWhatIsNoSocket) {
  const io::TempFolder folder;
  EXPECT_EQ(send_datagram(folder / "absent", "a").error().code(), Errc::not_found);
  for (const std::string& socket :
       {std::string(), std::string("@"), std::string("relative"), "/" + std::string(107, 'x'),
        "@" + std::string(108, 'x'), std::string("vsock:2:1"), std::string("/a\0b", 4)}) {
    const auto sent = send_datagram(socket, "a");
    ASSERT_FALSE(sent) << socket;
    EXPECT_EQ(sent.error().code(), Errc::invalid) << socket;
  }
}

}  // namespace
}  // namespace boreal::net
