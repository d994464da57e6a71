#include "endpoints/first_packet.h"

#include <gtest/gtest.h>

namespace boreal::endpoints {
namespace {

using namespace std::string_view_literals;

TEST(FirstPacket, IsToldByItsBeginning) {
  EXPECT_EQ(classify(as_bytes("\0\0\0\x08\x04\xd2\x16\x2f"sv)), FirstPacket::tls_request);
  EXPECT_EQ(classify(as_bytes("\0\0\0\x08\x04\xd2\x16\x30"sv)), FirstPacket::gss_request);
  EXPECT_EQ(classify(as_bytes("\0\0\0\x54\0\x03\0\0user\0"sv)), FirstPacket::startup);  // in part
  EXPECT_EQ(classify(as_bytes("\0\0\0\x10\x04\xd2\x16\x2e"
                              "12345678"sv)),
            FirstPacket::cancel);
  EXPECT_EQ(classify(as_bytes("\x16\x03\x01"sv)), FirstPacket::direct_tls);
  EXPECT_EQ(classify(as_bytes("GET / HTTP/1.1\r\n"sv)), FirstPacket::malformed);
  EXPECT_EQ(classify(as_bytes("\0\0\0\x07\0\x03\0\0"sv)), FirstPacket::malformed);
  EXPECT_EQ(classify(as_bytes("\0\0\0\x0c\x04\xd2\x16\x2e"
                              "1234"sv)),
            FirstPacket::malformed);
}

TEST(FirstPacket, AsksForMoreOnlyWhenThatHelps) {
  EXPECT_EQ(classify({}), std::nullopt);
  EXPECT_EQ(classify(as_bytes("\0\0\0\x08\x04\xd2\x16"sv)), std::nullopt);
  EXPECT_EQ(classify(as_bytes("\0\0\0\x10\x04\xd2\x16\x2e"
                              "1234"sv)),
            std::nullopt);
}

TEST(FatalError, IsAnErrorResponse) {
  EXPECT_EQ(fatal_error("57P03", "no"), "E\0\0\0\x1eSFATAL\0VFATAL\0C57P03\0Mno\0\0"sv);
}

}  // namespace
}  // namespace boreal::endpoints
