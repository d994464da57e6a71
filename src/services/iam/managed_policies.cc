#include "iam/managed_policies.h"

#include <algorithm>

#include "crypto/hash.h"

namespace boreal::iam {

namespace {

// Sorted by name, without regard to case.
constexpr AwsPolicy policies[] = {
    {"/", "AdministratorAccess", "Provides full access to services and resources.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})"},
    {"/service-role/", "AmazonDMSCloudWatchLogsRole", "Lets DMS write the logs of its tasks.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:DescribeLogGroups","logs:DescribeLogStreams"],
"Resource":"*"},{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],
"Resource":["arn:aws:logs:*:*:log-group:dms-tasks-*","arn:aws:logs:*:*:log-group:dms-tasks-*:log-stream:dms-task-*"]}]})"},
    {"/service-role/", "AmazonDMSVPCManagementRole", "Lets DMS put its instances into a VPC.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:CreateNetworkInterface",
"ec2:DeleteNetworkInterface","ec2:DescribeAvailabilityZones","ec2:DescribeInternetGateways","ec2:DescribeNetworkInterfaces",
"ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVpcs","ec2:ModifyNetworkInterfaceAttribute"],
"Resource":"*"}]})"},
    {"/service-role/", "AmazonRDSEnhancedMonitoringRole", "Lets RDS deliver the metrics of enhanced monitoring.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:PutRetentionPolicy"],
