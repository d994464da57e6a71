variable "environment" {
  description = "Prefix of every name"
  type        = string
}

variable "resource_arns" {
  description = "ARNs of what is backed up"
  type        = list(string)

  validation {
    condition     = alltrue([for arn in var.resource_arns : startswith(arn, "arn:")])
    error_message = "AWS Backup selects by ARN, not by identifier."
  }
}

variable "schedule" {
  description = "When, as an EventBridge cron expression in UTC"
  type        = string
  default     = "cron(0 2 ? * * *)"
}

variable "retention_days" {
  description = "Days that a recovery point is kept"
  type        = number
  default     = 30
}

variable "tags" {
  description = "Tags of every resource"
  type        = map(string)
  default     = {}
}
