variable "boreal_endpoint" {
  description = "Where boreal listens (http://127.0.0.1:4566); null means AWS itself"
  type        = string
  default     = null
}

variable "region" {
  description = "Region of everything"
  type        = string
  default     = "us-east-1"
}

variable "db_username" {
  description = "Master user of the cluster"
  type        = string
  default     = "postgres"
}

variable "db_password" {
  description = "Password of the master user, 8 to 128 characters"
  type        = string
  sensitive   = true
}

variable "deletion_protection" {
  description = "Refuse to delete the cluster"
  type        = bool
  default     = true
}

variable "source_database" {
  description = "The database to migrate from; null leaves DMS out"
  type = object({
    host     = string
    port     = optional(number, 5432)
    name     = string
    username = string
  })
  default = null
}

variable "source_password" {
  description = "Password of the source's user"
  type        = string
  sensitive   = true
  default     = null
}
