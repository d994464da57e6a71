"""Signatures made by hand, as no SDK makes them."""
import hashlib
import hmac
import http.client
import urllib.parse
from datetime import datetime, timedelta, timezone

from e2e.s3_cases import Answer, S3Case, send

EMPTY = hashlib.sha256(b"").hexdigest()


def stamp(**delta):
    return f"{datetime.now(timezone.utc) + timedelta(**delta):%Y%m%dT%H%M%SZ}"


def query_of(pairs):
    return "&".join(f"{urllib.parse.quote(name, safe='-_.~')}={urllib.parse.quote(value, safe='-_.~')}" for name, value in pairs)


class SignatureCase(S3Case):
    def setUp(self):
        super().setUp()
        self.put("k", b"data")
        self.path = f"/{self.bucket}/k"
        self.host = f"127.0.0.1:{self.boreal.port}"

    def signature(self, date, scope, canonical, secret="test"):
        key = b"AWS4" + secret.encode()
        for word in scope.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def expect(self, answer, status, code, *texts):
        self.assertEqual((answer.status, answer.code), (status, code), answer.text)
        for text in texts:
            self.assertIn(text, answer.text.replace("&quot;", '"'))


class ByHeader(SignatureCase):
    def ask(self, names=("host", "x-amz-content-sha256", "x-amz-date"), date=None, listed=None, headers=(), without=(), key="test", secret="test",
            region="us-east-1", form="Credential={0}, SignedHeaders={1}, Signature={2}"):
        """`listed`: the names as the request tells them; `without`: what is signed, but not sent."""
        date = date or stamp()
        sent = {"x-amz-content-sha256": EMPTY, "x-amz-date": date, **dict(headers)}
        names = sorted(names)
        lines = "".join(f"{name}:{ {'host': self.host, **sent}[name]}\n" for name in names)
        scope = f"{date[:8]}/{region}/s3/aws4_request"
        made = self.signature(date, scope, f"GET\n{self.path}\n\n{lines}\n{';'.join(names)}\n{sent['x-amz-content-sha256']}", secret)
        parts = form.format(f"{key}/{scope}", ";".join(names) if listed is None else listed, made)
        sent = {name: value for name, value in sent.items() if name not in without}
        return send(self, "GET", self.path, {"Authorization": f"AWS4-HMAC-SHA256 {parts}", **sent})

    def test_names_in_any_case_and_order(self):
        for listed in ("x-amz-date;host;x-amz-content-sha256", "Host;X-Amz-Content-SHA256;x-amz-date", "host;host;x-amz-content-sha256;x-amz-date"):
            self.assertEqual(self.ask(listed=listed).status, 200, listed)

    def test_the_digest_is_signed_anyhow(self):
        self.assertEqual(self.ask(names=("host", "x-amz-date")).status, 200)
        self.assertEqual(self.ask(names=("host", "x-amz-date"), headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}).status, 200)

    def test_a_header_that_is_missing_is_empty(self):
        names = ("host", "x-amz-content-sha256", "x-amz-date", "x-more")
        self.assertEqual(self.ask(names, headers={"x-more": ""}, without=("x-more",)).status, 200)
        answer = self.ask(names, headers={"x-more": "y"}, without=("x-more",))
        self.expect(answer, 403, "SignatureDoesNotMatch", "x-more:\n", "<CanonicalRequestBytes>")

    def test_three_components(self):
        for form in ("Credential={0}, Credential={0}, SignedHeaders={1}, Signature={2}", "Credential={0}, SignedHeaders={1}, Signature={2}, Signature={2}",
                     "Credential={0}, SignedHeaders={1}, Signature={2}, More=1", "Credential={0}, SignedHeaders={1}"):
            self.expect(self.ask(form=form), 400, "AuthorizationHeaderMalformed", "requires three components: Credential, SignedHeaders, and Signature.")

    def test_what_is_told_first(self):
        """The time, then the scope, then whose it is, then the signature, then the token."""
        self.expect(self.ask(date=stamp(minutes=-20), region="eu-west-1"), 403, "RequestTimeTooSkewed")
        self.expect(self.ask(date="20200101T000000Z", key="AKIANOBODY"), 403, "RequestTimeTooSkewed")
        self.expect(self.ask(key="AKIANOBODY", secret="wrong"), 403, "InvalidAccessKeyId")
        names = ("host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token")
        token = {"x-amz-security-token": "token"}
        self.expect(self.ask(names, headers=token, secret="wrong"), 403, "SignatureDoesNotMatch")
        self.expect(self.ask(names, headers=token), 400, "InvalidToken", "<Token-0>token</Token-0>")

    def test_version_4a_is_refused_by_name(self):
        """Its scope has no region."""
        scope = f"test/{stamp()[:8]}/s3/aws4_request"
        names = {"Authorization": f"AWS4-ECDSA-P256-SHA256 Credential={scope}, SignedHeaders=host, Signature=00", "x-amz-region-set": "*"}
        query = query_of([("X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256"), ("X-Amz-Credential", scope), ("X-Amz-Date", stamp()), ("X-Amz-Expires", "60"),
                          ("X-Amz-Region-Set", "*"), ("X-Amz-SignedHeaders", "host"), ("X-Amz-Signature", "00")])
        for answer in (send(self, "GET", self.path, names), send(self, "GET", f"{self.path}?{query}")):
            self.expect(answer, 501, "NotImplemented", "AWS4-ECDSA-P256-SHA256 (Signature Version 4A) is not implemented.")

    def test_two_authorizations(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.boreal.port, timeout=60)
        self.addCleanup(connection.close)
        connection.putrequest("GET", self.path)
        for _ in range(2):
            connection.putheader("Authorization", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=0")
        connection.endheaders()
        self.expect(Answer(connection.getresponse()), 501, "NotImplemented", "<Header>Authorization</Header>")


class ByQuery(SignatureCase):
    def ask(self, before=(), after=(), signed_headers="host", headers=(), date=None, day=None, expires="900", signatures=("{}",), region="us-east-1",
            spelling="X-Amz-Credential"):
        """`before` and `after`: parameters beside those that count."""
        date = date or stamp()
        scope = f"{day or date[:8]}/{region}/s3/aws4_request"
        pairs = [*before, ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", f"test/{scope}"), ("X-Amz-Date", date), ("X-Amz-Expires", expires),
                 ("X-Amz-SignedHeaders", signed_headers), *after]
        sent = {"host": self.host, **dict(headers)}
        lines = "".join(f"{name}:{sent.get(name, '')}\n" for name in signed_headers.split(";"))
        canonical = "&".join(sorted(query_of([pair]) for pair in pairs))
        made = self.signature(date, scope, f"GET\n{self.path}\n{canonical}\n{lines}\n{signed_headers}\nUNSIGNED-PAYLOAD")
        query = query_of(pairs) + "".join(f"&X-Amz-Signature={form.format(made)}" for form in signatures)
        return send(self, "GET", f"{self.path}?{query}".replace("X-Amz-Credential", spelling), dict(headers))

    def test_the_region_is_the_signatures(self):
        """The signature holds however a name is encoded: its region must be seen all the same."""
        for spelling in ("X-Amz-Credential", "X-Amz-%43redential"):
            self.assertEqual(self.ask(spelling=spelling).status, 200)
            self.expect(self.ask(spelling=spelling, region="eu-west-1"), 400, "AuthorizationQueryParametersError", "<Region>us-east-1</Region>")

    def test_the_first_of_two_counts(self):
        self.assertEqual(self.ask().status, 200)
        for name, value, refusal in (("X-Amz-Algorithm", "other", (400, "AuthorizationQueryParametersError")),
                                     ("X-Amz-Credential", "other", (400, "AuthorizationQueryParametersError")),
                                     ("X-Amz-Date", "20000101T000000Z", (403, "AccessDenied")), ("X-Amz-Expires", "0", (403, "AccessDenied")),
                                     ("X-Amz-SignedHeaders", "host;x-more", (403, "SignatureDoesNotMatch"))):
            self.assertEqual(self.ask(after=[(name, value)]).status, 200, name)
            self.expect(self.ask(before=[(name, value)]), *refusal)
        self.assertEqual(self.ask(signatures=("{}", "0")).status, 200)
        self.expect(self.ask(signatures=("0", "{}")), 403, "SignatureDoesNotMatch")

    def test_times(self):
        self.expect(self.ask(date="20000101T000000Z", day=stamp()[:8]), 403, "AccessDenied", "<Message>Request has expired</Message>")
        self.expect(self.ask(day="20000101"), 400, "AuthorizationQueryParametersError", "Invalid credential date")
        self.expect(self.ask(date="21000101T000000Z"), 403, "AccessDenied", "<Message>Request is not yet valid</Message>",
                    "<X-Amz-Date>4102444800000</X-Amz-Date>", "<Expires>2100-01-01T00:15:00Z</Expires>", "<ServerTime>")

    def test_token_in_a_header(self):
        token = {"x-amz-security-token": "token"}
        self.expect(self.ask(headers=token), 403, "AccessDenied", "<HeadersNotSigned>x-amz-security-token</HeadersNotSigned>")
        self.expect(self.ask(headers=token, signed_headers="host;x-amz-security-token"), 400, "InvalidToken", "<Token-0>token</Token-0>")

    def test_header_and_query(self):
        made = "AWS4-HMAC-SHA256 Credential=x"
        self.expect(self.ask(headers={"Authorization": made}), 400, "InvalidArgument", "Only one auth mechanism allowed",
                    f"<ArgumentName>Authorization</ArgumentName><ArgumentValue>{made}</ArgumentValue>")
