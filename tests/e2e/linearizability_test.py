"""Many clients on few keys: the checker by itself, and what real clients saw of a real server, also across kill -9."""
import hashlib
import itertools
import multiprocessing
import random
import re
import socket
import threading
import time
import unittest

from linearizability import ABSENT, Operation, check
from raw_s3 import StoreServer

BUCKET = "register"


def history(text):
    """One operation a line of text: begin end kind value [expected] [?]. A value of - is ABSENT."""
    operations = []
    for line in text.strip().splitlines():
        words = line.split()
        certain = words[-1] != "?"
        values = [ABSENT if word == "-" else word for word in words[3:] if word != "?"]
        operations.append(Operation(int(words[0]), int(words[1]), words[2], *values, certain=certain))
    return operations


class Checker(unittest.TestCase):
    """A checker that finds nothing is worse than none."""

    def linearizable(self, text):
        self.assertIsNone(check(history(text)))

    def not_linearizable(self, text):
        self.assertIsNotNone(check(history(text)))

    def test_one_after_the_other(self):
        self.linearizable("1 2 read -\n3 4 write a\n5 6 read a\n7 8 write -\n9 10 read -")
        self.not_linearizable("1 2 read a\n3 4 write a")
        self.not_linearizable("1 2 write a\n3 4 read -")
        self.not_linearizable("1 2 write a\n3 4 write b\n5 6 read a")
        self.not_linearizable("1 2 write a\n3 4 write -\n5 6 read a")

    def test_what_overlaps_may_come_in_any_order(self):
        self.linearizable("1 9 write a\n2 3 read -\n4 5 read a")
        self.linearizable("1 9 write a\n1 9 write b\n10 11 read a")
        self.linearizable("1 9 write a\n1 9 write b\n10 11 read b")
        self.linearizable("1 4 write a\n2 9 read -\n5 6 read a")

    def test_but_in_one_order_only(self):
        self.not_linearizable("1 9 write a\n2 3 read a\n4 5 read -")
        self.not_linearizable("1 9 write a\n1 9 write b\n10 11 read a\n12 13 read b")
        self.not_linearizable("1 20 write a\n1 20 write b\n2 3 read a\n4 5 read b\n6 7 read a")
        self.not_linearizable("1 4 write a\n5 9 read -\n5 6 read a")

    def test_conditions(self):
        self.linearizable("1 2 create a\n3 4 present\n5 6 swap b a\n7 8 differs - a\n9 10 read b")
        self.not_linearizable("1 9 create a\n1 9 create b")
        self.linearizable("1 9 create a\n1 9 create b\n1 9 write -")
        self.not_linearizable("1 2 write a\n3 9 swap b a\n3 9 swap c a")
        self.not_linearizable("1 2 write a\n3 4 differs - a")
        self.not_linearizable("1 2 present")

    def test_what_nobody_answered(self):
        self.linearizable("1 2 write a\n3 4 write b ?\n5 6 read a\n7 8 read a")
        self.linearizable("1 2 write a\n3 4 write b ?\n5 6 read b\n7 8 read b")
        self.not_linearizable("1 2 write a\n3 4 write b ?\n5 6 read b\n7 8 read a")
        self.not_linearizable("1 2 write a\n3 4 write b ?\n5 6 read a\n7 8 read b")  # it had its time
        self.linearizable("1 2 write a\n3 9 write - ?\n4 5 read a\n6 7 read -")

    def test_against_every_order_of_small_histories(self):
        """The same verdict as trying all orders."""
        chance = random.Random(1)
        verdicts = {True: 0, False: 0}
        for _ in range(3000):
            times = chance.sample(range(100), 10)
            operations = []
            for n in range(5):
                begin, end = sorted(times[2 * n:2 * n + 2])
                kind = chance.choice(["write", "read", "read", "create", "present"])
                value = chance.choice("abcde") if kind == "read" else chance.choice(["abcde"[n], ABSENT])
                operations.append(Operation(begin, end, kind, value, certain=kind in ("read", "present") or chance.random() < 0.8))
            found = check(operations) is None
            self.assertEqual(found, self.by_trying(operations), operations)
            verdicts[found] += 1
        self.assertGreater(min(verdicts.values()), 100)

    @staticmethod
    def by_trying(operations):
        unsure = [o for o in operations if not o.certain]
        for count in range(len(unsure) + 1):
            for left_out in itertools.combinations(unsure, count):
                rest = [o for o in operations if not any(o is one for one in left_out)]
                for order in itertools.permutations(rest):
                    if any(b.end < a.begin for a, b in itertools.combinations(order, 2)):
                        continue
                    state = ABSENT
                    for operation in order:
                        if not operation.allows(state):
                            break
                        state = operation.value if operation.changes else state
                    else:
                        return True
        return False


