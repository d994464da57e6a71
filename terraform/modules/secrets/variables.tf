variable "environment" {
  description = "First part of the secret's name"
  type        = string
}

variable "name" {
  description = "Second part of the secret's name"
  type        = string
}

variable "value" {
  description = "Members of the JSON value"
  type        = map(string)
  sensitive   = true
}

variable "recovery_window_days" {
  description = "Days in which a deleted secret can be restored, 7 to 30; 0 deletes at once"
  type        = number
  default     = 7
}

variable "tags" {
  description = "Tags of the secret"
  type        = map(string)
  default     = {}
}
