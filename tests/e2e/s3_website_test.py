"""Buckets as websites, asked as browsers ask: by their host names, with no signature."""
import http.client
import json

from botocore import UNSIGNED

from e2e.s3_cases import refusal, signed, status_of
from harness import Case, error_code


class Website(Case):
    number = 0

    def setUp(self):
        self.s3 = self.boreal.client("s3")
        Website.number += 1
        self.bucket = f"site-{Website.number}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.delete_public_access_block(Bucket=self.bucket)

    def open(self, *more, resource=None):
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource or f"arn:aws:s3:::{self.bucket}/*"}
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement, *more]}))

    def site(self, **configuration):
        return self.s3.put_bucket_website(Bucket=self.bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}, **configuration})

    def put(self, key, body, **more):
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def visit(self, path, method="GET", host="s3-website.us-east-1.localhost", headers=()):
        """Status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.boreal.port, timeout=30)
        try:
            connection.request(method, path, headers={"Host": f"{self.bucket}.{host}", **dict(headers)})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def test_pages(self):
        self.open()
        self.site()
        self.put("index.html", "home", ContentType="text/html", CacheControl="max-age=60")
        self.put("docs/index.html", "docs")
        self.put("a b+ü.txt", "odd")
        for host in ("s3-website.us-east-1.localhost", "s3-website-us-east-1.amazonaws.com", "s3-website.us-east-1.amazonaws.com:80", "s3-website.localhost"):
            status, headers, body = self.visit("/", host=host)
            self.assertEqual((status, body, headers["Content-Type"]), (200, "home", "text/html"))
        self.assertEqual(headers["Cache-Control"], "max-age=60")
        self.assertTrue(headers["ETag"] and headers["Last-Modified"] and headers["x-amz-request-id"])
        self.assertEqual(self.visit("/docs/")[2], "docs")
        self.assertEqual(self.visit("/?versioning")[2], "home")  # queries mean nothing
        for path in ("/a%20b%2B%C3%BC.txt", "/a+b%2B%C3%BC.txt"):
            self.assertEqual(self.visit(path)[2], "odd")
        status, headers, body = self.visit("/docs")
        self.assertEqual((status, headers["Location"], headers["x-amz-error-code"]), (302, "/docs/", "Found"))
        self.assertIn("<li>Code: Found</li>", body)
        status, headers, body = self.visit("/", "HEAD")
        self.assertEqual((status, headers["Content-Length"], body), (200, "4", ""))
        self.assertEqual(self.visit("/", headers={"Range": "bytes=1-2"})[::2], (206, "om"))
        self.assertEqual(self.visit("/", headers={"If-None-Match": headers["ETag"]})[::2], (304, ""))
        self.assertEqual(self.visit("/", headers={"Authorization": "Basic Zm9vOmJhcg=="})[2], "home")
        status, headers, body = self.visit("/", "POST")
        self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD, OPTIONS"))
        self.assertIn("<li>Code: MethodNotAllowed</li>", body)

    def test_errors_are_pages(self):
        self.site()
        self.put("index.html", "home")
        status, headers, body = self.visit("/")
        self.assertEqual(status, 403)  # nobody has opened it
        self.assertTrue(headers["Content-Type"].startswith("text/html"))
        self.assertIn("<li>Code: AccessDenied</li>", body)
        self.open()
        self.assertEqual(self.visit("/")[0], 200)
        status, headers, body = self.visit("/%3Cnone%3E")
        self.assertEqual((status, headers["x-amz-error-code"]), (404, "NoSuchKey"))
        self.assertIn("<li>Key: &lt;none&gt;</li>", body)
        self.site(ErrorDocument={"Key": "oops.html"})
        status, _, body = self.visit("/none")
        self.assertEqual(status, 404)
        self.assertIn("An Error Occurred While Attempting to Retrieve a Custom Error Document", body)
        self.put("oops.html", "our own page")
        status, headers, body = self.visit("/none")
        self.assertEqual((status, body, headers["x-amz-error-code"], headers["x-amz-error-detail-Key"]), (404, "our own page", "NoSuchKey", "none"))
        self.assertEqual(self.visit("/none", "HEAD")[0], 404)
        self.s3.put_public_access_block(Bucket=self.bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
        self.assertEqual(self.visit("/")[0], 403)
        self.s3.delete_bucket_website(Bucket=self.bucket)
        status, _, body = self.visit("/")
        self.assertEqual(status, 404)
        self.assertIn("NoSuchWebsiteConfiguration", body)
        self.bucket = "no-such-site"
        self.assertIn("<li>Code: NoSuchBucket</li>", self.visit("/")[2])

    def test_who_may_read_learns_what_is_missing(self):
        """Without the permission to list, which does not count here."""
        self.site(RoutingRules=[{"Condition": {"HttpErrorCodeReturnedEquals": "404"}, "Redirect": {"ReplaceKeyPrefixWith": "make?key="}}])
        self.put("hidden", "x")
        self.put("open/gone", "x")
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self.s3.delete_object(Bucket=self.bucket, Key="open/gone")
        self.open(resource=f"arn:aws:s3:::{self.bucket}/open/*")
        for key in ("open/none", "open/gone"):
            status, headers, _ = self.visit("/" + key)
            self.assertEqual((status, headers["Location"]), (301, f"http://{self.bucket}.s3-website.us-east-1.localhost/make?key={key}"))
            self.assertEqual(status_of(self.boreal.client("s3", signature_version=UNSIGNED).get_object, Bucket=self.bucket, Key=key), ("AccessDenied", 403))
        self.assertEqual([self.visit(path)[0] for path in ("/hidden", "/none")], [403, 403])
        listing = {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{self.bucket}"}
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [listing]}))
        self.assertEqual([self.visit(path)[0] for path in ("/hidden", "/none")], [403, 403])

    def test_folders_are_told_to_who_may_read_their_index(self):
        self.site()
        self.put("secret/index.html", "docs")
        for resource, status in (("public/*", 403), ("*.html", 302), ("*", 302)):
            self.open(resource=f"arn:aws:s3:::{self.bucket}/{resource}")
            for method in ("GET", "HEAD"):
                self.assertEqual(self.visit("/secret", method)[0], status, resource)
            self.assertEqual(self.visit("/none")[0], 404 if resource == "*" else 403, resource)

    def test_policies_may_ask_for_the_referrer(self):
        self.site()
        self.put("index.html", "home")
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.bucket}/*",
            "Condition": {"StringLike": {"aws:Referer": "https://friend.example/*"}}}]}))
        self.assertEqual(self.visit("/")[0], 403)
        self.assertEqual(self.visit("/", headers={"Referer": "https://friend.example/page"})[0], 200)

    def test_redirects(self):
        self.open()
        self.site(RoutingRules=[
            {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}},
            {"Condition": {"KeyPrefixEquals": "away/"}, "Redirect": {"HostName": "example.org", "Protocol": "https", "HttpRedirectCode": "307"}},
            {"Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "app/"}, "Redirect": {"ReplaceKeyWith": "index.html#/lost", "HttpRedirectCode": "302"}}])
        self.put("index.html", "home")
        self.put("old/page", "never shown")
        self.put("app/there", "there")
        self.put("moved", "", WebsiteRedirectLocation="https://example.org/x")
        self.assertEqual(error_code(self.put, "nowhere", "", WebsiteRedirectLocation="example.org"), "InvalidRedirectLocation")
        # A URL may say what no header can, and no answer could tell it.
        answer = signed(self, "PUT", f"/{self.bucket}/nowhere?x-amz-website-redirect-location=%2Fa%01", body=b"x")
        self.assertEqual((answer.status, answer.code), (400, "InvalidRedirectLocation"))
        own = f"http://{self.bucket}.s3-website.us-east-1.localhost"
        for path, status, to in (("/old/page", 301, f"{own}/new/page"), ("/old/page?x=%2F&x=a+b", 301, f"{own}/new/page?x=%2F&x=a+b"),
                                 ("/app/none?x=1", 302, f"{own}/index.html#/lost"), ("/away/a%20b", 307, "https://example.org/away/a%20b"),
                                 ("/app/none", 302, f"{own}/index.html#/lost"), ("/moved", 301, "https://example.org/x")):
            with self.subTest(path):
                answer = self.visit(path)
                self.assertEqual((answer[0], answer[1]["Location"]), (status, to))
        self.assertEqual(self.visit("/app/there")[2], "there")
        self.s3.put_bucket_website(Bucket=self.bucket, WebsiteConfiguration={"RedirectAllRequestsTo": {"HostName": "example.org"}})
        answer = self.visit("/a/b?c=d")
        self.assertEqual((answer[0], answer[1]["Location"]), (301, "http://example.org/a/b?c=d"))

    def test_other_region_and_cors(self):
        self.open()
        self.site()
        self.put("index.html", "home")
        status, _, body = self.visit("/", host="s3-website.eu-west-1.localhost")
        self.assertEqual(status, 400)
        self.assertIn(f"{self.bucket}.s3-website.us-east-1.amazonaws.com", body)
        self.s3.put_bucket_cors(Bucket=self.bucket, CORSConfiguration={"CORSRules": [
            {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://app.example"]}]})
        _, headers, _ = self.visit("/", headers={"Origin": "https://app.example"})
        self.assertEqual(headers["Access-Control-Allow-Origin"], "https://app.example")
        status, headers, _ = self.visit("/", "OPTIONS", headers={"Origin": "https://app.example", "Access-Control-Request-Method": "GET"})
        self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (200, "https://app.example"))

    def test_nobody_pays_for_visits(self):
        self.open()
        self.site()
        self.put("index.html", "home")
        self.assertEqual(self.visit("/")[0], 200)
        self.s3.put_bucket_request_payment(Bucket=self.bucket, RequestPaymentConfiguration={"Payer": "Requester"})
        self.assertEqual(self.visit("/")[0], 403)
        self.assertEqual(self.visit("/", headers={"x-amz-request-payer": "requester"})[0], 403)
        self.s3.put_bucket_website(Bucket=self.bucket, WebsiteConfiguration={"RedirectAllRequestsTo": {"HostName": "there"}})
        self.assertEqual(self.visit("/")[0], 403)
        self.s3.put_bucket_request_payment(Bucket=self.bucket, RequestPaymentConfiguration={"Payer": "BucketOwner"})
        self.assertEqual(self.visit("/")[0], 301)

    def test_what_is_refused(self):
        self.site(RoutingRules=[{"Redirect": {}}])  # it leads nowhere else
        self.assertEqual(self.s3.get_bucket_website(Bucket=self.bucket)["RoutingRules"], [{"Redirect": {}}])
        for rules in ([{"Redirect": {"HostName": ""}}], [{"Redirect": {"HttpRedirectCode": "200"}}], [{"Redirect": {"Protocol": "ftp"}}] ,
                      [{"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}],
                      [{"Condition": {"HttpErrorCodeReturnedEquals": "200"}, "Redirect": {"ReplaceKeyWith": "a"}}]):
            with self.subTest(str(rules)):
                self.assertIn(error_code(self.site, RoutingRules=rules), ("InvalidRequest", "MalformedXML", "InvalidArgument"))
        when = lambda code: [{"Condition": {"HttpErrorCodeReturnedEquals": code}, "Redirect": {"ReplaceKeyWith": "a"}}]
        with_code = lambda code: [{"Redirect": {"ReplaceKeyWith": "a", "HttpRedirectCode": code}}]
        for rules, wanted in ((when("417"), ""), (when("418"), "InvalidRequest"), (when("505"), ""), (when("506"), "InvalidRequest"), (when("4xx"), "MalformedXML"),
                              (with_code("305"), ""), (with_code("306"), "InvalidRequest"), (with_code("308"), ""), (with_code("309"), "InvalidRequest"),
                              (with_code("300"), "InvalidRequest"), (with_code("moved"), "MalformedXML"),
                              ([{"Redirect": {"Protocol": "ftp"}}], "InvalidRequest")):
            self.assertEqual(status_of(self.site, RoutingRules=rules)[0], wanted, rules)
        body = b"<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>%s</WebsiteConfiguration>"
        for extra, wanted in ((b"<ErrorDocument><Key></Key></ErrorDocument>", "InvalidArgument"), (b" " * (128 << 10), "MaxMessageLengthExceeded")):
            answer = signed(self, "PUT", f"/{self.bucket}?website", body=body % extra)
            self.assertEqual((answer.status, answer.code), (400, wanted))

    def test_refusals_name_what_is_wrong(self):
        refused = lambda **site: {name: value for name, value in refusal(self.s3.put_bucket_website, Bucket=self.bucket, WebsiteConfiguration=site).items()
                                  if name != "Message"}
        index = lambda value: {"Code": "InvalidArgument", "ArgumentName": "IndexDocument", "ArgumentValue": value}
        self.assertEqual(refused(IndexDocument={"Suffix": "/index.html"}), index("/index.html"))
        self.assertEqual(refused(IndexDocument={"Suffix": ""}), index(None))
        self.assertEqual(refused(ErrorDocument={"Key": "error.html"}), index("null"))
        self.assertEqual(refused(ErrorDocument={"Key": "error.html"}, RedirectAllRequestsTo={"HostName": "x"}),
                         {"Code": "InvalidArgument", "ArgumentName": "RedirectAllRequestsTo", "ArgumentValue": "not null"})
        self.assertEqual(refused(RedirectAllRequestsTo={"HostName": "x", "Protocol": "ftp"}), {"Code": "InvalidRequest"})
        self.assertEqual(refused(RedirectAllRequestsTo={"HostName": ""}), {"Code": "InvalidRequest"})
        answer = signed(self, "PUT", f"/{self.bucket}?website", body=b"<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument><ErrorDocument><Key/></ErrorDocument></WebsiteConfiguration>")
        self.assertEqual((answer.status, answer.code), (400, "InvalidArgument"))
        self.assertIn("<ArgumentName>ErrorDocument</ArgumentName>", answer.text)
        self.assertEqual(refused(IndexDocument={"Suffix": "i"}, RoutingRules=[{"Redirect": {"Protocol": "ftp"}}]), {"Code": "InvalidRequest"})
        self.assertEqual(refused(IndexDocument={"Suffix": "i"}, RoutingRules=[]), {"Code": "MalformedXML"})
