// What a keeper does when something is not as it should be.
#include "rds/keeper.h"

#include "rds/test_bed.h"

namespace boreal::rds {
namespace {

class KeeperTest : public ServiceTest {
 protected:
  // Has all keepers look.
  void wake() { let_in(network_.rules); }
};

TEST_F(KeeperTest, WhoeverWakesItWhileItFailsBeginsNoRowOfTriesOfHisOwn) {
  must(&Service::create_db_cluster, cluster_input("prod"));
  network_.full = true;
  must(&Service::create_db_instance, instance_input("one", "prod"));
  ASSERT_TRUE(becomes_available("one"));
  for (int n = 0; n < 8; ++n) {  // so that it then waits for long
    const int before = network_.refused;
    wake();
    ASSERT_TRUE(eventually([&] { return network_.refused > before; }));
  }
  pass(Duration(200));
  const int tries = network_.refused;
  pass(Duration(5'000));
  EXPECT_EQ(network_.refused, tries);
  network_.full = false;
  wake();
  EXPECT_TRUE(eventually([&] { return run(on_loop([&] { return network_.attached.contains("rds:one"); })); }));
  remove_all("prod", {"one"});
}

}  // namespace
}  // namespace boreal::rds
