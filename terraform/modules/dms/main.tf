# Change data capture from a source database into the cluster.

# DMS looks for a role of exactly this name, one for the whole account, before it makes a subnet group.
data "aws_iam_policy_document" "vpc_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["dms.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "vpc" {
  count = var.create_vpc_role ? 1 : 0

  name               = "dms-vpc-role"
  assume_role_policy = data.aws_iam_policy_document.vpc_trust.json
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "vpc" {
  count = var.create_vpc_role ? 1 : 0

  role       = aws_iam_role.vpc[0].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonDMSVPCManagementRole"
}

resource "aws_dms_replication_subnet_group" "this" {
  replication_subnet_group_id          = "${var.environment}-dms"
  replication_subnet_group_description = "Subnets of the replication instance"
  subnet_ids                           = var.subnet_ids
  tags                                 = var.tags

  depends_on = [aws_iam_role_policy_attachment.vpc]
}

resource "aws_dms_replication_instance" "this" {
  replication_instance_id     = "${var.environment}-dms"
  replication_instance_class  = var.instance_class
  allocated_storage           = 50
  publicly_accessible         = false
  replication_subnet_group_id = aws_dms_replication_subnet_group.this.id
  vpc_security_group_ids      = var.security_group_ids
  tags                        = var.tags
}

resource "aws_dms_endpoint" "source" {
  endpoint_id   = "${var.environment}-source"
  endpoint_type = "source"
  engine_name   = "postgres"
  server_name   = var.source_database.host
  port          = var.source_database.port
  database_name = var.source_database.name
  username      = var.source_database.username
  password      = var.source_password
  tags          = var.tags
}

resource "aws_dms_endpoint" "target" {
  endpoint_id   = "${var.environment}-target"
  endpoint_type = "target"
  engine_name   = "aurora-postgresql"
  server_name   = var.target_database.host
  port          = var.target_database.port
  database_name = var.target_database.name
  username      = var.target_database.username
  password      = var.target_password
  tags          = var.tags
}

resource "aws_dms_replication_task" "this" {
  replication_task_id      = "${var.environment}-cdc"
  replication_instance_arn = aws_dms_replication_instance.this.replication_instance_arn
  source_endpoint_arn      = aws_dms_endpoint.source.endpoint_arn
  target_endpoint_arn      = aws_dms_endpoint.target.endpoint_arn
  migration_type           = "cdc"
  tags                     = var.tags

  replication_task_settings = jsonencode({
    TargetMetadata   = { TargetSchema = "", SupportLobs = true, FullLobMode = false, LobChunkSize = 64, LimitedSizeLobMode = true, LobMaxSize = 32 }
    FullLoadSettings = { TargetTablePrepMode = "DO_NOTHING" }
    Logging          = { EnableLogging = true }
  })

  table_mappings = jsonencode({
    rules = [{
      rule-type      = "selection"
      rule-id        = "1"
      rule-name      = "all-of-public"
      rule-action    = "include"
      object-locator = { schema-name = "public", table-name = "%" }
    }]
  })
}