"Resource":"arn:aws:logs:*:*:log-group:RDS*"},{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents",
"logs:DescribeLogStreams","logs:GetLogEvents"],"Resource":"arn:aws:logs:*:*:log-group:RDS*:log-stream:*"}]})"},
    {"/", "AmazonRDSFullAccess", "Provides full access to RDS.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rds:*","cloudwatch:DescribeAlarms",
"cloudwatch:GetMetricStatistics","cloudwatch:PutMetricAlarm","cloudwatch:DeleteAlarms","cloudwatch:ListMetrics",
"cloudwatch:GetMetricData","ec2:DescribeAccountAttributes","ec2:DescribeAvailabilityZones","ec2:DescribeInternetGateways",
"ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVpcAttribute","ec2:DescribeVpcs","sns:ListSubscriptions",
"sns:ListTopics","sns:Publish","logs:DescribeLogStreams","logs:GetLogEvents"],"Resource":"*"},{"Effect":"Allow",
"Action":"iam:CreateServiceLinkedRole","Resource":"*","Condition":{"StringLike":{"iam:AWSServiceName":"rds.amazonaws.com"}}}]})"},
    {"/", "AmazonRDSReadOnlyAccess", "Provides read only access to RDS.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rds:Describe*","rds:ListTagsForResource",
"ec2:DescribeAccountAttributes","ec2:DescribeAvailabilityZones","ec2:DescribeInternetGateways","ec2:DescribeSecurityGroups",
"ec2:DescribeSubnets","ec2:DescribeVpcAttribute","ec2:DescribeVpcs","cloudwatch:GetMetricStatistics","cloudwatch:ListMetrics",
"cloudwatch:GetMetricData","logs:DescribeLogStreams","logs:GetLogEvents"],"Resource":"*"}]})"},
    {"/aws-service-role/", "AmazonRDSServiceRolePolicy", "Lets RDS manage resources on the account's behalf.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:CreateNetworkInterface",
"ec2:DeleteNetworkInterface","ec2:DescribeAvailabilityZones","ec2:DescribeInternetGateways","ec2:DescribeSecurityGroups",
"ec2:DescribeSubnets","ec2:DescribeVpcs","ec2:ModifyNetworkInterfaceAttribute","sns:Publish"],"Resource":"*"},
{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents","logs:DescribeLogStreams"],
"Resource":["arn:aws:logs:*:*:log-group:/aws/rds/*","arn:aws:logs:*:*:log-group:/aws/rds/*:log-stream:*"]},
{"Effect":"Allow","Action":["secretsmanager:CreateSecret","secretsmanager:DeleteSecret","secretsmanager:DescribeSecret",
"secretsmanager:PutSecretValue","secretsmanager:RotateSecret","secretsmanager:UpdateSecret",
"secretsmanager:UpdateSecretVersionStage","secretsmanager:ListSecretVersionIds","secretsmanager:TagResource"],
"Resource":"arn:aws:secretsmanager:*:*:secret:rds!*"}]})"},
    {"/", "AmazonS3FullAccess", "Provides full access to all buckets.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}]})"},
    {"/", "AmazonS3ReadOnlyAccess", "Provides read only access to all buckets.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*",
"s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}]})"},
    {"/", "AWSBackupFullAccess", "Provides full access to AWS Backup, for those who administer backups.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["backup:*","backup-storage:*",
"rds:Describe*","rds:ListTagsForResource","rds:AddTagsToResource","rds:CreateDBSnapshot","rds:DeleteDBSnapshot",
"rds:CreateDBClusterSnapshot","rds:DeleteDBClusterSnapshot","s3:GetBucketLocation","s3:ListAllMyBuckets","s3:GetBucketTagging",
"kms:ListKeys","kms:DescribeKey","kms:GenerateDataKey","kms:ListAliases","sns:ListTopics","iam:ListRoles","iam:GetRole",
"ec2:DescribeVpcs","ec2:DescribeSubnets","ec2:DescribeSecurityGroups","ec2:DescribeAvailabilityZones"],"Resource":"*"},
{"Effect":"Allow","Action":"kms:CreateGrant","Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}},
{"Effect":"Allow","Action":"iam:PassRole","Resource":["arn:aws:iam::*:role/*AwsBackup*","arn:aws:iam::*:role/*AWSBackup*"],
"Condition":{"StringLike":{"iam:PassedToService":"backup.amazonaws.com"}}},
{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"*",
"Condition":{"StringEquals":{"iam:AWSServiceName":"backup.amazonaws.com"}}}]})"},
    {"/aws-service-role/", "AWSBackupServiceLinkedRolePolicyForBackup", "Lets AWS Backup find and back up resources.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rds:Describe*","rds:ListTagsForResource",
"s3:ListAllMyBuckets","s3:GetBucketLocation","s3:GetBucketTagging","tag:GetResources","kms:DescribeKey","sns:Publish"],
"Resource":"*"},{"Effect":"Allow","Action":["backup:CopyIntoBackupVault","backup:CopyFromBackupVault"],"Resource":"*"}]})"},
    {"/service-role/", "AWSBackupServiceRolePolicyForBackup", "Lets AWS Backup make backups on the account's behalf.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rds:AddTagsToResource","rds:ListTagsForResource",
"rds:DescribeDBSnapshots","rds:CreateDBSnapshot","rds:CopyDBSnapshot","rds:DescribeDBInstances","rds:CreateDBClusterSnapshot",
"rds:DescribeDBClusters","rds:DescribeDBClusterSnapshots","rds:CopyDBClusterSnapshot",
"rds:DescribeDBClusterAutomatedBackups","tag:GetResources","kms:DescribeKey"],"Resource":"*"},
{"Effect":"Allow","Action":["rds:DeleteDBSnapshot","rds:ModifyDBSnapshotAttribute"],"Resource":"arn:aws:rds:*:*:snapshot:awsbackup:*"},
{"Effect":"Allow","Action":["rds:DeleteDBClusterSnapshot","rds:ModifyDBClusterSnapshotAttribute"],
"Resource":"arn:aws:rds:*:*:cluster-snapshot:awsbackup:*"},
{"Effect":"Allow","Action":["rds:ModifyDBInstance","rds:ModifyDBCluster"],"Resource":["arn:aws:rds:*:*:db:*","arn:aws:rds:*:*:cluster:*"]},
{"Effect":"Allow","Action":["backup:DescribeBackupVault","backup:CopyIntoBackupVault"],"Resource":"arn:aws:backup:*:*:backup-vault:*"},
{"Effect":"Allow","Action":["backup:CopyFromBackupVault","backup:TagResource","backup:ListTags"],"Resource":"*"},
{"Effect":"Allow","Action":"kms:CreateGrant","Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}},
{"Effect":"Allow","Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*",
"Condition":{"StringLike":{"kms:ViaService":["rds.*.amazonaws.com","s3.*.amazonaws.com"]}}}]})"},
    {"/service-role/", "AWSBackupServiceRolePolicyForRestores", "Lets AWS Backup restore on the account's behalf.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rds:DescribeDBInstances","rds:DescribeDBSnapshots",
"rds:ListTagsForResource","rds:RestoreDBInstanceFromDBSnapshot","rds:DeleteDBInstance","rds:AddTagsToResource",
"rds:DescribeDBClusters","rds:DescribeDBClusterSnapshots","rds:RestoreDBClusterFromSnapshot","rds:DeleteDBCluster",
"rds:RestoreDBInstanceToPointInTime","rds:RestoreDBClusterToPointInTime","rds:CreateDBInstance","rds:ModifyDBInstance",
"rds:ModifyDBCluster","kms:DescribeKey","kms:ListAliases","ec2:DescribeAvailabilityZones","ec2:DescribeSubnets",
"ec2:DescribeVpcs","ec2:DescribeSecurityGroups"],"Resource":"*"},
{"Effect":"Allow","Action":["kms:Decrypt","kms:Encrypt","kms:GenerateDataKey","kms:ReEncryptFrom","kms:ReEncryptTo"],
"Resource":"*","Condition":{"StringLike":{"kms:ViaService":["rds.*.amazonaws.com","s3.*.amazonaws.com"]}}},
{"Effect":"Allow","Action":"kms:CreateGrant","Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}}]})"},
    {"/", "AWSBackupServiceRolePolicyForS3Backup", "Lets AWS Backup back up buckets.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetInventoryConfiguration",
"s3:PutInventoryConfiguration","s3:ListBucketVersions","s3:ListBucket","s3:GetBucketVersioning","s3:GetBucketNotification",
"s3:PutBucketNotification","s3:GetBucketLocation","s3:GetBucketTagging","s3:GetBucketAcl"],"Resource":"arn:aws:s3:::*"},
{"Effect":"Allow","Action":["s3:GetObjectAcl","s3:GetObject","s3:GetObjectVersionTagging","s3:GetObjectVersionAcl",
"s3:GetObjectTagging","s3:GetObjectVersion"],"Resource":"arn:aws:s3:::*/*"},
{"Effect":"Allow","Action":["s3:ListAllMyBuckets","cloudwatch:GetMetricData","backup:TagResource"],"Resource":"*"},
{"Effect":"Allow","Action":["kms:Decrypt","kms:DescribeKey"],"Resource":"*",
"Condition":{"StringLike":{"kms:ViaService":"s3.*.amazonaws.com"}}}]})"},
    {"/", "AWSBackupServiceRolePolicyForS3Restore", "Lets AWS Backup restore into buckets.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:CreateBucket","s3:ListBucketVersions",
"s3:ListBucket","s3:GetBucketVersioning","s3:GetBucketLocation","s3:PutBucketVersioning","s3:PutBucketOwnershipControls",
"s3:GetBucketOwnershipControls","s3:GetBucketTagging","s3:PutBucketTagging"],"Resource":"arn:aws:s3:::*"},
{"Effect":"Allow","Action":["s3:GetObject","s3:GetObjectVersion","s3:DeleteObject","s3:PutObjectVersionAcl",
"s3:GetObjectVersionAcl","s3:GetObjectTagging","s3:PutObjectTagging","s3:GetObjectAcl","s3:PutObjectAcl",
"s3:ListMultipartUploadParts","s3:PutObject","s3:AbortMultipartUpload"],"Resource":"arn:aws:s3:::*/*"},
{"Effect":"Allow","Action":["kms:Decrypt","kms:DescribeKey","kms:GenerateDataKey"],"Resource":"*",
"Condition":{"StringLike":{"kms:ViaService":"s3.*.amazonaws.com"}}}]})"},
    {"/", "AWSKeyManagementServicePowerUser", "Provides access to KMS, without the use of keys.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:CreateAlias","kms:CreateKey","kms:DeleteAlias",
"kms:Describe*","kms:GenerateRandom","kms:Get*","kms:List*","kms:TagResource","kms:UntagResource","iam:ListGroups",
"iam:ListRoles","iam:ListUsers"],"Resource":"*"}]})"},
    {"/", "IAMFullAccess", "Provides full access to IAM.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]})"},
    {"/", "IAMReadOnlyAccess", "Provides read only access to IAM.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GenerateCredentialReport",
"iam:GenerateServiceLastAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"],
"Resource":"*"}]})"},
    {"/", "PowerUserAccess",
     "Provides full access to services and resources, without the management of users and groups.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],
"Resource":"*"},{"Effect":"Allow","Action":["iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles"],
"Resource":"*"}]})"},
    {"/", "ReadOnlyAccess", "Provides read only access to services and resources.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["backup:Describe*","backup:Get*","backup:List*",
"cloudwatch:Describe*","cloudwatch:Get*","cloudwatch:List*","dms:Describe*","dms:List*","ec2:Describe*","ec2:Get*",
"iam:Get*","iam:List*","iam:Simulate*","kms:Describe*","kms:Get*","kms:List*","logs:Describe*","logs:Get*","logs:List*",
"logs:FilterLogEvents","rds:Describe*","rds:List*","s3:Get*","s3:List*","secretsmanager:Describe*",
"secretsmanager:GetResourcePolicy","secretsmanager:List*","sns:Get*","sns:List*","sts:GetAccessKeyInfo",
"sts:GetCallerIdentity"],"Resource":"*"}]})"},
    {"/", "SecretsManagerReadWrite", "Provides read and write access to Secrets Manager.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["secretsmanager:*","ec2:DescribeSecurityGroups",
"ec2:DescribeSubnets","ec2:DescribeVpcs","kms:DescribeKey","kms:ListAliases","kms:ListKeys","rds:DescribeDBClusters",
"rds:DescribeDBInstances","tag:GetResources"],"Resource":"*"}]})"},
};

}  // namespace

