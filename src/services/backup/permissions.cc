#include "backup/permissions.h"

#include "base/text.h"

namespace boreal::backup {

namespace {
std::string value_or(const std::map<std::string, std::string>& map, const std::string& key, std::string otherwise) {
  const auto found = map.find(key);
  return found == map.end() ? otherwise : found->second;
}

// AWSBackupServiceRolePolicyForBackup (databases), AWSBackupServiceRolePolicyForS3Backup.
std::vector<aws::Access> reading_accesses(const Place& place, const JobRecord& job) {
  if (job.resource_type == "S3") {
    return {{.action = "s3:GetBucketVersioning", .resource = job.resource_arn},
            {.action = "s3:ListBucketVersions", .resource = job.resource_arn},
            {.action = "s3:GetObject", .resource = job.resource_arn + "/*"},
            {.action = "s3:GetObjectVersion", .resource = job.resource_arn + "/*"},
            {.action = "s3:GetObjectTagging", .resource = job.resource_arn + "/*"}};
  }
  const std::string snapshot =
      "arn:aws:rds:" + place.region + ":" + place.account + ":cluster-snapshot:awsbackup:job-" + job.id;
  return {{.action = "rds:DescribeDBClusters", .resource = job.resource_arn},
          {.action = "rds:CreateDBClusterSnapshot", .resource = job.resource_arn},
          {.action = "rds:CreateDBClusterSnapshot", .resource = snapshot}};
}

}  // namespace

std::vector<aws::Access> backup_accesses(const Place& place, const JobRecord& job) {
  std::vector<aws::Access> all = reading_accesses(place, job);
  if (job.point_tags.empty()) return all;
  // AWS Backup Developer Guide, "Troubleshooting AWS Backup": the role gives the recovery point its tags.
  aws::Access tagging{.action = "backup:TagResource", .resource = place.arn("recovery-point:" + job.point_id)};
  for (const auto& [key, value] : job.point_tags) {
    tagging.context.emplace("aws:RequestTag/" + key, value);
    tagging.context.emplace("aws:TagKeys", key);
  }
  all.push_back(std::move(tagging));
  return all;
}

std::string new_bucket(const RestoreRecord& restore) {
  const bool is_new = restore.resource_type == "S3" && value_or(restore.metadata, "NewBucket", "false") == "true";
  return is_new ? value_or(restore.metadata, "DestinationBucketName", "") : "";
}

// AWSBackupServiceRolePolicyForRestores, AWSBackupServiceRolePolicyForS3Restore.
std::vector<aws::Access> restore_accesses(const Place& place, const RestoreRecord& restore) {
  if (restore.resource_type == "S3") {
    const std::string named = value_or(restore.metadata, "DestinationBucketName", "*");
    const std::string bucket = named.starts_with("arn:") ? named : "arn:aws:s3:::" + named;
    std::vector<aws::Access> all = {{.action = "s3:ListBucketVersions", .resource = bucket},
                                    {.action = "s3:PutObject", .resource = bucket + "/*"},
                                    {.action = "s3:PutObjectTagging", .resource = bucket + "/*"}};
    if (!new_bucket(restore).empty()) all.push_back({.action = "s3:CreateBucket", .resource = bucket});
    return all;
  }
  // Identifiers of clusters have no case; their ARNs are in lower case.
  const std::string cluster = "arn:aws:rds:" + place.region + ":" + place.account +
                              ":cluster:" + to_lower(value_or(restore.metadata, "DBClusterIdentifier", "*"));
  return {{.action = "rds:RestoreDBClusterFromSnapshot", .resource = cluster}};
}

}  // namespace boreal::backup