def body_of(value):
    """The bytes that stand for a value: small ones and, of one in eight, so many that the store puts them in a file."""
    size = 40_000 + value % 1000 if value % 8 == 0 else 20 + value % 200
    text = b"%d," % value
    return text * (size // len(text) + 1)


def etags_of(value):
    """As put in one, and as uploaded in one part."""
    digest = hashlib.md5(body_of(value))
    return digest.hexdigest(), hashlib.md5(digest.digest()).hexdigest() + "-1"


class Client(threading.Thread):
    """Does random things to random keys, and writes down what it did and was told."""

    def __init__(self, server, number, keys, deadline):
        super().__init__()
        self.s3 = server.raw()
        self.number, self.keys, self.deadline = number, keys, deadline
        self.chance = random.Random(number)
        self.written = 0
        self.last_seen = {}
        self.operations = {key: [] for key in keys}
        self.listings = []  # begin, end, {key: etag}
        self.requests = 0
        self.error = None

    def run(self):
        try:
            while not self.deadline(self):
                self.step()
        except Exception as error:  # told by the thread that waits for this one
            self.error = error

    def step(self):
        key = self.chance.choice(self.keys)
        what = self.chance.choices((self.get, self.put, self.remove, self.create, self.swap, self.list, self.copy, self.upload),
                                   (40, 30, 10, 5, 5, 4, 1, 1))[0]
        try:
            what(key)
        except OSError:
            if not self.lost():
                raise

    def lost(self):
        """Whether the connection may break; the rest of the time then is for the next server."""
        return False

    def new_value(self):
        self.written += 1
        return self.number * 1_000_000 + self.written

    def timed(self, kind, key, value, method, *arguments, expected=None, **more):
        """The answer; the operation is written down as one that ended without, until record() says better."""
        operation = Operation(time.monotonic_ns(), 0, kind, value, expected, certain=False, client=self.number)
        self.operations[key].append(operation)
        try:
            answer = method(*arguments, **more)
        finally:
            operation.end = time.monotonic_ns()
        self.requests += 1
        operation.certain = True
        return operation, answer

    def get(self, key):
        operation, answer = self.timed("read", key, ABSENT, self.s3.get, BUCKET, key)
        if answer.status == 200:
            operation.value = int(answer.body.split(b",", 1)[0])
            if answer.body != body_of(operation.value):
                raise AssertionError(f"{key} holds what nobody wrote: {answer.body[:100]!r} ({len(answer.body)} bytes)")
            self.last_seen[key] = operation.value, answer.etag
        elif answer.code != "NoSuchKey":
            raise AssertionError(f"GET {key} answered {answer}")

    def put(self, key):
        value = self.new_value()
        _, answer = self.timed("write", key, value, self.s3.put, BUCKET, key, body_of(value))
        self.expect(answer, 200)

    def remove(self, key):
        _, answer = self.timed("write", key, ABSENT, self.s3.delete, BUCKET, key)
        self.expect(answer, 204)

    def create(self, key):
        value = self.new_value()
        operation, answer = self.timed("create", key, value, self.s3.put, BUCKET, key, body_of(value), if_none_match="*")
        if answer.status == 412:
            operation.kind = "present"
        else:
            self.expect(answer, 200)

    def swap(self, key):
        if key not in self.last_seen:
            return self.get(key)
        seen, etag = self.last_seen[key]
        value = self.new_value()
        operation, answer = self.timed("swap", key, value, self.s3.put, BUCKET, key, body_of(value), expected=seen, if_match=etag)
        if answer.status == 412:
            operation.kind = "differs"
        elif answer.status == 404:
            operation.kind, operation.value = "read", ABSENT
        else:
            self.expect(answer, 200)

    def copy(self, key):
        """Of an object of its own, so that only the copy's moment counts."""
        value = self.new_value()
        self.expect(self.s3.put(BUCKET, f"source-{self.number}", body_of(value)), 200)
        _, answer = self.timed("write", key, value, self.s3.put, BUCKET, key, b"",
                               x_amz_copy_source=f"/{BUCKET}/source-{self.number}")
        self.expect(answer, 200)

    def upload(self, key):
        value = self.new_value()
        begun = self.s3.request("POST", f"/{BUCKET}/{key}", "uploads=")
        self.expect(begun, 200)
        upload = re.search(rb"<UploadId>([^<]*)<", begun.body).group(1).decode()
        part = self.s3.request("PUT", f"/{BUCKET}/{key}", f"partNumber=1&uploadId={upload}", body_of(value))
        self.expect(part, 200)
        text = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part.etag}</ETag></Part></CompleteMultipartUpload>"
        _, answer = self.timed("write", key, value, self.s3.request, "POST", f"/{BUCKET}/{key}", f"uploadId={upload}", text.encode())
        self.expect(answer, 200)
        if answer.code:  # an error may come behind the head of an answer that began as a success
            raise AssertionError(f"completing answered {answer}")

    def list(self, _):
        begin = time.monotonic_ns()
        found = self.s3.list(BUCKET, "k")
        self.listings.append((begin, time.monotonic_ns(), {key: etag for key, (etag, _) in found.items()}))
        self.requests += 1

    def expect(self, answer, status):
        if answer.status != status:
            raise AssertionError(f"client {self.number} was answered {answer}")


