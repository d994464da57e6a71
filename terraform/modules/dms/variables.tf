variable "environment" {
  description = "Prefix of every name"
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the replication instance, in two zones or more"
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups of the replication instance"
  type        = list(string)
}

variable "instance_class" {
  description = "Class of the replication instance"
  type        = string
  default     = "dms.t3.medium"
}

variable "source_database" {
  description = "The database that is migrated"
  type = object({
    host     = string
    port     = optional(number, 5432)
    name     = string
    username = string
  })
}

variable "source_password" {
  description = "Password of the source's user"
  type        = string
  sensitive   = true
}

variable "target_database" {
  description = "The database that it is migrated into"
  type = object({
    host     = string
    port     = optional(number, 5432)
    name     = string
    username = string
  })
}

variable "target_password" {
  description = "Password of the target's user"
  type        = string
  sensitive   = true
}

variable "create_vpc_role" {
  description = "Make the account's dms-vpc-role; false where it is there already"
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of every resource"
  type        = map(string)
  default     = {}
}
