"""DMS through boto3: resources with the statuses that clients poll for, and connection tests against a real PostgreSQL."""
import contextlib
import json
import os
import pwd
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from e2e.helpers import allow, eventually, files_with, policy, reserved_port, user
from harness import PATIENCE_S, Case, error_code

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
PASSWORD = "Right-Horse-42"
ACCOUNT = "000000000000"
MAPPINGS = json.dumps({"rules": [{"rule-type": "selection", "rule-id": "1", "rule-name": "1", "rule-action": "include",
                                  "object-locator": {"schema-name": "public", "table-name": "%"}}]})
SETTINGS = json.dumps({"TargetMetadata": {"TargetSchema": "", "SupportLobs": True}, "Logging": {"EnableLogging": True}})


class Database:
    """A PostgreSQL of the test's own, that wants a password."""

    def __init__(self, port):
        self.port = port
        self.folder = Path(tempfile.mkdtemp(prefix="boreal-dms-"))
        self.folder.chmod(0o755)
        self.bin = BINARIES[-1].parent
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        data = self.folder / "data"
        data.mkdir()
        if self.as_user:
            owner = pwd.getpwnam("postgres")
            os.chown(data, owner.pw_uid, owner.pw_gid)
        self.run("initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={secret}", "-N")
        self.data = data
        self.run("pg_ctl", "-D", data, "-w", "-l", data / "log", "-o",
                 f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={data} -c fsync=off", "start")

    def run(self, program, *args):
        subprocess.run([*self.as_user, str(self.bin / program), *map(str, args)], check=True, cwd=self.folder,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)

    def sql(self, text):
        subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-c", text], check=True,
                       env={**os.environ, "PGPASSWORD": PASSWORD}, stdout=subprocess.DEVNULL)

    def close(self):
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


class HostileDatabase:
    """Speaks as PostgreSQL does, as far as it takes to have its client compute, or keep what it is sent, without end."""

    def __init__(self, case, kind):
        self.kind = kind
        self.is_reached = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        case.addCleanup(self.socket.close)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                threading.Thread(target=self.talk, args=(client,), daemon=True).start()

    def talk(self, client):
        with client, contextlib.suppress(OSError, ValueError):
            client.recv(4096)
            self.is_reached.set()
            getattr(self, self.kind)(client)

    @staticmethod
    def message(kind, body):
        return kind + struct.pack(">I", len(body) + 4) + body

    def computes(self, client):
        """A password check of many seconds of rounds."""
        client.sendall(self.message(b"R", struct.pack(">I", 10) + b"SCRAM-SHA-256\0\0"))
        nonce = client.recv(4096).split(b"r=")[1]
        client.sendall(self.message(b"R", struct.pack(">I", 11) + b"r=" + nonce + b"more,s=c2FsdA==,i=20000000"))
        client.recv(4096)

    def tells(self, client):
        """Parameters, each of another name: the client looks for each among all before it."""
        client.sendall(self.message(b"R", bytes(4)))
        for first in range(0, 100_000_000, 1000):
            client.sendall(b"".join(self.message(b"S", b"%x\0\0" % number) for number in range(first, first + 1000)))

    def answers(self, client):
        client.sendall(self.message(b"R", bytes(4)) + self.message(b"Z", b"I"))
        client.recv(4096)
        client.sendall(self.message(b"T", struct.pack(">H", 1) + b"c\0" + struct.pack(">IHIHIH", 0, 0, 25, 0, 0, 0)))
        row = self.message(b"D", struct.pack(">HI", 1, 1 << 20) + bytes(1 << 20))
        while True:
            client.sendall(row)


