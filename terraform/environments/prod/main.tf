# The whole data tier, on AWS or on boreal: boreal_endpoint decides.
terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

locals {
  on_boreal   = var.boreal_endpoint != null
  environment = "prod"
  tags        = { Environment = local.environment, ManagedBy = "terraform" }

}

provider "aws" {
  region            = var.region
  s3_use_path_style = local.on_boreal
  # There is no metadata service on one's own machine to wait for.
  skip_metadata_api_check = local.on_boreal
  # S3 Control is asked for the tags of buckets, at a host name that begins with the account's number (from version 6.23
  # on). No name service need know it when boreal is the proxy; endpoints on this machine are asked without one.
  http_proxy  = var.boreal_endpoint
  https_proxy = local.on_boreal ? "" : null

  dynamic "endpoints" {
    for_each = var.boreal_endpoint[*]
    content {
      backup         = endpoints.value
      dms            = endpoints.value
      ec2            = endpoints.value
      iam            = endpoints.value
      kms            = endpoints.value
      rds            = endpoints.value
      s3             = endpoints.value
      s3control      = endpoints.value
      secretsmanager = endpoints.value
      sts            = endpoints.value
    }
  }
}

module "vpc" {
  source = "../../modules/vpc"

  environment           = local.environment
  database_client_cidrs = concat(["10.0.0.0/16"], local.on_boreal ? ["127.0.0.0/8"] : [])
  tags                  = local.tags
}

module "credentials" {
  source = "../../modules/secrets"

  environment = local.environment
  name        = "db-credentials"
  value       = { username = var.db_username, password = var.db_password }
  tags        = local.tags
}

module "aurora" {
  source = "../../modules/aurora"

  environment         = local.environment
  subnets             = module.vpc.data_subnets
  security_group_ids  = [module.vpc.data_security_group_id]
  database_name       = "ecommerce"
  master_username     = var.db_username
  master_password     = var.db_password
  deletion_protection = var.deletion_protection
  tags                = local.tags
}

module "app_data" {
  source = "../../modules/s3"

  environment = local.environment
  name        = "app-data"
  tags        = local.tags

  lifecycle_rules = {
    archive = { prefix = "archive/", noncurrent_days = 90, transition = { days = 30, storage_class = "STANDARD_IA" } }
    logs    = { prefix = "logs/", expiration_days = 90, noncurrent_days = 30, transition = { days = 30, storage_class = "GLACIER" } }
  }
}

module "db_backups" {
  source = "../../modules/s3"

  environment = local.environment
  name        = "db-backups"
  tags        = local.tags

  lifecycle_rules = {
    dumps = { expiration_days = 90, noncurrent_days = 30, transition = { days = 30, storage_class = "GLACIER" } }
  }
}

module "backup" {
  source = "../../modules/backup"

  environment   = local.environment
  resource_arns = [module.aurora.cluster_arn, module.app_data.arn]
  tags          = local.tags
}

module "dms" {
  source = "../../modules/dms"
  count  = var.source_database == null ? 0 : 1

  environment        = local.environment
  subnet_ids         = values(module.vpc.data_subnets)
  security_group_ids = [module.vpc.data_security_group_id]
  source_database    = var.source_database
  source_password    = var.source_password
  target_database = {
    host     = module.aurora.endpoint
    port     = module.aurora.port
    name     = module.aurora.database_name
    username = var.db_username
  }
  target_password = var.db_password
  tags            = local.tags
}
