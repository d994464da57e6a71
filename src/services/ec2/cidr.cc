#include "ec2/cidr.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace boreal::ec2 {

namespace {

// How many of the first `length` bits two addresses have in common at least: all of them?
bool same_prefix(const std::array<uint8_t, 16>& a, const std::array<uint8_t, 16>& b, int length) {
  const int whole = length / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const int rest = length % 8;
  if (rest == 0) return true;
  const auto index = static_cast<size_t>(whole);
  return ((a[index] ^ b[index]) >> (8 - rest)) == 0;
}

}  // namespace

Result<Cidr> Cidr::parse(std::string_view text) {
  const auto wrong = [&] { return fail(Errc::invalid, fmt::format("'{}' is not a CIDR block", text.substr(0, 64))); };
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos || text.size() > 64) return wrong();
  const std::string address(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  // Also keeps NUL out, where inet_pton would stop reading.
  if (address.find_first_not_of("0123456789abcdefABCDEF.:") != std::string::npos) return wrong();
  Cidr cidr;
  cidr.ipv6_ = address.contains(':');
  const auto length = parse_int(digits, 0, cidr.bits());
  if (!length || (digits.size() > 1 && digits.front() == '0')) return wrong();
  cidr.length_ = static_cast<int>(*length);
  if (inet_pton(cidr.ipv6_ ? AF_INET6 : AF_INET, address.c_str(), cidr.bytes_.data()) != 1) return wrong();
  for (int bit = cidr.length_; bit < cidr.bits(); ++bit) {
    cidr.bytes_[static_cast<size_t>(bit / 8)] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
  }
  return cidr;
}

std::string Cidr::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(ipv6_ ? AF_INET6 : AF_INET, bytes_.data(), text.data(), text.size());
  return fmt::format("{}/{}", text.data(), length_);
}

bool Cidr::contains(const Cidr& other) const {
  return ipv6_ == other.ipv6_ && length_ <= other.length_ && same_prefix(bytes_, other.bytes_, length_);
}

std::string Cidr::address(int64_t offset) const {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | bytes_[i];
  value += static_cast<uint32_t>(offset);
  return fmt::format("{}.{}.{}.{}", value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255);
}

}  // namespace boreal::ec2
