#include "aws/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace boreal::aws {
namespace {

using testing::HasSubstr;
using Source = PolicySource;

std::shared_ptr<const Policy> parsed(const std::string& json, PolicyKind kind) {
  auto policy = Policy::parse(json, kind);
  if (!policy) ADD_FAILURE() << policy.error().message() << "\n" << json;
  return policy ? std::make_shared<const Policy>(std::move(*policy)) : nullptr;
}

std::string document(const std::string& statements) {
  return R"({"Version":"2012-10-17","Statement":[)" + statements + "]}";
}

std::string error_of(const std::string& json, PolicyKind kind = PolicyKind::identity) {
  const auto policy = Policy::parse(json, kind);
  return policy ? "" : policy.error().message();
}

TEST(PolicyParse, SaysWhatIsWrong) {
  const std::string good = R"("Effect":"Allow","Action":"s3:*","Resource":"*")";
  struct Row {
    std::string json;
    const char* error;
  };
  for (const auto& row : std::vector<Row>{
           {"", "Syntax errors in policy."},
           {"[]", "must be an object"},
           {R"({"Statement":[{)" + good + R"(}],"Effect":"Allow"})", "Unknown field Effect"},
           {R"({"Version":"2013-01-01","Statement":{)" + good + "}}", "valid version string"},
           {R"({"Version":"2012-10-17","Version":"2008-10-17","Statement":{)" + good + "}}",
            "Syntax errors in policy."},
           {R"({"Version":"2012-10-17"})", "Missing required field Statement"},
           {document(""), "Statement is empty"},
           {document("{" + good + R"(,"Principal":"*"})"), "should not specify a principal"},
           {document("{" + good + R"(,"Colour":"red"})"), "Unknown field Colour"},
           {document(R"({"Action":"s3:*","Resource":"*"})"), "Missing required field Effect"},
           {document(R"({"Effect":"allow","Action":"s3:*","Resource":"*"})"), "Invalid effect: allow"},
           {document(R"({"Effect":"Allow","Resource":"*"})"), "must contain actions"},
           {document(R"({"Effect":"Allow","Action":[],"Resource":"*"})"), "must contain actions"},
           {document(R"({"Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*"})"),
            "either Action or NotAction"},
           {document(R"({"Effect":"Allow","Action":"s3:*"})"), "must contain resources"},
           {document(R"({"Effect":"Allow","Action":"GetObject","Resource":"*"})"), "prefaced by a vendor"},
           {document(R"({"Effect":"Allow","Action":"s3:Get:x","Resource":"*"})"), "only one colon"},
           {document(R"({"Effect":"Allow","Action":"s_3:Get","Resource":"*"})"), "Vendor s_3 is not valid"},
           {document(R"({"Effect":"Allow","Action":"s3:*","Resource":"bucket"})"),
            "Resource bucket must be in ARN format or \"*\"."},
           {document(R"({"Effect":"Allow","Action":"s3:*","Resource":[7]})"), "Resource must be a string"},
           {document(R"({"Sid":"a b",)" + good + "}"), "must be alpha-numeric"},
           {document(R"({"Sid":"a",)" + good + R"(},{"Sid":"a",)" + good + "}"), "must be unique"},
           {document("{" + good + R"(,"Condition":{"StringEqualz":{"aws:x":"y"}}})"),
            "Invalid Condition type : StringEqualz"},
           {document("{" + good + R"(,"Condition":{"NullIfExists":{"aws:x":"true"}}})"), "Invalid Condition type"},
           {document("{" + good + R"(,"Condition":{"StringEquals":{"username":"y"}}})"), "prefaced by a vendor"},
           {document("{" + good + R"(,"Condition":{"StringEquals":{"aws:x":[]}}})"), "has no value"},
           {document("{" + good + R"(,"Condition":{"NumericEquals":{"aws:x":"many"}}})"), "is not a number"},
           {document("{" + good + R"(,"Condition":{"DateEquals":{"aws:x":"soon"}}})"), "is not a date"},
           {document("{" + good + R"(,"Condition":{"IpAddress":{"aws:x":"10.0.0.0\u0000x/8"}}})"),
            "is not an IP address or range"},
           {document("{" + good + R"(,"Condition":{"IpAddress":{"aws:x":"10.0.0.0/33"}}})"),
            "is not an IP address or range"},
           {document("{" + good + R"(,"Condition":{"Bool":{"aws:x":"yes"}}})"), "is not true or false"},
       }) {
    EXPECT_THAT(error_of(row.json), HasSubstr(row.error)) << row.json;
  }
  EXPECT_EQ(error_of(document("{" + good + "}")), "");
  EXPECT_EQ(error_of(R"({"Statement":{)" + good + "}}"), "");
  EXPECT_EQ(error_of(document("{" + good + R"(,"Condition":{"Bool":{"aws:x":true},"NumericLessThan":{"aws:y":5}}})")),
            "");
}

TEST(PolicyParse, PrincipalsAndTrust) {
  const auto with = [](const std::string& principal) {
    return document(R"({"Effect":"Allow","Action":"s3:*","Resource":"*",)" + principal + "}");
  };
  for (const auto* good :
       {R"("Principal":"*")", R"("Principal":{"AWS":"*"})",
        R"("Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:root"]})",
        R"("Principal":{"AWS":"arn:aws:iam::111122223333:user/path/bob"})",
        R"("Principal":{"AWS":"AIDAJQABLZS4A3QDU576Q"})",
        R"("Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/r/s","Service":["s3.amazonaws.com"]})",
        R"("Principal":{"Federated":"cognito-identity.amazonaws.com"})", R"("Principal":{"CanonicalUser":"79a5"})"}) {
    EXPECT_EQ(error_of(with(good), PolicyKind::resource), "") << good;
  }
  for (const auto* bad : {R"("Principal":"111122223333")", R"("Principal":{})", R"("Principal":{"AWS":[]})",
                          R"("Principal":{"AWS":"bob"})", R"("Principal":{"AWS":"arn:aws:iam::111122223333:user/*"})",
                          R"("Principal":{"AWS":"arn:aws:iam::111122223333:group/g"})",
                          R"("Principal":{"Service":"*"})", R"("Principal":{"Everyone":"x"})"}) {
    EXPECT_THAT(error_of(with(bad), PolicyKind::resource), HasSubstr("Invalid principal in policy")) << bad;
  }
  EXPECT_THAT(error_of(with(R"("NotPrincipal":{"AWS":"111122223333"})"), PolicyKind::resource),
              HasSubstr("Effect Deny only"));
  EXPECT_EQ(error_of(document(R"({"Effect":"Allow","Action":"s3:*","Resource":"*"})"), PolicyKind::resource),
            "Missing required field Principal");
  const auto trust = [](const std::string& rest) {
    return document(R"({"Effect":"Allow","Principal":{"Service":"backup.amazonaws.com"},)" + rest + "}");
  };
  EXPECT_EQ(error_of(trust(R"("Action":["sts:AssumeRole","sts:TagSession"])"), PolicyKind::trust), "");
  EXPECT_THAT(error_of(trust(R"("Action":"s3:GetObject")"), PolicyKind::trust),
              HasSubstr("may only specify STS AssumeRole actions"));
  EXPECT_EQ(error_of(trust(R"("Action":"sts:AssumeRole","Resource":"*")"), PolicyKind::trust),
            "Has prohibited field Resource");
}

// Whether a condition block holds for the given keys.
bool holds(const std::string& condition, const Context& context, const std::string& version = "2012-10-17") {
  const auto policy =
      parsed(R"({"Version":")" + version +
                 R"(","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":)" + condition + "}}",
             PolicyKind::identity);
  if (!policy) return false;
  const Principal principal{.kind = Principal::Kind::user,
                            .account = "111122223333",
                            .arn = "arn:aws:iam::111122223333:user/bob",
                            .name = "bob"};
  const std::array policies = {policy};
  return evaluate({.principal = principal,
                   .action = "s3:GetObject",
                   .resource = "arn:aws:s3:::b/k",
                   .context = context,
                   .identity = policies})
      .allowed;
}

struct ConditionRow {
  const char* condition;
  Context context;
  bool holds;
};

TEST(PolicyCondition, Operators) {
  for (const auto& row : std::vector<ConditionRow>{
           {R"({"StringEquals":{"aws:k":"a"}})", {{"aws:k", "a"}}, true},
           {R"({"StringEquals":{"AWS:K":"a"}})", {{"aws:k", "a"}}, true},  // keys have no case
           {R"({"StringEquals":{"aws:k":"A"}})", {{"aws:k", "a"}}, false},
           {R"({"StringEquals":{"aws:k":"a*"}})", {{"aws:k", "ab"}}, false},
           {R"({"StringEquals":{"aws:k":["x","a"]}})", {{"aws:k", "a"}}, true},
           {R"({"StringEquals":{"aws:k":"a"}})", {}, false},
           {R"({"StringEqualsIfExists":{"aws:k":"a"}})", {}, true},
           {R"({"StringEqualsIfExists":{"aws:k":"a"}})", {{"aws:k", "b"}}, false},
           {R"({"StringEquals":{"aws:k":"a","aws:l":"b"}})", {{"aws:k", "a"}}, false},  // every key
           {R"({"StringNotEquals":{"aws:k":"a"}})", {{"aws:k", "b"}}, true},
           {R"({"StringNotEquals":{"aws:k":["a","b"]}})", {{"aws:k", "b"}}, false},
           {R"({"StringNotEquals":{"aws:k":"a"}})", {}, true},
           {R"({"StringEqualsIgnoreCase":{"aws:k":"Abc"}})", {{"aws:k", "aBC"}}, true},
           {R"({"StringNotEqualsIgnoreCase":{"aws:k":"Abc"}})", {{"aws:k", "aBC"}}, false},
           {R"({"StringLike":{"aws:k":"h?me/*"}})", {{"aws:k", "home/x/y"}}, true},
           {R"({"StringLike":{"aws:k":"h?me/*"}})", {{"aws:k", "Home/x"}}, false},
           {R"({"StringNotLike":{"aws:k":"a*"}})", {{"aws:k", "ab"}}, false},
           {R"({"NumericEquals":{"aws:k":"10"}})", {{"aws:k", "10.0"}}, true},
           {R"({"NumericNotEquals":{"aws:k":"10"}})", {{"aws:k", "11"}}, true},
           {R"({"NumericLessThan":{"aws:k":"10"}})", {{"aws:k", "9"}}, true},
           {R"({"NumericLessThan":{"aws:k":"10"}})", {{"aws:k", "10"}}, false},
           {R"({"NumericLessThanEquals":{"aws:k":"10"}})", {{"aws:k", "10"}}, true},
           {R"({"NumericGreaterThan":{"aws:k":10}})", {{"aws:k", "100"}}, true},
           {R"({"NumericGreaterThanEquals":{"aws:k":"10"}})", {{"aws:k", "9.99"}}, false},
           {R"({"NumericNotEquals":{"aws:k":"10"}})", {{"aws:k", "ten"}}, false},  // unreadable: neither holds
           {R"({"NumericLessThan":{"aws:k":"10"}})", {{"aws:k", "nan"}}, false},
           {R"({"DateLessThan":{"aws:k":"2026-01-01T00:00:00Z"}})", {{"aws:k", "2025-12-31T23:59:59Z"}}, true},
           {R"({"DateLessThan":{"aws:k":"2026-01-01T00:00:00Z"}})", {{"aws:k", "2026-01-01T00:00:00Z"}}, false},
           {R"({"DateGreaterThanEquals":{"aws:k":"1767225600"}})", {{"aws:k", "2026-01-01T00:00:00Z"}}, true},
           {R"({"DateEquals":{"aws:k":"2026-01-01"}})", {{"aws:k", "1767225600"}}, true},
           {R"({"DateNotEquals":{"aws:k":"2026-01-01"}})", {{"aws:k", "whenever"}}, false},
           {R"({"Bool":{"aws:k":"true"}})", {{"aws:k", "TRUE"}}, true},
           {R"({"Bool":{"aws:k":"false"}})", {{"aws:k", "true"}}, false},
           {R"({"Bool":{"aws:k":"false"}})", {}, false},
           {R"({"BoolIfExists":{"aws:k":"false"}})", {}, true},
           {R"({"BinaryEquals":{"aws:k":"QmluYXJ5"}})", {{"aws:k", "QmluYXJ5"}}, true},
           {R"({"BinaryEquals":{"aws:k":"QmluYXJ5"}})", {{"aws:k", "Binary"}}, false},
           {R"({"Null":{"aws:k":"true"}})", {}, true},
           {R"({"Null":{"aws:k":"true"}})", {{"aws:k", ""}}, false},
           {R"({"Null":{"aws:k":"false"}})", {{"aws:k", "x"}}, true},
       }) {
    EXPECT_EQ(holds(row.condition, row.context), row.holds) << row.condition;
  }
}

TEST(PolicyCondition, AddressesAndArns) {
  for (const auto& row : std::vector<ConditionRow>{
           {R"({"IpAddress":{"aws:k":"10.1.0.0/16"}})", {{"aws:k", "10.1.255.1"}}, true},
           {R"({"IpAddress":{"aws:k":"10.1.0.0/16"}})", {{"aws:k", "10.2.0.1"}}, false},
           {R"({"IpAddress":{"aws:k":"10.1.2.3"}})", {{"aws:k", "10.1.2.3"}}, true},
           {R"({"IpAddress":{"aws:k":"10.1.0.0/16"}})", {{"aws:k", "::ffff:10.1.2.3"}}, true},  // a mapped IPv4
           {R"({"IpAddress":{"aws:k":"::ffff:10.1.0.0/112"}})", {{"aws:k", "10.1.2.3"}}, true},
           {R"({"IpAddress":{"aws:k":"0.0.0.0/0"}})", {{"aws:k", "2001:db8::1"}}, false},
           {R"({"IpAddress":{"aws:k":"::/0"}})", {{"aws:k", "10.1.2.3"}}, false},
           {R"({"IpAddress":{"aws:k":"::/0"}})", {{"aws:k", "::ffff:10.1.2.3"}}, false},
           {R"({"IpAddress":{"aws:k":"::/0"}})", {{"aws:k", "2001:db8::1"}}, true},
           {R"({"NotIpAddress":{"aws:k":"::/0"}})", {{"aws:k", "10.1.2.3"}}, true},
           {R"({"IpAddress":{"aws:k":"2001:db8::/33"}})", {{"aws:k", "2001:db8:7fff::1"}}, true},
           {R"({"IpAddress":{"aws:k":"2001:db8::/33"}})", {{"aws:k", "2001:db8:8000::1"}}, false},
           {R"({"NotIpAddress":{"aws:k":"10.0.0.0/8"}})", {{"aws:k", "11.0.0.1"}}, true},
           {R"({"NotIpAddress":{"aws:k":"10.0.0.0/8"}})", {{"aws:k", "::ffff:10.0.0.1"}}, false},
           {R"({"NotIpAddress":{"aws:k":"10.0.0.0/8"}})", {{"aws:k", "here"}}, false},
           {R"({"NotIpAddress":{"aws:k":"10.0.0.0/8"}})", {}, true},
           {R"({"ArnEquals":{"aws:k":"arn:aws:sns:*:1:t*"}})", {{"aws:k", "arn:aws:sns:eu-west-1:1:topic"}}, true},
           {R"({"ArnLike":{"aws:k":"arn:aws:sns:*:t"}})", {{"aws:k", "arn:aws:sns:eu-west-1:1:t"}}, false},
           {R"({"ArnNotEquals":{"aws:k":"arn:aws:sns:*:1:t"}})", {{"aws:k", "arn:aws:sns:x:2:t"}}, true},
           {R"({"ArnNotLike":{"aws:k":"arn:aws:sns:*:1:t"}})", {{"aws:k", "arn:aws:sns:x:1:t"}}, false},
       }) {
    EXPECT_EQ(holds(row.condition, row.context), row.holds) << row.condition;
  }
}

TEST(PolicyResource, AStarThatEndsAPartReachesBeyondItsColon) {
  const auto fits = [](std::string_view pattern, std::string_view resource, const Context& context = {}) {
    return policy::ArnText::parse(pattern, true, true).matches(policy::ArnSubject(resource), context);
  };
  const std::string cluster = "arn:aws:rds:eu-west-1:111122223333:cluster:shop";
  for (const char* pattern :
       {"arn:aws:rds:*:cluster:shop", "arn:aws:rds:*:cluster:*", "arn:aws:rds:eu-*:cluster:sho?",
        "arn:*:111122223333:cluster:*", "arn:aws:rds:*:*:cluster:shop", "arn:aws:rds:*:111122223333:*",
        "arn:aws:rds:eu-west-1:*:shop", "arn:aws:rds:*", "arn:*:*:*:*:*", "arn:aws:*:111122223333:cluster:s*"}) {
    EXPECT_TRUE(fits(pattern, cluster)) << pattern;
  }
  for (const char* pattern :
       {"arn:aws:rds:*:cluster:other", "arn:aws:rds:*-1:cluster:shop", "arn:aws:rds:e?*:db:shop", "arn:aws:s3:*:shop",
        "arn:aws:rds:*1:111122223333:cluster", "arn:aws:rds:eu*west-1x:*:shop", "arn:aws:rds:eu?west?1?1*:*:shop",
        "arn:*:cluster", "arn:*:cluster:shop", "arn:aws:rds:*:*:*:*:*:shop"}) {
    EXPECT_FALSE(fits(pattern, cluster)) << pattern;
  }
  // What a variable brings is no wildcard, and ${*} is none either.
  EXPECT_TRUE(fits("arn:aws:rds:*:${aws:username}:shop", cluster, {{"aws:username", "cluster"}}));
  EXPECT_FALSE(fits("arn:aws:rds:${aws:username}:cluster:shop", cluster, {{"aws:username", "*"}}));
  EXPECT_FALSE(fits("arn:aws:rds:${*}:cluster:shop", cluster));
  // In conditions each part is for itself.
  EXPECT_FALSE(
      policy::ArnText::parse("arn:aws:rds:*:cluster:shop", true, false).matches(policy::ArnSubject(cluster), {}));
  // However many colons there are, it takes no time worth telling.
  std::string colons = "arn:aws:s3:::b/";
  for (int i = 0; i < 20'000; ++i) colons += "a:";
  EXPECT_FALSE(fits("arn:*a*:*a*:*a*:*a*:*a*b", colons));
  EXPECT_TRUE(fits("arn:*a*:*a*:*a*:*a*:*a*:", colons));
}

TEST(PolicyCondition, ManyValuesAndVariables) {
  const Context tags = {{"aws:TagKeys", "a"}, {"aws:TagKeys", "b"}};
  const Context tagged_twice = {{"aws:ResourceTag/env", "dev"}, {"aws:ResourceTag/ENV", "prod"}};
  for (const auto& row : std::vector<ConditionRow>{
           {R"({"ForAllValues:StringEquals":{"aws:TagKeys":["a","b","c"]}})", tags, true},
           {R"({"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}})", tags, false},
           {R"({"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}})", {}, true},  // nothing breaks the rule
           {R"({"ForAnyValue:StringEquals":{"aws:TagKeys":["b","x"]}})", tags, true},
           {R"({"ForAnyValue:StringEquals":{"aws:TagKeys":["x"]}})", tags, false},
           {R"({"ForAnyValue:StringEquals":{"aws:TagKeys":["x"]}})", {}, false},
           {R"({"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a"]}})", tags, true},
           {R"({"ForAllValues:StringNotEquals":{"aws:TagKeys":["a"]}})", tags, false},
           {R"({"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a"]}})", {}, false},
           {R"({"ForAnyValue:StringEqualsIfExists":{"aws:TagKeys":["a"]}})", {}, false},
           {R"({"ForAnyValue:StringEqualsIfExists":{"aws:TagKeys":["a"]}})", tags, true},
           {R"({"ForAllValues:StringEqualsIfExists":{"aws:TagKeys":["a"]}})", {}, true},
           // Tags that differ by case alone are one key: both must fit.
           {R"({"StringEquals":{"aws:ResourceTag/env":"dev"}})", tagged_twice, false},
           {R"({"StringEquals":{"aws:ResourceTag/env":["dev","prod"]}})", tagged_twice, true},
           {R"({"StringNotEquals":{"aws:ResourceTag/env":"dev"}})", tagged_twice, false},
           {R"({"StringEquals":{"s3:prefix":"home/${aws:username}"}})",
            {{"s3:prefix", "home/bob"}, {"aws:username", "bob"}},
            true},
           {R"({"StringLike":{"s3:prefix":"home/${aws:username}/*"}})",
            {{"s3:prefix", "home/bob/x"}, {"aws:username", "bob"}},
            true},
           {R"({"StringLike":{"s3:prefix":"home/${aws:username}/*"}})",
            {{"s3:prefix", "home/eve/x"}, {"aws:username", "*"}},
            false},
           {R"({"StringEquals":{"s3:prefix":"${aws:username}"}})",
            {{"s3:prefix", "${aws:username}"}},
            false},  // no such key
           // Nothing is allowed for being unlike what has no value.
           {R"({"StringNotEquals":{"s3:prefix":"${aws:username}"}})", {{"s3:prefix", "x"}}, false},
           {R"({"StringNotEquals":{"s3:prefix":"${aws:username}"}})", {}, false},
           {R"({"StringNotLike":{"s3:prefix":["a","${aws:username}/*"]}})", {{"s3:prefix", "x"}}, false},
           {R"({"ArnNotLike":{"s3:prefix":"arn:aws:s3:::${aws:username}"}})", {{"s3:prefix", "arn:aws:s3:::x"}}, false},
           {R"({"StringNotEqualsIfExists":{"s3:prefix":"${aws:username}"}})", {{"s3:prefix", "x"}}, true},
           {R"({"StringNotEquals":{"s3:prefix":"${aws:username, 'none'}"}})", {{"s3:prefix", "x"}}, true},
           {R"({"StringEquals":{"s3:prefix":"${aws:PrincipalTag/team, 'none'}"}})", {{"s3:prefix", "none"}}, true},
           {R"({"StringEquals":{"s3:prefix":"${aws:PrincipalTag/team, 'none'}"}})",
            {{"s3:prefix", "red"}, {"aws:PrincipalTag/team", "red"}},
            true},
           {R"({"StringLike":{"s3:prefix":"${*}a${?}${$}"}})", {{"s3:prefix", "*a?$"}}, true},
           {R"({"StringLike":{"s3:prefix":"${*}"}})", {{"s3:prefix", "x"}}, false},
           {R"({"StringLike":{"s3:prefix":"${open*"}})", {{"s3:prefix", "${opened"}}, true},
       }) {
    EXPECT_EQ(holds(row.condition, row.context), row.holds) << row.condition;
  }
  EXPECT_TRUE(holds(R"({"StringEquals":{"aws:k":"${aws:username}"}})",
                    {{"aws:k", "${aws:username}"}, {"aws:username", "b"}}, "2008-10-17"));
}

class PolicyEvaluate : public testing::Test {
 protected:
  Principal user{.kind = Principal::Kind::user,
                 .account = "111122223333",
                 .arn = "arn:aws:iam::111122223333:user/bob",
                 .user_id = "AIDABOBBOBBOBBOB",
                 .name = "bob"};
  Principal session{.kind = Principal::Kind::assumed_role,
                    .account = "111122223333",
                    .arn = "arn:aws:sts::111122223333:assumed-role/r/s",
                    .user_id = "AROAROLEROLEROLE:s",
                    .name = "r",
                    .role_arn = "arn:aws:iam::111122223333:role/r"};
  Principal root{.kind = Principal::Kind::root, .account = "111122223333", .arn = "arn:aws:iam::111122223333:root"};
  Principal anonymous;
  Principal service{.kind = Principal::Kind::service, .service = "backup.amazonaws.com"};
  std::string allow_all = document(R"({"Effect":"Allow","Action":"*","Resource":"*"})");
  std::string allow_other = document(R"({"Effect":"Allow","Action":"rds:*","Resource":"*"})");
  std::string deny_get = document(R"({"Effect":"Deny","Action":"s3:Get*","Resource":"*"})");

  static std::string grant(const std::string& principal, const std::string& effect = "Allow") {
    return document(R"({"Effect":")" + effect + R"(","Principal":)" + principal +
                    R"(,"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"})");
  }

  struct Case {
    std::vector<std::string> identity = {};
    std::string boundary = {};
    std::vector<std::string> session = {};
    std::string resource = {};
    bool rules = false;
    std::string account = {};
    std::string action = "s3:GetObject";
    std::string on = "arn:aws:s3:::b/k";
  };

  Decision decide(Principal principal, const Case& what) {
    const auto all = [](const std::vector<std::string>& documents) {
      std::vector<std::shared_ptr<const Policy>> policies;
      for (const auto& text : documents) policies.push_back(parsed(text, PolicyKind::identity));
      return policies;
    };
    const auto identity = all(what.identity), sessions = all(what.session);
    const auto boundary = what.boundary.empty() ? nullptr : parsed(what.boundary, PolicyKind::identity);
    const auto resource = what.resource.empty() ? nullptr : parsed(what.resource, PolicyKind::resource);
    principal.has_session_policies = !sessions.empty();
    Context context;
    add_principal_keys(context, principal);
    const EvaluationInput input{.principal = principal,
                                .action = what.action,
                                .resource = what.on,
                                .context = context,
                                .identity = identity,
                                .boundary = boundary.get(),
                                .session = sessions,
                                .resource_policy = resource.get(),
                                .resource_policy_rules = what.rules,
                                .resource_account = what.account};
    const auto decision = evaluate(input);
    message = decision.allowed ? "" : denial_message(input, decision);
    return decision;
  }
  bool allowed(const Principal& principal, const Case& what) { return decide(principal, what).allowed; }
  std::string message;
};

TEST_F(PolicyEvaluate, IdentityPolicies) {
  EXPECT_FALSE(allowed(user, {}));
  EXPECT_EQ(message,
            "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: s3:GetObject on resource: "
            "arn:aws:s3:::b/k because no "
            "identity-based policy allows the s3:GetObject action");
  EXPECT_TRUE(allowed(user, {.identity = {allow_other, allow_all}}));
  EXPECT_FALSE(allowed(user, {.identity = {allow_all, deny_get}}));
  EXPECT_THAT(message, HasSubstr("with an explicit deny in an identity-based policy"));
  EXPECT_TRUE(allowed(
      user, {.identity = {document(R"({"Effect":"Allow","Action":"S3:getobject","Resource":"arn:aws:s3:::b/*"})")}}));
  EXPECT_FALSE(allowed(user, {.identity = {document(R"({"Effect":"Allow","NotAction":["s3:Get*"],"Resource":"*"})")}}));
  EXPECT_TRUE(allowed(user, {.identity = {document(R"({"Effect":"Allow","NotAction":"iam:*","Resource":"*"})")}}));
  EXPECT_FALSE(
      allowed(user, {.identity = {document(R"({"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::b/*"})")}}));
  EXPECT_TRUE(
      allowed(user, {.identity = {document(R"({"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::c/*"})")}}));
  EXPECT_FALSE(allowed(
      user,
      {.identity = {document(R"({"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}"})")}}));
}

TEST_F(PolicyEvaluate, AllBucketsAreNoneInParticular) {
  const auto lists = [&](const std::string& resource) {
    const auto identity =
        document(R"({"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":")" + resource + R"("})");
    return allowed(user, {.identity = {identity}, .action = "s3:ListAllMyBuckets", .on = "arn:aws:s3:::*"});
  };
  EXPECT_TRUE(lists("*"));
  EXPECT_TRUE(lists("arn:aws:s3:::*"));
  EXPECT_FALSE(lists("arn:aws:s3:::b*"));
  EXPECT_EQ(message,
            "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: s3:ListAllMyBuckets because no "
            "identity-based policy allows the s3:ListAllMyBuckets action");
}

TEST_F(PolicyEvaluate, ADenyNeedsOneOfTheValuesOfAKeyToFit) {
  user.tags = {{"team", "red"}, {"Team", "blue"}};
  const auto statement = [](const char* effect, const char* condition) {
    return std::string(R"({"Effect":")") + effect + R"(","Action":"*","Resource":"*","Condition":)" + condition + "}";
  };
  const std::string allow = R"({"Effect":"Allow","Action":"*","Resource":"*"},)";
  const char* is_red = R"({"StringEquals":{"aws:PrincipalTag/team":"red"}})";
  const char* is_not_red = R"({"StringNotEquals":{"aws:PrincipalTag/team":"red"}})";
  const char* is_green = R"({"StringEquals":{"aws:PrincipalTag/team":"green"}})";
  EXPECT_FALSE(allowed(user, {.identity = {document(allow + statement("Deny", is_red))}}));
  EXPECT_FALSE(allowed(user, {.identity = {document(allow + statement("Deny", is_not_red))}}));
  EXPECT_TRUE(allowed(user, {.identity = {document(allow + statement("Deny", is_green))}}));
  EXPECT_FALSE(allowed(user, {.identity = {document(statement("Allow", is_red))}}));
  EXPECT_FALSE(allowed(user, {.identity = {document(statement("Allow", is_not_red))}}));
}

TEST_F(PolicyEvaluate, NobodyEscapesADenyByWritingBadly) {
  const auto denied = [&](const std::string& level, const std::string& condition) {
    user.tags = {{"level", level}};
    return !allowed(user, {.identity = {document(R"({"Effect":"Allow","Action":"*","Resource":"*"},)"
                                                 R"({"Effect":"Deny","Action":"*","Resource":"*","Condition":{)" +
                                                 condition + "}}")}});
  };
  for (const std::string name : {"NumericNotEquals", "NumericNotEqualsIfExists", "ForAnyValue:NumericNotEquals"}) {
    const std::string condition = '"' + name + R"(":{"aws:PrincipalTag/level":"5"})";
    EXPECT_FALSE(denied("5", condition)) << name;
    EXPECT_TRUE(denied("6", condition)) << name;
    EXPECT_TRUE(denied("five", condition)) << name;
  }
  EXPECT_TRUE(denied("here", R"("NotIpAddress":{"aws:PrincipalTag/level":"10.0.0.0/8"})"));
  EXPECT_TRUE(denied("soon", R"("DateNotEquals":{"aws:PrincipalTag/level":"2026-01-01"})"));
  EXPECT_FALSE(denied("five", R"("NumericEquals":{"aws:PrincipalTag/level":"5"})"));
}

TEST_F(PolicyEvaluate, BoundaryAndSessionLimit) {
  EXPECT_FALSE(allowed(user, {.identity = {allow_all}, .boundary = allow_other}));
  EXPECT_THAT(message, HasSubstr("because no permissions boundary allows the s3:GetObject action"));
  EXPECT_TRUE(allowed(user, {.identity = {allow_all}, .boundary = allow_all}));
  EXPECT_FALSE(allowed(user, {.boundary = allow_all}));
  EXPECT_FALSE(allowed(session, {.identity = {allow_all}, .session = {allow_other}}));
  EXPECT_THAT(message, HasSubstr("because no session policy allows the s3:GetObject action"));
  EXPECT_TRUE(allowed(session, {.identity = {allow_all}, .session = {allow_other, allow_all}}));
  EXPECT_FALSE(allowed(session, {.identity = {allow_all}, .session = {allow_all, deny_get}}));
  EXPECT_THAT(message, HasSubstr("with an explicit deny in a session policy"));
  EXPECT_FALSE(allowed(user, {.identity = {allow_all}, .boundary = deny_get}));
  EXPECT_THAT(message, HasSubstr("with an explicit deny in a permissions boundary"));
}

TEST_F(PolicyEvaluate, ResourcePolicyInTheSameAccount) {
  EXPECT_TRUE(
      allowed(user, {.boundary = allow_other, .resource = grant(R"({"AWS":"arn:aws:iam::111122223333:user/bob"})")}));
  EXPECT_TRUE(allowed(user, {.resource = grant(R"({"AWS":"AIDABOBBOBBOBBOB"})")}));
  EXPECT_TRUE(allowed(session, {.session = {allow_other},
                                .resource = grant(R"({"AWS":"arn:aws:sts::111122223333:assumed-role/r/s"})")}));
  const auto to_role = grant(R"({"AWS":"arn:aws:iam::111122223333:role/r"})");
  EXPECT_TRUE(allowed(session, {.resource = to_role}));
  EXPECT_FALSE(allowed(session, {.boundary = allow_other, .resource = to_role}));
  EXPECT_FALSE(allowed(session, {.session = {allow_other}, .resource = to_role}));
  EXPECT_TRUE(allowed(session, {.resource = grant(R"({"AWS":"AROAROLEROLEROLE"})")}));
  const auto to_account = grant(R"({"AWS":"111122223333"})");
  EXPECT_FALSE(allowed(user, {.resource = to_account}));  // the account may, but it has not let bob
  EXPECT_TRUE(allowed(user, {.identity = {allow_all}, .resource = to_account}));
  EXPECT_FALSE(allowed(user, {.identity = {allow_all}, .resource = grant(R"("*")", "Deny")}));
  EXPECT_THAT(message, HasSubstr("with an explicit deny in a resource-based policy"));
}

TEST_F(PolicyEvaluate, AcrossAccountsBothMustAllow) {
  const auto to_bob = grant(R"({"AWS":"arn:aws:iam::111122223333:user/bob"})"),
             to_account = grant(R"({"AWS":"111122223333"})");
  EXPECT_FALSE(allowed(user, {.resource = to_bob, .account = "999999999999"}));
  EXPECT_FALSE(allowed(user, {.identity = {allow_all}, .account = "999999999999"}));
  EXPECT_THAT(message, HasSubstr("because no resource-based policy allows the s3:GetObject action"));
  EXPECT_TRUE(allowed(user, {.identity = {allow_all}, .resource = to_bob, .account = "999999999999"}));
  EXPECT_TRUE(allowed(user, {.identity = {allow_all}, .resource = to_account, .account = "999999999999"}));
  EXPECT_FALSE(
      allowed(user, {.identity = {allow_all}, .boundary = allow_other, .resource = to_bob, .account = "999999999999"}));
  EXPECT_FALSE(allowed(root, {.account = "999999999999"}));
  EXPECT_TRUE(allowed(root, {.resource = to_account, .account = "999999999999"}));
}

TEST_F(PolicyEvaluate, ResourcePolicyThatRules) {
  const auto to_account = grant(R"({"AWS":"111122223333"})");
  EXPECT_FALSE(allowed(user, {.identity = {allow_all}, .rules = true}));
  EXPECT_FALSE(allowed(root, {.rules = true}));
  EXPECT_TRUE(allowed(root, {.resource = to_account, .rules = true}));
  EXPECT_TRUE(allowed(user, {.identity = {allow_all}, .resource = to_account, .rules = true}));
  EXPECT_FALSE(allowed(user, {.resource = to_account, .rules = true}));
  EXPECT_TRUE(allowed(user, {.resource = grant(R"({"AWS":"arn:aws:iam::111122223333:user/bob"})"), .rules = true}));
  EXPECT_FALSE(allowed(user, {.identity = {allow_all}, .resource = grant(R"({"AWS":"999999999999"})"), .rules = true}));
}

TEST_F(PolicyEvaluate, RootServicesAndAnonymous) {
  EXPECT_TRUE(allowed(root, {}));
  EXPECT_FALSE(allowed(root, {.resource = grant(R"("*")", "Deny")}));
  EXPECT_FALSE(allowed(service, {.identity = {}, .resource = grant(R"({"Service":"s3.amazonaws.com"})")}));
  EXPECT_TRUE(allowed(service, {.resource = grant(R"({"Service":["s3.amazonaws.com","backup.amazonaws.com"]})")}));
  EXPECT_FALSE(allowed(anonymous, {}));
  EXPECT_THAT(message, HasSubstr("User: anonymous is not authorized"));
  EXPECT_TRUE(allowed(anonymous, {.resource = grant(R"("*")")}));
  EXPECT_FALSE(allowed(anonymous, {.resource = grant(R"({"AWS":"111122223333"})")}));
}

TEST_F(PolicyEvaluate, OnlySessionsAreToldThatTheyHaveNoDevice) {
  const auto told = [](const Principal& principal) {
    Context context;
    add_principal_keys(context, principal);
    const auto found = context.find("aws:MultiFactorAuthPresent");
    return found == context.end() ? "" : found->second;
  };
  EXPECT_EQ(told(user), "");
  session.issued = Time{1};
  EXPECT_EQ(told(session), "false");
}

TEST_F(PolicyEvaluate, NotPrincipal) {
  const auto except = [](const std::string& who) {
    return document(R"({"Effect":"Deny","NotPrincipal":)" + who + R"(,"Action":"s3:*","Resource":"*"})");
  };
  const auto decide_for = [&](const Principal& who, const std::string& spared) {
    return allowed(who, {.identity = {allow_all}, .resource = except(spared)});
  };
  EXPECT_TRUE(decide_for(user, R"({"AWS":["arn:aws:iam::111122223333:user/bob","111122223333"]})"));
  EXPECT_FALSE(decide_for(user, R"({"AWS":"arn:aws:iam::111122223333:user/bob"})"));
  EXPECT_FALSE(decide_for(user, R"({"AWS":"arn:aws:iam::111122223333:user/eve"})"));
  EXPECT_TRUE(decide_for(
      session,
      R"({"AWS":["arn:aws:sts::111122223333:assumed-role/r/s","arn:aws:iam::111122223333:role/r","111122223333"]})"));
  EXPECT_FALSE(decide_for(session, R"({"AWS":["arn:aws:iam::111122223333:role/r","111122223333"]})"));
  EXPECT_TRUE(decide_for(root, R"({"AWS":"111122223333"})"));
  const auto bob = except(R"({"AWS":["arn:aws:iam::111122223333:user/bob","111122223333"]})");
  EXPECT_FALSE(allowed(user, {.identity = {allow_all}, .boundary = allow_all, .resource = bob}));
}

}  // namespace
}  // namespace boreal::aws
