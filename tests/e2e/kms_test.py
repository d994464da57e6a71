"""KMS through boto3 and the AWS CLI."""
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor

from e2e.helpers import advance, allow, eventually, policy, reset_clock, user
from harness import Case, error_code


class Kms(Case):
    def test_encrypt_rotate_restart_decrypt(self):
        kms = self.boreal.client("kms")
        key = kms.create_key(Description="e2e", Tags=[{"TagKey": "Name", "TagValue": "k"}])["KeyMetadata"]
        self.assertEqual((key["KeyState"], key["KeyManager"]), ("Enabled", "CUSTOMER"))
        sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"hello", EncryptionContext={"a": "1"})["CiphertextBlob"]
        kms.rotate_key_on_demand(KeyId=key["KeyId"])
        self.boreal.kill()
        self.boreal.start()
        kms = self.boreal.client("kms")
        opened = kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"a": "1"})
        self.assertEqual((opened["Plaintext"], opened["KeyId"]), (b"hello", key["Arn"]))
        self.assertEqual(error_code(kms.decrypt, CiphertextBlob=sealed), "InvalidCiphertextException")
        self.assertEqual(len(kms.list_key_rotations(KeyId=key["KeyId"])["Rotations"]), 1)

    def test_cli_alias_and_policy(self):
        key = self.boreal.aws("kms", "create-key")["KeyMetadata"]["KeyId"]
        self.boreal.aws("kms", "create-alias", "--alias-name", "alias/cli", "--target-key-id", key)
        self.assertEqual(self.boreal.aws("kms", "describe-key", "--key-id", "alias/cli")["KeyMetadata"]["KeyId"], key)
        aliases = self.boreal.aws("kms", "list-aliases", "--key-id", key)["Aliases"]
        self.assertEqual([a["AliasName"] for a in aliases], ["alias/cli"])
        document = json.loads(self.boreal.aws("kms", "get-key-policy", "--key-id", key, "--policy-name", "default")["Policy"])
        self.assertIn(":root", document["Statement"][0]["Principal"]["AWS"])
        self.boreal.aws("kms", "enable-key-rotation", "--key-id", key, "--rotation-period-in-days", "100")
        self.assertEqual(self.boreal.aws("kms", "get-key-rotation-status", "--key-id", key)["RotationPeriodInDays"], 100)

    def test_aliases_come_in_pages(self):
        kms = self.boreal.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        names = {f"alias/page/{i}" for i in range(7)}
        for name in names:
            kms.create_alias(AliasName=name, TargetKeyId=key)
        self.assertEqual(error_code(kms.create_alias, AliasName="alias/page/of-alias", TargetKeyId="alias/page/0"), "ValidationException")
        found = [a["AliasName"] for page in kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 3})
                 for a in page["Aliases"]]
        self.assertEqual(len(found), len(set(found)))
        self.assertLessEqual(names, set(found))

    def test_a_services_alias_is_there_before_its_key(self):
        kms = self.boreal.client("kms", "222222222222")
        listed = lambda: {a["AliasName"]: a.get("TargetKeyId") for a in kms.list_aliases()["Aliases"]}
        self.assertIsNone(listed()["alias/aws/rds"])
        self.assertEqual(kms.describe_key(KeyId="alias/aws/rds")["KeyMetadata"]["KeyId"], listed()["alias/aws/rds"])

    def test_permissions(self):
        kms = self.boreal.client("kms")
        key = kms.create_key()["KeyMetadata"]
        narrow = user(self, "kms-narrow", allow("kms:Encrypt", key["Arn"]))("kms")
        sealed = narrow.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        self.assertEqual(error_code(narrow.decrypt, CiphertextBlob=sealed), "AccessDeniedException")
        self.assertEqual(error_code(narrow.list_keys), "AccessDeniedException")
        elsewhere = self.boreal.client("kms", "111111111111")
        self.assertEqual(error_code(elsewhere.decrypt, CiphertextBlob=sealed), "AccessDeniedException")
        self.assertEqual(error_code(elsewhere.describe_key, KeyId=key["Arn"]), "AccessDeniedException")
        arn = self.boreal.client("iam").get_user(UserName="kms-narrow")["User"]["Arn"]
        grant = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=arn, Operations=["Decrypt"])
        self.assertEqual(narrow.decrypt(CiphertextBlob=sealed)["Plaintext"], b"x")
        kms.revoke_grant(KeyId=key["KeyId"], GrantId=grant["GrantId"])
        self.assertEqual(error_code(narrow.decrypt, CiphertextBlob=sealed), "AccessDeniedException")
        kms.put_key_policy(KeyId=key["KeyId"], Policy=policy(
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*", "Resource": "*"},
            {"Effect": "Deny", "Principal": {"AWS": arn}, "Action": "kms:Encrypt", "Resource": "*"}), PolicyName="default")
        self.assertEqual(error_code(narrow.encrypt, KeyId=key["KeyId"], Plaintext=b"x"), "AccessDeniedException")

    def test_conditions_on_grants_are_for_who_makes_them(self):
        kms = self.boreal.client("kms")
        key = kms.create_key()["KeyMetadata"]["Arn"]
        maker = user(self, "kms-maker", allow("kms:*", key, Condition={
            "StringEquals": {"kms:GranteePrincipal": "arn:aws:iam::000000000000:user/kms-maker"}}))("kms")
        me = self.boreal.client("iam").get_user(UserName="kms-maker")["User"]["Arn"]
        grant = maker.create_grant(KeyId=key, GranteePrincipal=me, Operations=["Encrypt"])["GrantId"]
        # To list is not to make: the member of that name is a filter.
        self.assertEqual(error_code(maker.list_grants, KeyId=key, GranteePrincipal=me), "AccessDeniedException")
        # Nothing here comes from a service that makes grants for its users.
        direct = {"Bool": {"kms:GrantIsForAWSResource": False}}
        through = user(self, "kms-through", allow("kms:*", key), {
            "Effect": "Deny", "Action": "kms:*", "Resource": "*", "Condition": direct})("kms")
        for call, more in ((through.list_grants, {}), (through.revoke_grant, {"GrantId": grant})):
            self.assertEqual(error_code(call, KeyId=key, **more), "AccessDeniedException")
        self.assertEqual(through.describe_key(KeyId=key)["KeyMetadata"]["Arn"], key)
        free = user(self, "kms-free", allow("kms:*", key), {"Effect": "Deny", "Action": "kms:CreateGrant", "Resource": "*", "Condition": {
            "StringEquals": {"kms:GrantConstraintType": "EncryptionContextSubset"}}})("kms")
        made = {"KeyId": key, "GranteePrincipal": me, "Operations": ["Encrypt"]}
        free.create_grant(**made, Constraints={"EncryptionContextEquals": {"a": "1"}})
        self.assertEqual(error_code(free.create_grant, **made, Constraints={"EncryptionContextSubset": {"a": "1"}}),
                         "AccessDeniedException")

    def test_policies_are_told_to_what_a_grant_is_bound(self):
        kms = self.boreal.client("kms")
        key = kms.create_key()["KeyMetadata"]["Arn"]
        made = {"KeyId": key, "GranteePrincipal": "arn:aws:iam::000000000000:root", "Operations": ["Encrypt"]}
        shop, prod = {"app": "shop"}, {"app": "shop", "stage": "prod"}
        binder = user(self, "kms-binder", allow("kms:CreateGrant", key, Condition={
            "StringEquals": {"kms:EncryptionContext:app": "shop"}, "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["app", "stage"]}}),
            {"Effect": "Deny", "Action": "kms:CreateGrant", "Resource": "*",
             "Condition": {"StringEquals": {"kms:EncryptionContext:stage": "prod"}}})("kms")
        for kind in ("EncryptionContextEquals", "EncryptionContextSubset"):
            with self.subTest(kind):
                binder.create_grant(**made, Constraints={kind: shop})
                for wrong in (prod, {"app": "other"}, {**shop, "more": "1"}):
                    self.assertEqual(error_code(binder.create_grant, **made, Constraints={kind: wrong}), "AccessDeniedException")
        self.assertEqual(error_code(binder.create_grant, **made), "AccessDeniedException")
        # What is bound to nothing is not bound.
        subset = user(self, "kms-subset", allow("kms:CreateGrant", key, Condition={
            "StringEquals": {"kms:GrantConstraintType": "EncryptionContextSubset"}}))("kms")
        subset.create_grant(**made, Constraints={"EncryptionContextSubset": shop})
        self.assertEqual(error_code(subset.create_grant, **made, Constraints={"EncryptionContextSubset": {}}), "AccessDeniedException")

    def test_whom_a_grant_lets_retire_it_may_be_denied_that(self):
        kms = self.boreal.client("kms")
        key = kms.create_key()["KeyMetadata"]["Arn"]
        retiring = user(self, "kms-retiring", {"Effect": "Deny", "Action": "kms:RetireGrant", "Resource": "*"})("kms")
        me = self.boreal.client("iam").get_user(UserName="kms-retiring")["User"]["Arn"]
        token = kms.create_grant(KeyId=key, GranteePrincipal=me, RetiringPrincipal=me, Operations=["Encrypt"])["GrantToken"]
        self.assertEqual(error_code(retiring.retire_grant, GrantToken=token), "AccessDeniedException")
        self.boreal.client("iam").delete_user_policy(UserName="kms-retiring", PolicyName="p")
        retiring.retire_grant(GrantToken=token)

    def test_a_services_own_key_is_used_by_whom_no_policy_denies_it(self):
        secrets = self.boreal.client("secretsmanager")
        arn = secrets.create_secret(Name="kms-own", SecretString="x")["ARN"]
        reader = allow("secretsmanager:GetSecretValue")
        self.assertEqual(user(self, "kms-own-reader", reader)("secretsmanager").get_secret_value(SecretId=arn)["SecretString"], "x")
        denied = user(self, "kms-own-denied", reader, {"Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*"})("secretsmanager")
        self.assertEqual(error_code(denied.get_secret_value, SecretId=arn), "AccessDeniedException")
        # What is denied to those who come by no service is not denied through one.
        through = user(self, "kms-own-through", reader, {"Effect": "Deny", "Action": "kms:*", "Resource": "*", "Condition": {
            "StringNotEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}})("secretsmanager")
        self.assertEqual(through.get_secret_value(SecretId=arn)["SecretString"], "x")

    def test_an_alias_that_is_moved_opens_no_other_key(self):
        """Who may move an alias to a key may not decrypt with it: not even when the alias is moved while the key that it
        stood for before is asked."""
        kms = self.boreal.client("kms")
        own, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        sealed = kms.encrypt(KeyId=other, Plaintext=b"secret")["CiphertextBlob"]
        client = user(self, "kms-mover", allow("kms:*", [own, "arn:aws:kms:us-east-1:000000000000:alias/*"]),
                      allow("kms:UpdateAlias", other))
        me = self.boreal.client("iam").get_user(UserName="kms-mover")["User"]["Arn"]
        ended, found = time.monotonic() + 60, []

        def grant(number):  # many take long to read
            kms.create_grant(KeyId=own, GranteePrincipal=me, Operations=["Encrypt"], Constraints={"EncryptionContextEquals": {"n": str(number)}})

        def move(mover):
            for target in itertools.cycle((other, own)):
                if found or time.monotonic() > ended:
                    return
                mover.update_alias(AliasName="alias/moved", TargetKeyId=target)

        def forget(number, forgetter):  # what is known of the key: its grants are read anew
            while not found and time.monotonic() < ended:
                forgetter.create_alias(AliasName=f"alias/forget-{number}", TargetKeyId=own)
                forgetter.delete_alias(AliasName=f"alias/forget-{number}")

        def read(reader):
            while not found and time.monotonic() < ended:
                try:
                    found.append(reader.decrypt(CiphertextBlob=sealed, KeyId="alias/moved")["Plaintext"])
                except reader.exceptions.ClientError as error:
                    self.assertIn(error.response["Error"]["Code"], ("AccessDeniedException", "IncorrectKeyException"))

        with ThreadPoolExecutor(12) as pool:
            list(pool.map(grant, range(1200)))
            client("kms").create_alias(AliasName="alias/moved", TargetKeyId=own)
            ended = time.monotonic() + 5
            work = [pool.submit(move, client("kms"))]
            work += [pool.submit(forget, number, client("kms")) for number in range(4)]
            work += [pool.submit(read, client("kms")) for _ in range(6)]
            for each in work:
                each.result()
        self.assertEqual(found, [])

    def test_reencryption_onto_another_key(self):
        kms = self.boreal.client("kms")
        one, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        sealed = kms.encrypt(KeyId=one, Plaintext=b"x")["CiphertextBlob"]
        keeper = user(self, "kms-keeper", allow("kms:*"), {"Effect": "Deny", "Action": "kms:ReEncrypt*", "Resource": "*", "Condition": {
            "Bool": {"kms:ReEncryptOnSameKey": False}}})("kms")
        self.assertEqual(keeper.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=one)["KeyId"], one)
        self.assertEqual(error_code(keeper.re_encrypt, CiphertextBlob=sealed, DestinationKeyId=other), "AccessDeniedException")

    def test_time_deletes(self):
        kms = self.boreal.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        self.assertEqual(error_code(kms.encrypt, KeyId=key, Plaintext=b"x"), "KMSInvalidStateException")
        advance(self, "8d")
        reset_clock(self)
        self.assertEqual(error_code(kms.describe_key, KeyId=key), "NotFoundException")

    def test_dry_run_and_unsupported(self):
        kms = self.boreal.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        self.assertEqual(error_code(kms.encrypt, KeyId=key, Plaintext=b"x", DryRun=True), "DryRunOperationException")
        self.assertEqual(error_code(kms.tag_resource, KeyId=key, Tags=[{"TagKey": "AWS:x", "TagValue": "y"}]), "TagException")
        self.assertEqual(error_code(kms.create_key, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY"), "UnsupportedOperationException")
        self.assertEqual(error_code(kms.sign, KeyId=key, Message=b"x", SigningAlgorithm="ECDSA_SHA_256"), "NotImplemented")
