# The network under the data tier: a VPC with one private subnet in each availability zone, and the security group
# that lets PostgreSQL in from named address ranges only.
data "aws_availability_zones" "available" {
  state = "available"
}

locals {
  zones = slice(data.aws_availability_zones.available.names, 0, var.zone_count)
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr_block
  enable_dns_hostnames = true
  tags                 = merge(var.tags, { Name = "${var.environment}-vpc" })
}

resource "aws_subnet" "data" {
  for_each = { for index, zone in local.zones : zone => index }

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr_block, 8, 20 + each.value)
  tags              = merge(var.tags, { Name = "${var.environment}-data-${each.value + 1}" })
}

resource "aws_security_group" "data" {
  name        = "${var.environment}-data"
  description = "PostgreSQL from the application tier"
  vpc_id      = aws_vpc.this.id
  tags        = merge(var.tags, { Name = "${var.environment}-data" })
}

resource "aws_vpc_security_group_ingress_rule" "postgresql" {
  for_each = toset(var.database_client_cidrs)

  security_group_id = aws_security_group.data.id
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
  cidr_ipv4         = each.value
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.data.id
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}
