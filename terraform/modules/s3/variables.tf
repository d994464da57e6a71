variable "environment" {
  description = "Prefix of the bucket's name"
  type        = string
}

variable "name" {
  description = "What the bucket holds, in a word"
  type        = string
}

variable "lifecycle_rules" {
  description = "Lifecycle rules by id; what is null does not happen"
  type = map(object({
    prefix          = optional(string, "")
    expiration_days = optional(number)
    noncurrent_days = optional(number)
    transition = optional(object({
      days          = number
      storage_class = string
    }))
  }))
  default = {}
}

variable "force_destroy" {
  description = "Delete the objects with the bucket"
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of the bucket"
  type        = map(string)
  default     = {}
}
