"""Whether what many clients saw of one key at once could also have been seen one request after the other.

Each key is a register that holds a value or nothing (None). An operation takes effect at one moment between its begin
and its end; a history is linearizable when such moments can be found that explain all answers (Herlihy and Wing, 1990). The search
walks along the time and keeps the set of states that are possible (as Lowe, "Testing for linearizability", 2017): it decides about an
operation only when that ends, so the sets stay small. Keys are independent of each other, so each is searched by itself.
"""
from dataclasses import dataclass
from typing import Any

ABSENT = None


@dataclass(slots=True)
class Operation:
    """What one client did to one key and was told. Values are unique: no two writes write the same."""
    begin: int  # of one clock for all clients
    end: int
    kind: str
    value: Any = None  # what was written or seen; ABSENT: not there
    expected: Any = None  # swap: what had to be there
    certain: bool = True  # False: no answer came; it took effect before `end`, or never
    client: int = 0

    # kind        took place when the state was      and left
    # write       anything                           value
    # create      ABSENT                             value
    # swap        expected                           value
    # read        value                              the same
    # present     not ABSENT                         the same
    # differs     neither ABSENT nor expected        the same
    def allows(self, state):
        match self.kind:
            case "write":
                return True
            case "create":
                return state is ABSENT
            case "swap":
                return state == self.expected
            case "read":
                return state == self.value
            case "present":
                return state is not ABSENT
            case "differs":
                return state is not ABSENT and state != self.expected
        raise ValueError(f"no such kind of operation: {self.kind}")

    @property
    def changes(self):
        return self.kind in ("write", "create", "swap")


class _Search:
    def __init__(self, operations):
        self.operations = operations
        self.writes = {}  # those under way, by number
        self.reads = {}
        self.possible = {(ABSENT, frozenset())}  # state, and which of those under way took effect already

    def with_reads(self, state, done):
        """A read that fits takes effect at once: it changes nothing, so waiting can only be worse."""
        fitting = [n for n, read in self.reads.items() if n not in done and read.allows(state)]
        return (state, done.union(fitting)) if fitting else (state, done)

    def begin(self, number):
        operation = self.operations[number]
        if operation.changes:
            self.writes[number] = operation
        else:
            self.reads[number] = operation
            self.possible = {(state, done | {number}) if operation.allows(state) else (state, done)
                             for state, done in self.possible}

    def end(self, number):
        """False: nothing explains this operation's answer."""
        certain = self.operations[number].certain
        reached, seen, left = set(), set(self.possible), list(self.possible)
        while left:
            state, done = left.pop()
            if number in done:
                reached.add((state, done - {number}))
                continue
            if not certain:
                reached.add((state, done))
            for other, write in self.writes.items():
                if other not in done and write.allows(state):
                    following = self.with_reads(write.value, done | {other})
                    if following not in seen:
                        seen.add(following)
                        left.append(following)
        self.writes.pop(number, None)
        self.reads.pop(number, None)
        self.possible = reached
        return bool(reached)


def check(operations):
    """None if the history of one key, which began ABSENT, is linearizable; else a text that shows where it is not."""
    moments = []
    for number, operation in enumerate(operations):
        if operation.certain or operation.changes:
            moments.append((operation.begin, 0, number))
            moments.append((operation.end, 1, number))
    moments.sort()
    search = _Search(operations)
    for time, is_end, number in moments:
        if not is_end:
            search.begin(number)
            continue
        before = {state for state, _ in search.possible}
        if not search.end(number):
            return _explain(operations, number, before)
    return None


def _explain(operations, number, states):
    wrong = operations[number]
    near = sorted((o for o in operations if o.end >= wrong.begin - 20_000_000 and o.begin <= wrong.end), key=lambda o: o.begin)
    lines = [f"{'-> ' if o is wrong else '   '}{(o.begin - wrong.begin) / 1e6:10.3f} ms … {(o.end - wrong.begin) / 1e6:8.3f} ms  "
             f"client {o.client:3}  {o.kind} {o.value!r}" + (f" for {o.expected!r}" if o.expected is not None else "") +
             ("" if o.certain else "  (no answer)") for o in near[-40:]]
    return f"before it the key could only hold one of {sorted(map(repr, states))}:\n" + "\n".join(lines)
