#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace boreal::cli {
namespace {

TEST(Terminal, TextOfOthersMovesNoCursor) {
  EXPECT_EQ(plain("für 中, plain"), "für 中, plain");
  EXPECT_EQ(plain("\x1b[2Jgone\r\n\x7f\tx"), "?[2Jgone????x");
  EXPECT_EQ(plain("\u009b2J \u00a0"), "?2J \u00a0");
  EXPECT_EQ(plain("\xc2"), "\xc2");
}

TEST(Terminal, AWordOfAShellIsOneWord) {
  EXPECT_EQ(shell_word("http://127.0.0.1:4566"), "http://127.0.0.1:4566");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("http://[::1]:4566"), "'http://[::1]:4566'");
  EXPECT_EQ(shell_word("a; rm -rf 'b' $(c)"), R"('a; rm -rf '\''b'\'' $(c)')");
}

}  // namespace
}  // namespace boreal::cli
