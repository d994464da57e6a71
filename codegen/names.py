"""Names: from the API's words to C++'s."""

import re

# Words that the general rule would tear apart or glue together.
WORDS = {"ETag": "etag", "SSEKMS": "sse_kms", "SSES3": "sse_s3", "CRC64NVME": "crc64nvme", "CRC32C": "crc32c",
         "PostgreSQL": "postgresql", "MySQL": "mysql", "OpenID": "open_id"}
TOKEN = re.compile("(" + "|".join(WORDS) + r")|[A-Z]{2,}s(?![a-z])|[A-Z]+[0-9]*(?![a-z])|[A-Z]?[a-z]+[0-9]*|[0-9]+")

KEYWORDS = set("""alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept const
consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete do double
dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable namespace new
noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires return short
signed sizeof static static_assert static_cast struct switch template this thread_local throw true try typedef typeid
typename union unsigned using virtual void volatile wchar_t while xor xor_eq""".split())


def snake(name):
    """DBClusterIdentifier -> db_cluster_identifier, VPCSecurityGroupIDs -> vpc_security_group_ids, delete -> delete_"""
    words = []
    for match in TOKEN.finditer(name):
        word = match.group(0)
        words.append(WORDS.get(word, word.lower()))
    result = "_".join(words)
    return result + "_" if result in KEYWORDS else result


def pascal(name):
    """A type's name: shape names mostly are already; lower-case ones get a capital."""
    cleaned = re.sub(r"[^A-Za-z0-9]", "", name)
    return cleaned[0].upper() + cleaned[1:]


def quoted(text):
    """A C++ string literal of the text."""
    out = []
    for byte in text.encode():
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif 32 <= byte < 127:
            out.append(char)
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out).replace("??", '?""?') + '"'