class Survivor(Client):
    """One that goes on with the next server when its own was killed."""

    def lost(self):
        while not self.deadline(self):
            try:
                socket.create_connection(("127.0.0.1", self.s3.port), 1).close()
                return True
            except OSError:
                time.sleep(0.005)
        return True


def run_clients(make, server, numbers, keys, deadline, results):
    """In a process of its own: clients with these numbers. A text in place of their records tells what went wrong."""
    clients = [make(server, number, keys, deadline) for number in numbers]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    wrong = [repr(client.error) for client in clients if client.error]
    results.put("\n".join(wrong) or [(c.number, c.operations, c.listings, c.written, c.requests) for c in clients])


class AfterRequests:
    """Ends a client after so many requests."""

    def __init__(self, count):
        self.count = count

    def __call__(self, client):
        return client.requests >= self.count


class Recorded(unittest.TestCase):
    """The history of many clients: puts, gets, deletes, listings, conditional puts, copies and uploads."""

    processes = 8
    clients_each = 4
    keys = [f"k{n:02d}" for n in range(24)]

    def setUp(self):
        self.server = StoreServer()
        self.addCleanup(self.server.clean)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.assertEqual(self.server.raw().request("PUT", f"/{BUCKET}").status, 200)

    def gather(self, make, deadline, meanwhile=lambda: None):
        """Runs all clients; what they wrote down."""
        context = multiprocessing.get_context("fork")
        results = context.Queue()
        workers = []
        for n in range(self.processes):
            numbers = range(1 + n * self.clients_each, 1 + (n + 1) * self.clients_each)
            workers.append(context.Process(target=run_clients, args=(make, self.server, numbers, self.keys, deadline, results)))
        for worker in workers:
            worker.start()
        meanwhile()
        found = [results.get(timeout=1800) for _ in workers]
        for worker in workers:
            worker.join()
        for wrong in found:
            if isinstance(wrong, str):
                self.fail(wrong)
        return [client for clients in found for client in clients]

    def verify(self, clients):
        values = {}
        for number, _, _, written, _ in clients:
            for value in range(number * 1_000_000 + 1, number * 1_000_000 + written + 1):
                values.update(dict.fromkeys(etags_of(value), value))
        histories = {key: [] for key in self.keys}
        for number, operations, listings, _, _ in clients:
            for key in self.keys:
                histories[key] += operations[key]
                for begin, end, etags in listings:
                    seen = values[etags[key]] if key in etags else ABSENT
                    histories[key].append(Operation(begin, end, "read", seen, client=number))
        for key, operations in histories.items():
            wrong = check(operations)
            self.assertIsNone(wrong, f"{key}: {wrong}")
        return sum(requests for *_, requests in clients), sum(map(len, histories.values()))


class Linearizable(Recorded):
    def test_a_hundred_thousand_operations(self):
        each = -(-100_000 // (self.processes * self.clients_each))
        requests, observations = self.verify(self.gather(Client, AfterRequests(each)))
        self.assertGreaterEqual(requests, 100_000)
        self.assertGreater(observations, requests)


class Event:
    """Ends all clients at once."""

    def __init__(self):
        self.event = multiprocessing.get_context("fork").Event()

    def __call__(self, _):
        return self.event.is_set()


class LinearizableAcrossKills(Recorded):
    """What was under way when the server was killed may have happened or not; all else must still fit."""

    kills = 5

    def kill_and_start(self, chance):
        for _ in range(self.kills):
            time.sleep(chance.uniform(0.2, 1.2))
            self.server.kill()
            self.server.start()

    def test_kill_9(self):
        done = Event()

        def meanwhile():
            try:
                self.kill_and_start(random.Random(5))
            finally:
                done.event.set()

        clients = self.gather(Survivor, done, meanwhile)
        self.verify(clients)
        unanswered = sum(not o.certain for _, operations, *_ in clients for row in operations.values() for o in row)
        self.assertGreaterEqual(unanswered, self.kills)


class LongLinearizableAcrossKills(LinearizableAcrossKills):
    kills = 100
