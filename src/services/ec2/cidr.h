// Blocks of IP addresses in CIDR notation (RFC 4632; RFC 4291 and 5952 for IPv6).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace boreal::ec2 {

// A block without host bits: the first address of it, and how many bits all of its addresses share.
class Cidr {
 public:
  // "10.0.0.0/16", "2001:db8::/32". Host bits are cleared, as AWS does: "10.0.1.2/16" is 10.0.0.0/16.
  // Errc::invalid for anything else: no length, leading zeros, blanks, zones.
  static Result<Cidr> parse(std::string_view text);

  bool is_ipv6() const { return ipv6_; }
  int length() const { return length_; }
  int bits() const { return ipv6_ ? 128 : 32; }  // of an address
  std::string to_string() const;

  // Every address of `other` is one of this block. Blocks of different families share nothing.
  bool contains(const Cidr& other) const;
  bool overlaps(const Cidr& other) const { return contains(other) || other.contains(*this); }
  // How many addresses the block has; IPv4 only.
  int64_t size() const { return int64_t{1} << (32 - length_); }
  // The address at `offset`, which is below size(), as text; IPv4 only.
  std::string address(int64_t offset) const;

  bool operator==(const Cidr&) const = default;

 private:
  bool ipv6_ = false;
  int length_ = 0;
  std::array<uint8_t, 16> bytes_{};  // IPv4: the first four
};

}  // namespace boreal::ec2