class Base(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dms = cls.boreal.client("dms")
        cls.ec2 = cls.boreal.client("ec2")
        vpc = cls.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        cls.subnets = [cls.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{n}.0/24", AvailabilityZone=f"us-east-1{z}")
                       ["Subnet"]["SubnetId"] for n, z in ((1, "a"), (2, "b"))]
        cls.dms.create_replication_subnet_group(ReplicationSubnetGroupIdentifier="Group", SubnetIds=cls.subnets,
                                                ReplicationSubnetGroupDescription="d")

    def until(self, look, wanted):
        def reached():
            seen = look()
            self.assertIn(seen, wanted)
            return seen
        return eventually(reached)

    def instance(self, name):
        made = self.dms.create_replication_instance(
            ReplicationInstanceIdentifier=name, ReplicationInstanceClass="dms.t3.medium",
            ReplicationSubnetGroupIdentifier="group")["ReplicationInstance"]
        self.assertEqual(made["ReplicationInstanceStatus"], "creating")
        self.assertEqual(made["ReplicationSubnetGroup"]["ReplicationSubnetGroupIdentifier"], "group")
        self.until(lambda: self.instances("replication-instance-id", name)[0]["ReplicationInstanceStatus"], ["available"])
        return made["ReplicationInstanceArn"]

    def instances(self, name, value):
        return self.dms.describe_replication_instances(Filters=[{"Name": name, "Values": [value]}])["ReplicationInstances"]

    def endpoint(self, name, kind, port=5432, password=PASSWORD, engine="postgres", **more):
        return self.dms.create_endpoint(EndpointIdentifier=name, EndpointType=kind, EngineName=engine, ServerName="127.0.0.1",
                                        Port=port, DatabaseName="postgres", Username="postgres", Password=password,
                                        **more)["Endpoint"]


class DmsTest(Base):
    def test_resources_live_and_refuse_to_go_while_in_use(self):
        rep = self.instance("Rep-One")
        self.assertRegex(rep, r"^arn:aws:dms:us-east-1:\d{12}:rep:[A-Z2-7]{26}$")
        source = self.endpoint("one-source", "source")["EndpointArn"]
        target = self.endpoint("one-target", "target", engine="aurora-postgresql")["EndpointArn"]
        task = self.dms.create_replication_task(
            ReplicationTaskIdentifier="one-task", SourceEndpointArn=source, TargetEndpointArn=target,
            ReplicationInstanceArn=rep, MigrationType="cdc", TableMappings=MAPPINGS, ReplicationTaskSettings=SETTINGS,
            Tags=[{"Key": "a", "Value": "b"}])["ReplicationTask"]
        self.assertEqual(task["Status"], "creating")
        arn = task["ReplicationTaskArn"]
        find = lambda: self.dms.describe_replication_tasks(  # noqa: E731
            Filters=[{"Name": "replication-task-id", "Values": ["one-task"]}])["ReplicationTasks"][0]
        self.until(lambda: find()["Status"], ["ready"])
        self.assertEqual(find()["ReplicationTaskSettings"], SETTINGS)
        self.assertEqual(self.dms.list_tags_for_resource(ResourceArn=arn)["TagList"], [{"Key": "a", "Value": "b"}])
        self.assertEqual(error_code(self.dms.start_replication_task, ReplicationTaskArn=arn,
                                    StartReplicationTaskType="start-replication"), "NotImplemented")
        self.assertEqual(find()["Status"], "ready")
        # A task's source stays one, its target too; all else of them may change.
        for endpoint, kind in ((source, "target"), (target, "source")):
            self.assertEqual(error_code(self.dms.modify_endpoint, EndpointArn=endpoint, EndpointType=kind),
                             "InvalidResourceStateFault")
        self.dms.modify_endpoint(EndpointArn=source, EndpointType="source", EngineName="postgres", Port=6001)
        for call, member, value in ((self.dms.delete_endpoint, "EndpointArn", source),
                                    (self.dms.delete_replication_instance, "ReplicationInstanceArn", rep),
                                    (self.dms.delete_replication_subnet_group, "ReplicationSubnetGroupIdentifier", "Group")):
            self.assertEqual(error_code(call, **{member: value}), "InvalidResourceStateFault")
        self.assertEqual(error_code(self.ec2.delete_subnet, SubnetId=self.subnets[0]), "DependencyViolation")

        self.assertEqual(self.dms.delete_replication_task(ReplicationTaskArn=arn)["ReplicationTask"]["Status"], "deleting")
        self.until(lambda: self.gone(find), [True])
        self.assertEqual(self.dms.delete_endpoint(EndpointArn=source)["Endpoint"]["Status"], "deleting")
        self.dms.delete_endpoint(EndpointArn=target)
        deleted = self.dms.delete_replication_instance(ReplicationInstanceArn=rep)["ReplicationInstance"]
        self.assertEqual(deleted["ReplicationInstanceStatus"], "deleting")
        self.until(lambda: self.gone(self.instances, "replication-instance-arn", rep), [True])

    def gone(self, call, *args):
        try:
            call(*args)
        except self.dms.exceptions.ResourceNotFoundFault:
            return True
        return False

    def test_wrong_input_is_refused_by_name(self):
        self.assertEqual(error_code(self.endpoint, "my", "source", engine="mysql"), "InvalidParameterValueException")
        self.assertEqual(error_code(self.endpoint, "bad--name", "source"), "InvalidParameterValueException")
        for tag in (("dms:mine", "x"), ("AWS:mine", "x"), ("mine", "dms:x"), ("ü" * 129, "x"), ("mine", "ü" * 257)):
            self.assertEqual(error_code(self.endpoint, "tagged", "source", Tags=[{"Key": tag[0], "Value": tag[1]}]),
                             "InvalidParameterValueException", tag)
        longest = [{"Key": "ü" * 128, "Value": "ü" * 256}]  # characters, not bytes
        made = self.endpoint("tagged", "source", Tags=longest)["EndpointArn"]
        self.assertEqual(self.dms.list_tags_for_resource(ResourceArn=made)["TagList"], longest)
        self.assertEqual(error_code(self.endpoint, "tls", "source", SslMode="verify-full"),
                         "InvalidParameterCombinationException")
        self.assertEqual(error_code(self.dms.describe_endpoints, Filters=[{"Name": "endpoint-id", "Values": ["none"]}]),
                         "ResourceNotFoundFault")
        self.assertEqual(error_code(self.dms.describe_endpoints, Filters=[{"Name": "colour", "Values": ["red"]}]),
                         "InvalidParameterValueException")
        self.assertEqual(error_code(self.dms.create_replication_instance, ReplicationInstanceIdentifier="x",
                                    ReplicationInstanceClass="dms.z9.huge"), "InvalidParameterValueException")

    def test_an_instance_does_not_tell_of_another_accounts_keys(self):
        mine = self.boreal.client("kms").create_key()["KeyMetadata"]["Arn"]
        other = self.boreal.client("dms", "111111111111")
        answers = []
        for key in (mine, mine[:-4] + ("0000" if mine[-4:] != "0000" else "1111")):
            with self.assertRaises(other.exceptions.KMSKeyNotAccessibleFault) as refused:
                other.create_replication_instance(ReplicationInstanceIdentifier="theirs", KmsKeyId=key,
                                                  ReplicationInstanceClass="dms.t3.medium")
            answers.append(refused.exception.response["Error"]["Message"].replace(key, "KEY"))
        self.assertEqual(answers[0], answers[1])

    def test_a_key_is_given_to_dms_by_whom_its_guide_says(self):
        key = self.boreal.client("kms").create_key()["KeyMetadata"]["Arn"]
        new = {"EndpointType": "source", "EngineName": "postgres", "Username": "u", "Password": PASSWORD, "ServerName": "db.internal",
               "Port": 5432, "DatabaseName": "d", "KmsKeyId": key}
        using = user(self, "dms-user", allow("dms:*"), allow(["kms:GenerateDataKey", "kms:Decrypt"], key))("dms")
        self.assertEqual(error_code(using.create_endpoint, EndpointIdentifier="used", **new), "KMSKeyNotAccessibleFault")
        giving = user(self, "dms-giver", allow("dms:*"), allow(["kms:DescribeKey", "kms:CreateGrant", "kms:Encrypt", "kms:ReEncrypt*"], key))("dms")
        self.assertEqual(giving.create_endpoint(EndpointIdentifier="given", **new)["Endpoint"]["KmsKeyId"], key)

    def test_no_answer_has_the_password(self):
        made = self.endpoint("quiet", "source", PostgreSQLSettings={"SlotName": "s", "Password": PASSWORD})
        self.assertNotIn(PASSWORD, json.dumps(made))
        self.assertEqual(made["PostgreSQLSettings"]["SlotName"], "s")
        self.assertEqual(made["PostgreSQLSettings"]["Port"], made["Port"])
        changed = self.dms.modify_endpoint(EndpointArn=made["EndpointArn"], Port=6000)["Endpoint"]
        self.assertEqual((changed["Port"], changed["PostgreSQLSettings"]["SlotName"]), (6000, "s"))
        self.assertEqual(files_with(self.boreal.data, PASSWORD), [])


class DmsSecretTest(Base):
    def test_the_secret_and_its_key_have_their_word(self):
        """The access role reads the secret as any caller does: the secret's own policy may forbid it, its tags are what
        conditions ask about, and its key must let the role."""
        role = f"arn:aws:iam::{ACCOUNT}:role/reader"
        iam, secrets, kms = (self.boreal.client(name) for name in ("iam", "secretsmanager", "kms"))
        iam.create_role(RoleName="reader", AssumeRolePolicyDocument=policy(
            {"Effect": "Allow", "Principal": {"Service": "dms.us-east-1.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": {
                "StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": f"arn:aws:dms:us-east-1:{ACCOUNT}:endpoint:*"}}}))

        def may(*statements):
            iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=policy(*statements))

        def make(name, secret):
            return self.dms.create_endpoint(
                EndpointIdentifier=name, EndpointType="source", EngineName="postgres", DatabaseName="d",
                PostgreSQLSettings={"SecretsManagerAccessRoleArn": role, "SecretsManagerSecretId": secret})["Endpoint"]

        value = json.dumps({"username": "u", "password": PASSWORD, "host": "127.0.0.1", "port": 1})
        plain = secrets.create_secret(Name="plain", SecretString=value)["ARN"]
        reading = allow("secretsmanager:GetSecretValue")
        may(reading)
        endpoint = make("with-secret", plain)["EndpointArn"]
        secrets.put_resource_policy(SecretId=plain, ResourcePolicy=policy(
            {"Effect": "Deny", "Principal": {"AWS": role}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}))
        self.assertEqual(error_code(make, "denied", plain), "AccessDeniedFault")
        rep = self.instance("secret-reader")
        for call in (self.dms.test_connection, self.dms.refresh_schemas):
            self.assertEqual(error_code(call, ReplicationInstanceArn=rep, EndpointArn=endpoint), "AccessDeniedFault")

        tagged = secrets.create_secret(Name="tagged", SecretString=value, Tags=[{"Key": "env", "Value": "prod"}])["ARN"]
        may(reading, {"Effect": "Deny", "Action": "*", "Resource": "*",
                      "Condition": {"StringEquals": {"aws:ResourceTag/env": "prod"}}})
        self.assertEqual(error_code(make, "tagged", tagged), "AccessDeniedFault")

        key = kms.create_key()["KeyMetadata"]["Arn"]
        sealed = secrets.create_secret(Name="sealed", SecretString=value, KmsKeyId=key)["ARN"]
        may(reading)
        self.assertEqual(error_code(make, "sealed", sealed), "AccessDeniedFault")
        may(reading, allow("kms:Decrypt", key, Condition={
            "StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}))
        make("sealed", sealed)


class DmsHostileTest(Base):
    def test_a_hostile_database_costs_others_nothing(self):
        rep = self.instance("careful")
        waiting = set()
        for kind in ("answers", "tells", "computes"):
            endpoint = self.endpoint(f"hostile-{kind}", "source", HostileDatabase(self, kind).port)["EndpointArn"]
            self.dms.test_connection(ReplicationInstanceArn=rep, EndpointArn=endpoint)
            waiting.add(endpoint)
        longest = 0
        while waiting:
            began = time.monotonic()
            for each in self.dms.describe_connections()["Connections"]:
                self.assertIn(each["Status"], ("testing", "failed"), each)
                if each["Status"] == "failed":
                    waiting.discard(each["EndpointArn"])
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.05)
        self.assertLess(longest, 4, "an answer waited")
        status = Path(f"/proc/{self.boreal.process.pid}/status").read_text()
        peak_kib = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
        self.assertLess(peak_kib, 500_000)

    def test_a_hostile_database_holds_up_no_end(self):
        """Whoever stops a container waits for ten seconds, and then kills it. The test begins anew with the next start."""
        rep = self.instance("ending")
        database = HostileDatabase(self, "answers")
        endpoint = self.endpoint("hostile-to-the-end", "source", database.port)["EndpointArn"]
        self.dms.test_connection(ReplicationInstanceArn=rep, EndpointArn=endpoint)
        self.assertTrue(database.is_reached.wait(PATIENCE_S))
        self.boreal.stop()
        self.boreal.start()
        of_it = [{"Name": "endpoint-arn", "Values": [endpoint]}]
        self.assertEqual(self.dms.describe_connections(Filters=of_it)["Connections"][0]["Status"], "testing")


@unittest.skipUnless(BINARIES, "PostgreSQL is not installed")
class DmsConnectionTest(Base):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database = Database(reserved_port(cls.addClassCleanup))
        cls.addClassCleanup(cls.database.close)

    def test_connections_are_real(self):
        self.database.sql("CREATE SCHEMA shop")
        rep = self.instance("prober")
        good = self.endpoint("good", "source", self.database.port)["EndpointArn"]
        bad = self.endpoint("bad", "source", self.database.port, password="Wrong")["EndpointArn"]
        nobody = self.endpoint("nobody", "source", reserved_port(self.addCleanup))["EndpointArn"]  # nobody listens there
        for endpoint in (good, bad, nobody):
            tested = self.dms.test_connection(ReplicationInstanceArn=rep, EndpointArn=endpoint)["Connection"]
            self.assertEqual(tested["Status"], "testing")

        def outcome(endpoint):
            look = lambda: self.dms.describe_connections(  # noqa: E731
                Filters=[{"Name": "endpoint-arn", "Values": [endpoint]}])["Connections"][0]
            self.until(lambda: look()["Status"], ["successful", "failed"])
            return look()

        self.assertEqual(outcome(good)["Status"], "successful")
        self.assertIn("password authentication failed", outcome(bad)["LastFailureMessage"])
        self.assertIn("Connection refused", outcome(nobody)["LastFailureMessage"])

        self.assertEqual(error_code(self.dms.describe_schemas, EndpointArn=good), "InvalidResourceStateFault")
        self.dms.refresh_schemas(EndpointArn=good, ReplicationInstanceArn=rep)
        self.until(lambda: self.dms.describe_refresh_schemas_status(EndpointArn=good)["RefreshSchemasStatus"]["Status"],
                   ["successful"])
        self.assertEqual(self.dms.describe_schemas(EndpointArn=good)["Schemas"], ["public", "shop"])

        self.boreal.kill()
        self.boreal.start()
        self.assertEqual(outcome(good)["Status"], "successful")
        self.dms.modify_endpoint(EndpointArn=bad, Password=PASSWORD)
        self.dms.test_connection(ReplicationInstanceArn=rep, EndpointArn=bad)
        self.assertEqual(outcome(bad)["Status"], "successful")
