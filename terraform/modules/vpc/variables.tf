variable "environment" {
  description = "Prefix of every name"
  type        = string
}

variable "cidr_block" {
  description = "Addresses of the VPC, a /16"
  type        = string
  default     = "10.0.0.0/16"
}

variable "zone_count" {
  description = "How many availability zones get a data subnet; Aurora wants at least two"
  type        = number
  default     = 2

  validation {
    condition     = var.zone_count >= 2
    error_message = "A DB subnet group covers at least two availability zones."
  }
}

variable "database_client_cidrs" {
  description = "Address ranges that may reach PostgreSQL"
  type        = list(string)
}

variable "tags" {
  description = "Tags of every resource"
  type        = map(string)
  default     = {}
}
