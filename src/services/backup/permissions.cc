#include "backup/permissions.h"

#include "base/text.h"

namespace boreal::backup {

namespace {
std::string value_or(const std::map<std::string, std::string>& map, const std::string& key, std::string otherwise) {
  const auto found = map.find(key);
  return found == map.end() ? otherwise : found->second;
}

// What a call of the role's own would tell of where it goes.
std::vector<aws::Access> in_region(const Place& place, std::vector<aws::Access> all) {
  for (aws::Access& access : all) access.context.emplace("aws:RequestedRegion", place.region);
  return all;
}

std::string rds_arn(const Place& place, std::string_view kind, const std::string& name) {
  return "arn:aws:rds:" + place.region + ":" + place.account + ":" + std::string(kind) + ":" + name;
}

// AWSBackupServiceRolePolicyForBackup (databases), AWSBackupServiceRolePolicyForS3Backup. Policies may speak of the
// tags of a cluster, not of those of a bucket.
std::vector<aws::Access> reading_accesses(const Place& place, const JobRecord& job, const Tags& tags) {
  if (job.resource_type == "S3") {
    return {{.action = "s3:GetBucketVersioning", .resource = job.resource_arn},
            {.action = "s3:ListBucketVersions", .resource = job.resource_arn},
            {.action = "s3:GetObject", .resource = job.resource_arn + "/*"},
            {.action = "s3:GetObjectVersion", .resource = job.resource_arn + "/*"},
            {.action = "s3:GetObjectTagging", .resource = job.resource_arn + "/*"}};
  }
  std::vector<aws::Access> all = {{.action = "rds:DescribeDBClusters", .resource = job.resource_arn},
                                  {.action = "rds:CreateDBClusterSnapshot", .resource = job.resource_arn}};
  for (aws::Access& access : all) {
    for (const auto& [key, value] : tags) {
      access.context.emplace("aws:ResourceTag/" + key, value);
      access.context.emplace("rds:cluster-tag/" + key, value);
    }
  }
  all.push_back({.action = "rds:CreateDBClusterSnapshot",
                 .resource = rds_arn(place, "cluster-snapshot", "awsbackup:job-" + job.id)});
  return all;
}

}  // namespace

std::vector<aws::Access> backup_accesses(const Place& place, const JobRecord& job, const Tags& tags) {
  std::vector<aws::Access> all = reading_accesses(place, job, tags);
  if (job.point_tags.empty()) return in_region(place, std::move(all));
  // AWS Backup Developer Guide, "Troubleshooting AWS Backup": the role gives the recovery point its tags.
  aws::Access tagging{.action = "backup:TagResource", .resource = place.arn("recovery-point:" + job.point_id)};
  for (const auto& [key, value] : job.point_tags) {
    tagging.context.emplace("aws:RequestTag/" + key, value);
    tagging.context.emplace("aws:TagKeys", key);
  }
  all.push_back(std::move(tagging));
  return in_region(place, std::move(all));
}

std::string new_bucket(const RestoreRecord& restore) {
  const bool is_new = restore.resource_type == "S3" && value_or(restore.metadata, "NewBucket", "false") == "true";
  return is_new ? value_or(restore.metadata, "DestinationBucketName", "") : "";
}

// AWSBackupServiceRolePolicyForRestores, AWSBackupServiceRolePolicyForS3Restore. A cluster is restored by all that
// RestoreDBClusterFromSnapshot is asked about; Service Authorization Reference, Amazon RDS.
std::vector<aws::Access> restore_accesses(const Place& place, const RestoreRecord& restore) {
  if (restore.resource_type == "S3") {
    const std::string named = value_or(restore.metadata, "DestinationBucketName", "*");
    const std::string bucket = named.starts_with("arn:") ? named : "arn:aws:s3:::" + named;
    std::vector<aws::Access> all = {{.action = "s3:ListBucketVersions", .resource = bucket},
                                    {.action = "s3:PutObject", .resource = bucket + "/*"},
                                    {.action = "s3:PutObjectTagging", .resource = bucket + "/*"}};
    if (!new_bucket(restore).empty()) all.push_back({.action = "s3:CreateBucket", .resource = bucket});
    return in_region(place, std::move(all));
  }
  std::vector<aws::Access> all;
  const auto use = [&](std::string_view kind, const std::string& name) {
    // Identifiers have no case; their ARNs are in lower case.
    all.push_back({.action = "rds:RestoreDBClusterFromSnapshot", .resource = rds_arn(place, kind, to_lower(name))});
  };
  use("cluster", value_or(restore.metadata, "DBClusterIdentifier", "*"));
  use("cluster-snapshot", "awsbackup:job-" + restore.point_id);
  use("subgrp", value_or(restore.metadata, "DBSubnetGroupName", "default"));
  if (const auto group = value_or(restore.metadata, "DBClusterParameterGroupName", ""); !group.empty())
    use("cluster-pg", group);
  return in_region(place, std::move(all));
}

}  // namespace boreal::backup
