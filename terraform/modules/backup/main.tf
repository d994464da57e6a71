# A vault, a daily plan and what it covers.
resource "aws_backup_vault" "this" {
  name = "${var.environment}-vault"
  tags = var.tags
}

resource "aws_backup_plan" "this" {
  name = "${var.environment}-daily"
  tags = var.tags

  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.this.name
    schedule          = var.schedule

    lifecycle {
      delete_after = var.retention_days
    }
  }
}

resource "aws_backup_selection" "this" {
  name         = "${var.environment}-data-tier"
  plan_id      = aws_backup_plan.this.id
  iam_role_arn = aws_iam_role.backup.arn
  resources    = var.resource_arns

  depends_on = [aws_iam_role_policy_attachment.backup]
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["backup.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "backup" {
  name               = "${var.environment}-backup"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = var.tags
}

locals {
  # Databases, and S3, whose backups need a policy of their own.
  policies = toset([
    "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
    "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup",
  ])
}

resource "aws_iam_role_policy_attachment" "backup" {
  for_each = local.policies

  role       = aws_iam_role.backup.name
  policy_arn = each.value
}
