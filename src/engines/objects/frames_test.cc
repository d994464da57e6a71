#include "objects/frames.h"

#include <gtest/gtest.h>

namespace boreal::objects {
namespace {

TEST(Frames, ATableIsOfWholeEntries) {
  const std::vector<uint64_t> ends = {116, 65'640};
  const std::string table = encode_table(ends);
  EXPECT_EQ(decode_table(as_bytes(table)).value(), ends);
  // A right CRC behind half an entry: that of four FF is four FF again.
  for (const std::string& damaged : {std::string(8, '\xff'), std::string(), table.substr(1), table + "x"}) {
    const auto decoded = decode_table(as_bytes(damaged));
    ASSERT_FALSE(decoded) << damaged.size();
    EXPECT_EQ(decoded.error().code(), Errc::corrupt);
  }
}

}  // namespace
}  // namespace boreal::objects