std::span<const AwsPolicy> aws_policies() { return policies; }

std::string arn_of(const AwsPolicy& policy) {
  return fmt::format("arn:aws:iam::aws:policy{}{}", policy.path, policy.name);
}

const AwsPolicy* find_aws_policy(std::string_view arn) {
  constexpr std::string_view prefix = "arn:aws:iam::aws:policy";
  if (!arn.starts_with(prefix)) return nullptr;
  arn.remove_prefix(prefix.size());
  const auto found = std::ranges::find_if(policies, [&](const AwsPolicy& policy) {
    return arn.size() == policy.path.size() + policy.name.size() && arn.starts_with(policy.path) &&
           arn.ends_with(policy.name);
  });
  return found == std::end(policies) ? nullptr : found;
}

std::string id_of(const AwsPolicy& policy) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string id = "ANPA";
  const auto digest = crypto::Sha256::of(policy.name);
  for (size_t i = 0; i < 17; ++i) id += digits[std::to_integer<size_t>(digest[i]) & 31];
  return id;
}

const PolicyVersion* find_version(const ManagedPolicy& policy, std::string_view id) {
  const auto found = std::ranges::find(policy.versions, id, &PolicyVersion::id);
  return found == policy.versions.end() ? nullptr : &*found;
}

}  // namespace boreal::iam
