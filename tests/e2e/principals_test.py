"""Policies of resources mean those who were there when they were put, not who is given their name later; they are read
back with ARNs, or with the ids of those who are gone."""
import json

from botocore.exceptions import ClientError

from e2e.helpers import allow, policy, user
from harness import Case, error_code

ACCOUNT = "000000000000"


def principal_of(document):
    document = document if isinstance(document, dict) else json.loads(document)
    return [one["Principal"]["AWS"] for one in document["Statement"] if "AWS" in one.get("Principal", {})][-1]


class Principals(Case):
    def setUp(self):
        self.iam = self.boreal.client("iam")

    def again(self, name):
        """Another user of the name of one who is gone, with no permission of its own; the id of the first."""
        first = self.iam.get_user(UserName=name)["User"]["UserId"]
        for key in self.iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            self.iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        for one in self.iam.list_user_policies(UserName=name)["PolicyNames"]:
            self.iam.delete_user_policy(UserName=name, PolicyName=one)
        self.iam.delete_user(UserName=name)
        return first, user(self, name)

    def check(self, name, use, shown):
        """Of a user's name whose client may `use` a resource, and whose ARN `shown` tells: both end with the user."""
        arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
        self.assertEqual(shown(), arn)
        gone, other = self.again(name)
        with self.assertRaises(ClientError) as refused:
            use(other)
        self.assertIn(refused.exception.response["Error"]["Code"], ("AccessDenied", "AccessDeniedException"))
        self.assertEqual(shown(), gone)

    def test_key_policy(self):
        made, kms = user(self, "ann"), self.boreal.client("kms")
        ann = f"arn:aws:iam::{ACCOUNT}:user/ann"
        root = {**allow("kms:*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
        named = {**allow("kms:Encrypt"), "Principal": {"AWS": ann}}
        key = kms.create_key(Policy=policy(root, named))["KeyMetadata"]["KeyId"]

        def use(client):
            client("kms").encrypt(KeyId=key, Plaintext=b"x")
        use(made)
        self.check("ann", use, lambda: principal_of(kms.get_key_policy(KeyId=key)["Policy"]))
        # The policy that is put again means the other; the id of who is gone can be kept, and nobody invented.
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(root, named))
        self.assertEqual(principal_of(kms.get_key_policy(KeyId=key)["Policy"]), ann)
        nobody = {**named, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/nobody"}}
        self.assertEqual(error_code(kms.put_key_policy, KeyId=key, PolicyName="default", Policy=policy(root, nobody)),
                         "MalformedPolicyDocumentException")
        self.iam.update_user(UserName="ann", NewUserName="ann-maria")
        self.assertEqual(principal_of(kms.get_key_policy(KeyId=key)["Policy"]), ann + "-maria")

    def test_grant(self):
        made, kms = user(self, "gus"), self.boreal.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        gus = f"arn:aws:iam::{ACCOUNT}:user/gus"
        grant = kms.create_grant(KeyId=key, GranteePrincipal=gus, RetiringPrincipal=gus, Operations=["Encrypt"])["GrantId"]

        def use(client):
            client("kms").encrypt(KeyId=key, Plaintext=b"x")
        use(made)
        self.check("gus", use, lambda: kms.list_grants(KeyId=key)["Grants"][0]["GranteePrincipal"])
        another = user(self, "gus-too")
        self.assertEqual(error_code(another("kms").retire_grant, KeyId=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key}", GrantId=grant),
                         "AccessDeniedException")
        self.assertEqual(kms.list_grants(KeyId=key, GranteePrincipal=gus)["Grants"], [])
        self.assertEqual(error_code(kms.create_grant, KeyId=key, GranteePrincipal=gus + "/nobody", Operations=["Encrypt"]),
                         "InvalidArnException")

    def test_secret_policy(self):
        made, secrets = user(self, "sam"), self.boreal.client("secretsmanager")
        secret = secrets.create_secret(Name="principals", SecretString="s")["ARN"]
        sam = f"arn:aws:iam::{ACCOUNT}:user/sam"
        document = policy({**allow("secretsmanager:GetSecretValue"), "Principal": {"AWS": sam}})
        secrets.put_resource_policy(SecretId=secret, ResourcePolicy=document)

        def use(client):
            client("secretsmanager").get_secret_value(SecretId=secret)
        use(made)
        self.check("sam", use, lambda: principal_of(secrets.get_resource_policy(SecretId=secret)["ResourcePolicy"]))
        self.assertEqual(error_code(secrets.put_resource_policy, SecretId=secret, ResourcePolicy=document.replace("/sam", "/nobody")),
                         "MalformedPolicyDocumentException")

    def test_bucket_policy(self):
        made, s3 = user(self, "bob"), self.boreal.client("s3")
        s3.create_bucket(Bucket="principals")
        s3.put_object(Bucket="principals", Key="k", Body=b"x")
        bob = f"arn:aws:iam::{ACCOUNT}:user/bob"
        s3.put_bucket_policy(Bucket="principals",
                             Policy=policy({**allow("s3:GetObject", "arn:aws:s3:::principals/*"), "Principal": {"AWS": bob}}))

        def use(client):
            client("s3").get_object(Bucket="principals", Key="k")
        use(made)
        self.check("bob", use, lambda: principal_of(s3.get_bucket_policy(Bucket="principals")["Policy"]))

    def test_vault_policy(self):
        user(self, "vic")
        backup = self.boreal.client("backup")
        backup.create_backup_vault(BackupVaultName="principals")
        vic = f"arn:aws:iam::{ACCOUNT}:user/vic"
        document = policy({**allow("backup:DescribeBackupVault"), "Principal": {"AWS": vic}})
        backup.put_backup_vault_access_policy(BackupVaultName="principals", Policy=document)

        def shown():
            return principal_of(backup.get_backup_vault_access_policy(BackupVaultName="principals")["Policy"])
        self.assertEqual(shown(), vic)
        self.assertEqual(self.again("vic")[0], shown())
        self.assertEqual(error_code(backup.put_backup_vault_access_policy, BackupVaultName="principals",
                                    Policy=document.replace("/vic", "/nobody")), "InvalidParameterValueException")

    def test_trust_policy(self):
        made, role = user(self, "tom"), f"arn:aws:iam::{ACCOUNT}:role/principals"
        trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/tom"}})
        made_role = self.iam.create_role(RoleName="principals", AssumeRolePolicyDocument=trust)["Role"]
        self.assertEqual(made_role["AssumeRolePolicyDocument"], json.loads(trust))

        def use(client):
            client("sts").assume_role(RoleArn=role, RoleSessionName="session")

        def shown():
            listed = [one for one in self.iam.list_roles()["Roles"] if one["RoleName"] == "principals"][0]
            detail = self.iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
            seen = {principal_of(one["AssumeRolePolicyDocument"])
                    for one in [listed, self.iam.get_role(RoleName="principals")["Role"], *detail] if one["RoleName"] == "principals"}
            self.assertEqual(len(seen), 1)
            return seen.pop()
        use(made)
        self.check("tom", use, shown)
        self.iam.update_assume_role_policy(RoleName="principals", PolicyDocument=trust)
        use(user_again(self, "tom"))

    def test_role_in_a_policy(self):
        """A role that is made again is another one too."""
        trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}})
        self.iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust)
        s3 = self.boreal.client("s3")
        s3.create_bucket(Bucket="principals-role")
        s3.put_object(Bucket="principals-role", Key="k", Body=b"x")
        role = f"arn:aws:iam::{ACCOUNT}:role/reader"
        self.assuming = user(self, "assuming", allow("sts:AssumeRole", role))
        s3.put_bucket_policy(Bucket="principals-role", Policy=policy(
            {**allow("s3:GetObject", "arn:aws:s3:::principals-role/*"), "Principal": {"AWS": role}}))
        self.assertEqual(self.read_as(role), b"x")
        self.iam.delete_role(RoleName="reader")
        self.iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust)
        self.assertEqual(error_code(self.read_as, role), "AccessDenied")

    def read_as(self, role):
        session = self.assuming("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
        s3 = self.boreal.client("s3", session["AccessKeyId"], session["SecretAccessKey"], token=session["SessionToken"])
        return s3.get_object(Bucket="principals-role", Key="k")["Body"].read()


def user_again(case, name):
    """A client maker with a new key of a user who is there."""
    key = case.iam.create_access_key(UserName=name)["AccessKey"]
    return lambda service: case.boreal.client(service, key["AccessKeyId"], key["SecretAccessKey"])
