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

// What costs as many map nodes as resources times tags is bounded before policies are asked about it.
TEST_F(Ec2AccessTest, NoMoreTagsAreJudgedThanThereMayBe) {
  fixture.principal = aws::user_principal("000000000000", "bob");
  const auto tag = [&](size_t resources, size_t tags) {
    api::CreateTagsRequest in;
    for (size_t i = 0; i < resources; ++i) in.resources.push_back("vpc-" + std::to_string(i));
    for (size_t i = 0; i < tags; ++i) in.tags.push_back({.key = std::to_string(i), .value = "v"});
    return code<api::CreateTagsOutput>("CreateTags", std::move(in));
  };
  EXPECT_EQ(tag(1000, 1), "UnauthorizedOperation");
  EXPECT_EQ(tag(1001, 1), "InvalidParameterValue");
  EXPECT_EQ(tag(1, 50), "UnauthorizedOperation");
  EXPECT_EQ(tag(1, 51), "TagLimitExceeded");
}

TEST_F(Ec2AccessTest, RulesAreTaggedBesideTheirGroup) {
  make_group("a");
  const auto groups = fixture.call<api::DescribeSecurityGroupsResult>(
      ec2, "DescribeSecurityGroups", api::DescribeSecurityGroupsRequest{.group_names = {{"a"}}});
  const std::string group = *groups->security_groups->at(0).group_id;
  const auto rules = [&] {
    const std::vector<api::Filter> filters{{.name = "group-id", .values = std::vector{group}}};
    return *fixture
                .call<api::DescribeSecurityGroupRulesResult>(ec2, "DescribeSecurityGroupRules",
                                                             api::DescribeSecurityGroupRulesRequest{.filters = filters})
                ->security_group_rules;
  };
  const std::string rule = *rules().at(0).security_group_rule_id;
  const auto tag = [&](std::vector<std::string> ids) {
    return code<api::CreateTagsOutput>(
        "CreateTags", api::CreateTagsRequest{.resources = std::move(ids), .tags = {{.key = "keep", .value = "yes"}}});
  };
  EXPECT_EQ(tag({rule, "sgr-00000000000000000", group}), "InvalidSecurityGroupRuleId.NotFound");
  EXPECT_TRUE(rules().at(0).tags->empty());
  EXPECT_EQ(tag({rule, group, rule}), "");
  EXPECT_EQ(rules().at(0).tags->size(), 1u);
  fixture.principal = aws::user_principal("000000000000", "bob");
  fixture.policies.identity = {aws::identity_policy(
      R"({"Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"},{"Effect":"Deny","Action":"ec2:*",)"
      R"("Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/keep":"yes"}}}]})")};
  EXPECT_EQ(tag({rule}), "UnauthorizedOperation");
  EXPECT_EQ(tag({group}), "UnauthorizedOperation");
}

TEST_F(Ec2AccessTest, WhoDeletesAllTagsIsAskedAboutEach) {
  const auto vpcs = fixture.call<api::DescribeVpcsResult>(ec2, "DescribeVpcs", api::DescribeVpcsRequest{});
  const std::string vpc = *vpcs->vpcs->at(0).vpc_id;
  const auto tag = [&](std::string key) {
    return code<api::CreateTagsOutput>(
        "CreateTags", api::CreateTagsRequest{.resources = {vpc}, .tags = {{.key = std::move(key), .value = "v"}}});
  };
  const auto drop = [&](std::optional<std::vector<api::Tag>> tags) {
    return code<api::DeleteTagsOutput>("DeleteTags",
                                       api::DeleteTagsRequest{.resources = {vpc}, .tags = std::move(tags)});
  };
  EXPECT_EQ(tag("owner"), "");
  EXPECT_EQ(tag("colour"), "");
  fixture.principal = aws::user_principal("000000000000", "bob");
  fixture.policies.identity = {aws::identity_policy(
      R"({"Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"},{"Effect":"Deny","Action":"ec2:*",)"
      R"("Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":"owner"}}}]})")};
  EXPECT_EQ(drop({}), "UnauthorizedOperation");
  EXPECT_EQ(drop(std::vector<api::Tag>{{.key = "owner"}}), "UnauthorizedOperation");
  EXPECT_EQ(drop(std::vector<api::Tag>{{.key = "colour"}}), "");
}

}  // namespace
}  // namespace boreal::ec2
