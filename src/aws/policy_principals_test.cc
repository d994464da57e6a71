#include "aws/policy_principals.h"

#include <gtest/gtest.h>

namespace boreal::aws {
namespace {

const std::map<std::string, std::string> names = {{"arn:aws:iam::000000000000:user/ann", "AIDAANN"},
                                                  {"arn:aws:iam::000000000000:role/r", "AROAR"}};

TEST(PolicyPrincipals, AreRenamedWhereTheyArePrincipals) {
  EXPECT_EQ(with_principals(R"({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/ann"}, "Action": "s3:*"},
                {"Effect": "Deny", "NotPrincipal": {"AWS": ["arn:aws:iam::000000000000:role\/r", "000000000000"]},
                 "Resource": "arn:aws:iam::000000000000:user/ann",
                 "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::000000000000:role/r"}}}]})",
                            names),
            R"({"Version":"2012-10-17","Statement":[)"
            R"({"Effect":"Allow","Principal":{"AWS":"AIDAANN"},"Action":"s3:*"},)"
            R"({"Effect":"Deny","NotPrincipal":{"AWS":["AROAR","000000000000"]},)"
            R"("Resource":"arn:aws:iam::000000000000:user/ann",)"
            R"("Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::000000000000:role/r"}}}]})");
  EXPECT_EQ(with_principals(R"({"Statement": {"Principal": {"AWS": ["arn:aws:iam::000000000000:role/r"]}}})", names),
            R"({"Statement":{"Principal":{"AWS":["AROAR"]}}})");
}

TEST(PolicyPrincipals, WithoutAnyTheDocumentStaysToTheLetter) {
  for (const std::string text :
       {R"({"Statement": [ {"Principal": "*"} ]})", R"({"Statement": {"Principal": {"AWS": "*"}}})",
        R"({"Statement": [{"Principal": {"Service": "arn:aws:iam::000000000000:role/r"}}, 7]})", "{}", "no policy"})
    EXPECT_EQ(with_principals(text, names), text);
}

}  // namespace
}  // namespace boreal::aws
