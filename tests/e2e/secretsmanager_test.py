"""Secrets Manager through boto3 and the AWS CLI."""
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from e2e.helpers import advance, allow, eventually, files_with, policy, reset_clock, user
from harness import PATIENCE_S, Case, error_code


class SecretsManager(Case):
    def client(self, **more):
        return self.boreal.client("secretsmanager", **more)

    def test_what_terraform_does(self):
        """An empty secret, its value with Terraform's kind of token, and the look-ups of its data sources."""
        secrets = self.client()
        made = secrets.create_secret(Name="tf/db", Description="", ClientRequestToken="terraform-20261122131140193500000001")
        self.assertNotIn("VersionId", made)
        self.assertNotIn("ResourcePolicy", secrets.get_resource_policy(SecretId=made["ARN"]))
        token = "terraform-20261122131240092700000003"
        put = secrets.put_secret_value(SecretId=made["ARN"], ClientRequestToken=token, SecretString='{"password":"x"}')
        self.assertEqual(put["VersionId"], token)
        for name in (made["ARN"], "tf/db", made["ARN"][:-7]):
            got = secrets.get_secret_value(SecretId=name)
            self.assertEqual((got["SecretString"], got["VersionId"], got["VersionStages"]), ('{"password":"x"}', token, ["AWSCURRENT"]))
        secrets.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)
        self.assertEqual(error_code(secrets.describe_secret, SecretId=made["ARN"]), "ResourceNotFoundException")

    def test_a_reader_who_is_early_waits_for_the_first_value(self):
        secrets, reader = self.client(), self.client()
        sent = threading.Event()
        reader.meta.events.register("before-send.secrets-manager.GetSecretValue", lambda **_: sent.set())

        def put_behind_the_reader(name):
            """Whether the reader had not given up, and how long that took."""
            sent.clear()
            secrets.create_secret(Name=name)
            began = time.monotonic()
            with ThreadPoolExecutor(1) as pool:
                reading = pool.submit(reader.get_secret_value, SecretId=name)
                self.assertTrue(sent.wait(PATIENCE_S))
                for _ in range(5):  # what was sent before has been looked at when these are answered
                    secrets.describe_secret(SecretId=name)
                waits = not reading.done()
                secrets.put_secret_value(SecretId=name, SecretString="worm")
                took = time.monotonic() - began
                try:
                    self.assertEqual(reading.result(PATIENCE_S)["SecretString"], "worm")
                except reader.exceptions.ResourceNotFoundException:
                    waits = False
            return waits, took

        for number in range(10):
            waits, took = put_behind_the_reader(f"early-{number}")
            if waits or took < 2:  # else this machine was so busy that the value came too late
                break
        self.assertTrue(waits)

    def test_a_reader_who_waited_is_asked_again(self):
        secrets = self.client()
        client = user(self, "secrets-early", allow("secretsmanager:GetSecretValue"))("secretsmanager")
        arn = self.boreal.client("iam").get_user(UserName="secrets-early")["User"]["Arn"]
        sent = threading.Event()
        client.meta.events.register("before-send.secrets-manager.GetSecretValue", lambda **_: sent.set())
        deny = policy({"Effect": "Deny", "Principal": {"AWS": arn}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"})

        def forbid_behind_the_reader(name):
            """What the reader was told, if it was waiting when the secret got its policy."""
            sent.clear()
            secrets.create_secret(Name=name)
            with ThreadPoolExecutor(1) as pool:
                reading = pool.submit(error_code, client.get_secret_value, SecretId=name)
                self.assertTrue(sent.wait(PATIENCE_S))
                for _ in range(5):
                    secrets.describe_secret(SecretId=name)
                waits = not reading.done()
                secrets.put_resource_policy(SecretId=name, ResourcePolicy=deny)
                secrets.put_secret_value(SecretId=name, SecretString="worm")
                told = reading.result(PATIENCE_S)
            return told if waits and told != "ResourceNotFoundException" else None  # a busy machine may come too late

        told = next(filter(None, (forbid_behind_the_reader(f"forbidden-{number}") for number in range(10))), None)
        self.assertEqual(told, "AccessDeniedException")

    def test_a_reader_of_a_secret_that_stays_empty_is_told(self):
        secrets = self.client()
        secrets.create_secret(Name="stays-empty")
        self.assertEqual(error_code(secrets.get_secret_value, SecretId="stays-empty"), "ResourceNotFoundException")  # after a while
        secrets.create_secret(Name="also-empty")
        error_code(secrets.get_secret_value, SecretId="also-empty", VersionStage="other")  # at once: nobody puts that one first

    def test_cli(self):
        made = self.boreal.aws("secretsmanager", "create-secret", "--name", "cli", "--secret-string", "one")
        self.boreal.aws("secretsmanager", "put-secret-value", "--secret-id", "cli", "--secret-string", "two")
        got = self.boreal.aws("secretsmanager", "get-secret-value", "--secret-id", "cli", "--version-stage", "AWSPREVIOUS")
        self.assertEqual((got["SecretString"], got["VersionId"]), ("one", made["VersionId"]))
        word = self.boreal.aws("secretsmanager", "get-random-password", "--password-length", "40")["RandomPassword"]
        self.assertEqual(len(word), 40)
        batch = self.boreal.aws("secretsmanager", "batch-get-secret-value", "--secret-id-list", "cli", "none")
        self.assertEqual((batch["SecretValues"][0]["SecretString"], batch["Errors"][0]["ErrorCode"]), ("two", "ResourceNotFoundException"))

    def test_values_survive_a_kill_and_never_lie_in_clear(self):
        canary = "canary-51c0ffee-in-a-secret"
        self.client().create_secret(Name="canary", SecretString=canary)
        self.boreal.kill()
        self.assertEqual(files_with(self.boreal.data, canary), [])
        self.boreal.start()
        self.assertEqual(self.client().get_secret_value(SecretId="canary")["SecretString"], canary)
        self.assertNotIn(canary, self.boreal.log())

    def test_permissions(self):
        secrets = self.client()
        mine = secrets.create_secret(Name="perm/mine", SecretString="m")["ARN"]
        other = secrets.create_secret(Name="perm/other", SecretString="o")["ARN"]
        narrow = user(self, "secrets-narrow", allow("secretsmanager:GetSecretValue", mine))("secretsmanager")
        self.assertEqual(narrow.get_secret_value(SecretId="perm/mine")["SecretString"], "m")
        self.assertEqual(error_code(narrow.get_secret_value, SecretId=other), "AccessDeniedException")
        self.assertEqual(error_code(narrow.put_secret_value, SecretId=mine, SecretString="x"), "AccessDeniedException")
        self.assertEqual(error_code(narrow.list_secrets), "AccessDeniedException")
        elsewhere = self.client(access_key="111111111111")
        self.assertEqual(error_code(elsewhere.get_secret_value, SecretId=mine), "AccessDeniedException")
        arn = self.boreal.client("iam").get_user(UserName="secrets-narrow")["User"]["Arn"]
        secrets.put_resource_policy(SecretId=other, ResourcePolicy=policy(
            {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}))
        self.assertEqual(narrow.get_secret_value(SecretId=other)["SecretString"], "o")

    def test_a_condition_that_anybody_meets_leaves_a_policy_public(self):
        secrets = self.client()
        secrets.create_secret(Name="public")

        def put(condition):
            secrets.put_resource_policy(SecretId="public", BlockPublicPolicy=True, ResourcePolicy=policy(
                {"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*", "Condition": condition}))
        for anybody in ({"StringLike": {"aws:PrincipalAccount": "*"}}, {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}},
                        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}):
            self.assertEqual(error_code(put, anybody), "PublicPolicyException", anybody)
        put({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/*"}})

    def test_a_customer_key_needs_its_own_permission(self):
        key = self.boreal.client("kms").create_key()["KeyMetadata"]["Arn"]
        made = self.client().create_secret(Name="own-key", KmsKeyId=key, SecretString="x")["ARN"]
        reader = user(self, "secrets-reader", allow("secretsmanager:GetSecretValue", made))("secretsmanager")
        self.assertEqual(error_code(reader.get_secret_value, SecretId=made), "AccessDeniedException")
        self.boreal.client("iam").put_user_policy(UserName="secrets-reader", PolicyName="key", PolicyDocument=policy(
            allow("kms:Decrypt", key, Condition={"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com",
                                                                  "kms:EncryptionContext:SecretARN": made}})))
        self.assertEqual(reader.get_secret_value(SecretId=made)["SecretString"], "x")

    def test_policies_are_told_the_arn_of_a_key(self):
        """However the request names it."""
        kms = self.boreal.client("kms")
        ours, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        kms.create_alias(AliasName="alias/ours", TargetKeyId=ours)
        kms.create_alias(AliasName="alias/other", TargetKeyId=other)
        ann = user(self, "secrets-own-key", allow("kms:*"), allow(
            ["secretsmanager:CreateSecret", "secretsmanager:UpdateSecret"],
            Condition={"ArnEquals": {"secretsmanager:KmsKeyArn": ours}}))("secretsmanager")
        for number, key in enumerate(("alias/ours", ours, ours.split("/")[1])):
            ann.create_secret(Name=f"own-key-{number}", KmsKeyId=key, SecretString="x")
        ann.update_secret(SecretId="own-key-0", KmsKeyId="alias/ours", SecretString="y")
        for key in ("alias/other", other, other.split("/")[1], "alias/none"):
            self.assertEqual(error_code(ann.create_secret, Name="other-key", KmsKeyId=key), "AccessDeniedException", key)
            self.assertEqual(error_code(ann.update_secret, SecretId="own-key-0", KmsKeyId=key), "AccessDeniedException", key)
        self.assertEqual(error_code(ann.create_secret, Name="no-key"), "AccessDeniedException")

    def test_a_key_knows_whether_a_service_asks(self):
        key = self.boreal.client("kms").create_key()["KeyMetadata"]["Arn"]
        made = self.client().create_secret(Name="via", KmsKeyId=key, SecretString="x")["ARN"]
        sealed = self.boreal.client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        denied = "AccessDeniedException"
        for number, (condition, by_itself, through) in enumerate((({"Bool": {"aws:ViaAWSService": "false"}}, None, denied),
                                                                  ({"Bool": {"aws:ViaAWSService": "true"}}, denied, None),
                                                                  ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, None, denied))):
            client = user(self, f"secrets-via-{number}", allow("secretsmanager:GetSecretValue", made), allow("kms:Decrypt", key, Condition=condition))
            for call, refused, asked in ((client("kms").decrypt, by_itself, {"CiphertextBlob": sealed}),
                                         (client("secretsmanager").get_secret_value, through, {"SecretId": made})):
                if refused:
                    self.assertEqual(error_code(call, **asked), refused)
                else:
                    call(**asked)

    def test_copies_in_another_region(self):
        secrets = self.client()
        secrets.create_secret(Name="copied", SecretString="1", AddReplicaRegions=[{"Region": "eu-west-1"}])
        there = self.client(region="eu-west-1")

        def equal(value):
            self.assertEqual(secrets.describe_secret(SecretId="copied")["ReplicationStatus"][0]["Status"], "InSync")
            self.assertEqual(there.get_secret_value(SecretId="copied")["SecretString"], value)
        eventually(lambda: equal("1"))
        secrets.put_secret_value(SecretId="copied", SecretString="2")
        eventually(lambda: equal("2"))
        self.assertEqual(error_code(there.put_secret_value, SecretId="copied", SecretString="3"), "InvalidRequestException")
        secrets.remove_regions_from_replication(SecretId="copied", RemoveReplicaRegions=["eu-west-1"])
        self.assertEqual(error_code(there.get_secret_value, SecretId="copied"), "ResourceNotFoundException")

    def test_time_deletes(self):
        secrets = self.client()
        secrets.create_secret(Name="short-lived", SecretString="x")
        secrets.delete_secret(SecretId="short-lived", RecoveryWindowInDays=7)
        self.assertEqual(error_code(secrets.get_secret_value, SecretId="short-lived"), "InvalidRequestException")
        advance(self, "8d")
        reset_clock(self)
        self.assertEqual(error_code(secrets.describe_secret, SecretId="short-lived"), "ResourceNotFoundException")

    def test_rotation_by_lambda_is_refused_by_name(self):
        self.client().create_secret(Name="rotated", SecretString="x")
        answer = self.boreal.aws("secretsmanager", "rotate-secret", "--secret-id", "rotated", "--rotation-lambda-arn",
                                 "arn:aws:lambda:us-east-1:000000000000:function:f", check=False)
        self.assertIn("InvalidRequestException", answer.stderr)
        self.assertIn("rotation by Lambda", answer.stderr)
