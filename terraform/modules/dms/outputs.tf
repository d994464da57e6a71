output "replication_task_arn" {
  description = "ARN of the task, for aws dms start-replication-task"
  value       = aws_dms_replication_task.this.replication_task_arn
}
