// What a call is about while things change behind it.
#include <gtest/gtest.h>

#include <algorithm>

#include "aws/testing.h"
#include "ec2/service.h"

namespace boreal::ec2 {
namespace {

class Ec2AccessTest : public testing::Test {
 protected:
  template <class Out, class In>
  std::string code(std::string_view operation, In input) {
    const auto out = fixture.call<Out>(ec2, operation, std::move(input));
    return out ? "" : out.error().code;
  }
  void make_group(const std::string& name) {
    ASSERT_EQ(code<api::CreateSecurityGroupResult>(
                  "CreateSecurityGroup", api::CreateSecurityGroupRequest{.description = "d", .group_name = name}),
              "");
  }
  // Deletes what `is_it` is true of, and makes it anew under another id.
  template <class R>
  Task<void> make_anew(std::function<bool(const R&)> is_it) {
    const Place place{"000000000000", "us-east-1"};
    auto tx = co_await fixture.catalog().begin(place.partition());
    const auto all = *View(tx, place).all<R>();
    for (R record : all) {
      if (!is_it(record)) continue;
      erase(tx, record);
      record.id += "0";
      save(tx, record);
    }
    EXPECT_TRUE(co_await tx.commit());
  }

  aws::CallFixture fixture;
  Service ec2{fixture.context()};
};

TEST_F(Ec2AccessTest, AGroupOfTheNameThatWasMadeSincePoliciesWereAskedIsNotMeant) {
  const auto behind = [&](const std::string& name) {
    make_group(name);
    fixture.meanwhile = [this, name] {
      return make_anew<GroupRecord>([name](const GroupRecord& group) { return group.name == name; });
    };
  };
  const std::vector<api::IpPermission> open{
      {.ip_protocol = "-1", .ip_ranges = std::vector<api::IpRange>{{.cidr_ip = "0.0.0.0/0"}}}};
  behind("a");
  EXPECT_EQ(code<api::AuthorizeSecurityGroupIngressResult>(
                "AuthorizeSecurityGroupIngress",
                api::AuthorizeSecurityGroupIngressRequest{.group_name = "a", .ip_permissions = open}),
            "InvalidGroup.NotFound");
  behind("b");
  EXPECT_EQ(
      code<api::DeleteSecurityGroupResult>("DeleteSecurityGroup", api::DeleteSecurityGroupRequest{.group_name = "b"}),
      "InvalidGroup.NotFound");
  EXPECT_EQ(
      code<api::DeleteSecurityGroupResult>("DeleteSecurityGroup", api::DeleteSecurityGroupRequest{.group_name = "b"}),
      "");
}

TEST_F(Ec2AccessTest, AGroupIsMadeInTheDefaultVpcThatPoliciesWereAskedAbout) {
  make_group("first");  // the default network is written
  fixture.meanwhile = [this] { return make_anew<VpcRecord>([](const VpcRecord& vpc) { return vpc.is_default; }); };
  EXPECT_EQ(code<api::CreateSecurityGroupResult>(
                "CreateSecurityGroup", api::CreateSecurityGroupRequest{.description = "d", .group_name = "second"}),
            "InvalidVpcID.NotFound");
}

}  // namespace
}  // namespace boreal::ec2
