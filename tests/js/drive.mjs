// What programs on AWS's JavaScript SDK v3 do with the tier. `node drive.mjs JOB`; the environment says where and who.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import {
  CreateDBClusterCommand, CreateDBClusterParameterGroupCommand, CreateDBInstanceCommand, DeleteDBClusterCommand,
  DeleteDBInstanceCommand, DescribeDBClustersCommand, paginateDescribeDBClusterParameterGroups, RDSClient,
  waitUntilDBInstanceAvailable,
} from "@aws-sdk/client-rds";
import {
  CreateBucketCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, NoSuchKey, paginateListObjectsV2,
  PutObjectCommand, S3Client,
} from "@aws-sdk/client-s3";
import {
  CreateSecretCommand, GetSecretValueCommand, PutSecretValueCommand, ResourceNotFoundException, SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { GetCallerIdentityCommand, GetSessionTokenCommand, STSClient } from "@aws-sdk/client-sts";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");
const s3 = new S3Client({ forcePathStyle: true });

async function bucket(name) {
  await s3.send(new CreateBucketCommand({ Bucket: name }));
  return name;
}

const jobs = {
  async secrets() {
    const client = new SecretsManagerClient({});
    const made = await client.send(new CreateSecretCommand({ Name: "js", SecretString: '{"password":"one"}' }));
    const first = await client.send(new GetSecretValueCommand({ SecretId: made.ARN }));
    assert.equal(JSON.parse(first.SecretString).password, "one");
    assert.ok(first.CreatedDate instanceof Date);
    await client.send(new PutSecretValueCommand({ SecretId: "js", SecretBinary: Buffer.from([0, 255, 7]) }));
    const second = await client.send(new GetSecretValueCommand({ SecretId: "js" }));
    assert.deepEqual([...second.SecretBinary], [0, 255, 7]);
    const previous = await client.send(new GetSecretValueCommand({ SecretId: "js", VersionStage: "AWSPREVIOUS" }));
    assert.equal(previous.VersionId, first.VersionId);
    await assert.rejects(client.send(new GetSecretValueCommand({ SecretId: "none" })), ResourceNotFoundException);
  },

  async sts() {
    const client = new STSClient({});
    const me = await client.send(new GetCallerIdentityCommand({}));
    assert.match(me.Arn, /^arn:aws:iam::\d{12}:root$/);
    const { Credentials } = await client.send(new GetSessionTokenCommand({}));
    const session = new STSClient({
      credentials: {
        accessKeyId: Credentials.AccessKeyId, secretAccessKey: Credentials.SecretAccessKey, sessionToken: Credentials.SessionToken,
      },
    });
    assert.equal((await session.send(new GetCallerIdentityCommand({}))).Account, me.Account);
  },

  async rds() {
    const client = new RDSClient({});
    await client.send(new CreateDBClusterCommand({
      DBClusterIdentifier: "js", Engine: "aurora-postgresql", MasterUsername: "postgres", MasterUserPassword: "Correct-Horse-42",
    }));
    await client.send(new CreateDBInstanceCommand({
      DBInstanceIdentifier: "js-1", DBClusterIdentifier: "js", Engine: "aurora-postgresql", DBInstanceClass: "db.t3.medium",
    }));
    await waitUntilDBInstanceAvailable({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { DBInstanceIdentifier: "js-1" });
    const { DBClusters } = await client.send(new DescribeDBClustersCommand({ DBClusterIdentifier: "js" }));
    assert.equal(DBClusters.length, 1);
    assert.equal(DBClusters[0].Status, "available");
    assert.deepEqual(DBClusters[0].DBClusterMembers.map((m) => [m.DBInstanceIdentifier, m.IsClusterWriter]), [["js-1", true]]);
    assert.ok(DBClusters[0].ClusterCreateTime instanceof Date);

    for (let i = 0; i < 25; ++i) {
      await client.send(new CreateDBClusterParameterGroupCommand({
        DBClusterParameterGroupName: `js-${i}`, DBParameterGroupFamily: "aurora-postgresql15", Description: "one of many",
      }));
    }
    const seen = [];
    let pages = 0;
    for await (const page of paginateDescribeDBClusterParameterGroups({ client, pageSize: 20 }, {})) {
      ++pages;
      seen.push(...page.DBClusterParameterGroups.map((g) => g.DBClusterParameterGroupName));
    }
    assert.ok(pages >= 2);
    assert.equal(new Set(seen).size, seen.length);
    for (let i = 0; i < 25; ++i) assert.ok(seen.includes(`js-${i}`));
    await client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: "js-1" }));
    await client.send(new DeleteDBClusterCommand({ DBClusterIdentifier: "js", SkipFinalSnapshot: true }));
  },

  async upload() {
    const Bucket = await bucket("js-upload");
    const content = randomBytes(17 * 1024 * 1024 + 12345);
    const pieces = [];
    for (let at = 0; at < content.length; at += 100_000) pieces.push(content.subarray(at, at + 100_000));
    const progress = [];
    const upload = new Upload({
      client: s3, partSize: 5 * 1024 * 1024, queueSize: 3,
      params: { Bucket, Key: "big", Body: Readable.from(pieces), ContentType: "application/x-test", Metadata: { colour: "red" } },
    });
    upload.on("httpUploadProgress", (event) => progress.push(event.loaded));
    const done = await upload.done();
    assert.match(done.ETag, /-4"$/);
    assert.equal(progress.at(-1), content.length);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "big" }));
    assert.equal(head.ContentLength, content.length);
    assert.equal(head.Metadata.colour, "red");
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: "big" }));
    assert.equal(digest(await got.Body.transformToByteArray()), digest(content));
    const part = await s3.send(new GetObjectCommand({ Bucket, Key: "big", Range: "bytes=5242870-5242890" }));
    assert.deepEqual(Buffer.from(await part.Body.transformToByteArray()), content.subarray(5242870, 5242891));

    const small = new Upload({ client: s3, params: { Bucket, Key: "small", Body: "few bytes" } });
    await small.done();
    assert.equal(await (await s3.send(new GetObjectCommand({ Bucket, Key: "small" }))).Body.transformToString(), "few bytes");
    await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: "none" })), NoSuchKey);
  },

  async presigned() {
    const Bucket = await bucket("js-presigned");
    const Key = "a b/ü+&.txt";
    const put = await fetch(await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key }), { expiresIn: 60 }), {
      method: "PUT", body: "by a URL",
    });
    assert.equal(put.status, 200, await put.text());
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key, ResponseContentType: "text/x-test" }), { expiresIn: 60 });
    const got = await fetch(url);
    assert.equal(got.headers.get("content-type"), "text/x-test");
    assert.equal(await got.text(), "by a URL");
    assert.equal((await fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"))).status, 403);
  },

  async paginator() {
    const Bucket = await bucket("js-pages");
    const keys = Array.from({ length: 25 }, (_, i) => `k/${String(i).padStart(3, "0")}`);
    await Promise.all(keys.map((Key) => s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }))));
    const seen = [];
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 7 }, { Bucket, Prefix: "k/" })) {
      assert.ok(page.Contents.length <= 7);
      seen.push(...page.Contents.map((row) => row.Key));
    }
    assert.deepEqual(seen, keys);
    const gone = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }));
    assert.equal(gone.Deleted.length, keys.length);
  },
};

await jobs[process.argv[2]]();
