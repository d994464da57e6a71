output "vpc_id" {
  description = "The VPC"
  value       = aws_vpc.this.id
}

# Zone by subnet comes from the configuration, not from a look-up, so that the whole tree plans in one go.
output "data_subnets" {
  description = "Data subnets: availability zone to subnet id"
  value       = { for zone, subnet in aws_subnet.data : zone => subnet.id }
}

output "data_security_group_id" {
  description = "Security group of the database endpoints"
  value       = aws_security_group.data.id
}
