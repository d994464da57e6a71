# A secret with a JSON value.
resource "aws_secretsmanager_secret" "this" {
  name                    = "${var.environment}/${var.name}"
  recovery_window_in_days = var.recovery_window_days
  tags                    = var.tags
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id     = aws_secretsmanager_secret.this.id
  secret_string = jsonencode(var.value)
}
