"""Which partition a key belongs to: murmur2, as every Java client of Kafka has it."""

SEED = 0x9747B28C
M = 0x5BD1E995
MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Hash ``data`` as ``org.apache.kafka.common.utils.Utils.murmur2`` does (32 bit, unsigned)."""
    h = (SEED ^ len(data)) & MASK
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * M & MASK
        k = (k ^ (k >> 24)) * M & MASK
        h = (h * M & MASK) ^ k
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * M & MASK
    h = (h ^ (h >> 13)) * M & MASK
    return h ^ (h >> 15)


def application_key(tenant: str, application: str) -> bytes:
    """Return the key that decides where everything of one application goes."""
    return f"{tenant}/{application}".encode()


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of ``key`` among ``partitions`` (> 0)."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
