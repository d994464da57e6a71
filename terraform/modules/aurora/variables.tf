variable "environment" {
  description = "Prefix of every name"
  type        = string
}

variable "subnets" {
  description = "Availability zone to subnet id, two zones or more"
  type        = map(string)
}

variable "security_group_ids" {
  description = "Security groups of the endpoints"
  type        = list(string)
}

variable "engine_version" {
  description = "Aurora PostgreSQL version"
  type        = string
  default     = "15.4"
}

variable "instance_class" {
  description = "Class of every instance"
  type        = string
  default     = "db.t3.medium"
}

variable "instance_count" {
  description = "Instances in all; the first is the writer, the others are readers"
  type        = number
  default     = 2
}

variable "database_name" {
  description = "Database made with the cluster"
  type        = string
}

variable "master_username" {
  description = "Master user"
  type        = string
}

variable "master_password" {
  description = "Password of the master user"
  type        = string
  sensitive   = true
}

variable "cluster_parameters" {
  description = "Cluster parameter group: name to value"
  type        = map(string)
  default = {
    log_statement              = "ddl"
    log_min_duration_statement = "1000"
  }
}

variable "backup_retention_days" {
  description = "Days that automated backups are kept"
  type        = number
  default     = 7
}

variable "backup_window" {
  description = "Daily backup window, UTC"
  type        = string
  default     = "02:00-04:00"
}

variable "maintenance_window" {
  description = "Weekly maintenance window, UTC; must not overlap the backup window"
  type        = string
  default     = "sun:05:00-sun:07:00"
}

variable "deletion_protection" {
  description = "Refuse to delete the cluster"
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of every resource"
  type        = map(string)
  default     = {}
}
