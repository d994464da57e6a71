output "cluster_arn" {
  description = "ARN of the cluster: what AWS Backup and IAM policies want"
  value       = aws_rds_cluster.this.arn
}

output "cluster_identifier" {
  description = "Identifier of the cluster"
  value       = aws_rds_cluster.this.cluster_identifier
}

output "endpoint" {
  description = "Writer endpoint"
  value       = aws_rds_cluster.this.endpoint
}

output "reader_endpoint" {
  description = "Reader endpoint"
  value       = aws_rds_cluster.this.reader_endpoint
}

output "port" {
  description = "Port of all endpoints"
  value       = aws_rds_cluster.this.port
}

output "database_name" {
  description = "Database made with the cluster"
  value       = aws_rds_cluster.this.database_name
}
