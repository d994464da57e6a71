#include "endpoints/first_packet.h"

namespace boreal::endpoints {

namespace {

constexpr uint32_t cancel_code = 80877102;
constexpr uint32_t tls_code = 80877103;
constexpr uint32_t gss_code = 80877104;
constexpr size_t cancel_min_bytes = 16;  // length, code, process id, key of four bytes
constexpr std::byte tls_handshake_record{0x16};

uint32_t be32(Bytes bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<uint32_t>(bytes[i]);
  return value;
}

void put_be32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

}  // namespace

std::optional<FirstPacket> classify(Bytes begin) {
  if (!begin.empty() && begin[0] == tls_handshake_record) return FirstPacket::direct_tls;
  if (begin.size() < 8) return std::nullopt;
  const uint32_t length = be32(begin);
  if (length < 8 || length > first_packet_max_bytes) return FirstPacket::malformed;
  const uint32_t code = be32(begin.subspan(4));
  if (code == tls_code) return FirstPacket::tls_request;
  if (code == gss_code) return FirstPacket::gss_request;
  if (code != cancel_code) return FirstPacket::startup;
  if (length < cancel_min_bytes) return FirstPacket::malformed;
  return begin.size() < length ? std::nullopt : std::optional(FirstPacket::cancel);
}

std::string fatal_error(std::string_view sqlstate, std::string_view message) {
  std::string fields;
  for (const auto& [kind, value] :
       {std::pair{'S', std::string_view("FATAL")}, {'V', std::string_view("FATAL")}, {'C', sqlstate}, {'M', message}}) {
    fields += kind;
    fields += value;
    fields += '\0';
  }
  fields += '\0';
  std::string packet = "E";
  put_be32(packet, static_cast<uint32_t>(fields.size() + 4));
  return packet + fields;
}

}  // namespace boreal::endpoints
