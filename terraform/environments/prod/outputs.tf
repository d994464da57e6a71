output "db_endpoint" {
  description = "Writer endpoint"
  value       = module.aurora.endpoint
}

output "db_reader_endpoint" {
  description = "Reader endpoint"
  value       = module.aurora.reader_endpoint
}

output "db_port" {
  description = "Port of both"
  value       = module.aurora.port
}

output "db_cluster_arn" {
  description = "ARN of the cluster"
  value       = module.aurora.cluster_arn
}

output "app_data_bucket" {
  description = "Bucket of the application's files"
  value       = module.app_data.bucket
}

output "db_backup_bucket" {
  description = "Bucket of database dumps"
  value       = module.db_backups.bucket
}

output "backup_vault_arn" {
  description = "ARN of the backup vault"
  value       = module.backup.vault_arn
}

output "db_credentials_arn" {
  description = "ARN of the secret with the master user's name and password"
  value       = module.credentials.arn
}

output "dms_task_arn" {
  description = "ARN of the replication task; null without a source database"
  value       = one(module.dms[*].replication_task_arn)
}
