"""Which events the look-back knows, by 128 bits of their ids: a million take 16 MB, and none is taken for another."""

import hashlib

import polars as pl

UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
BITS = ("high", "low")
# Of EVENTS: what tells an event. A call that is recorded in two trails has one shared id.
KEY = pl.coalesce("aws.cloudtrail.shared_event_id", "event.id").alias("key")


def with_bits(events: pl.DataFrame, key: str) -> pl.DataFrame:
    """Return the events with the 128 bits of their keys: a UUID's own, of any other text a digest's.

    Args:
        events: with a column of texts, none null.
        key: that column.
    """
    text = pl.col(key)
    odd = events.filter(~text.str.contains(UUID))[key].unique()
    digests = [hashlib.blake2b(each.encode(), digest_size=16).hexdigest() for each in odd]
    named = text.replace(odd, digests) if digests else text
    octets = named.str.replace_all("-", "", literal=True).str.decode("hex").bin
    parts = {name: octets.slice(at, 8).bin for name, at in zip(BITS, (0, 8), strict=True)}
    return events.with_columns(
        part.reinterpret(dtype=pl.UInt64, endianness="big").alias(name) for name, part in parts.items()
    )


def known(bits: pl.DataFrame, seen: pl.LazyFrame) -> pl.DataFrame:
    """Return the bits that are in SEEN, each once; of SEEN a part at a time is read."""
    # By one half first: it leaves out nearly all, and is found faster than a pair.
    candidates = seen.filter(pl.col("high").is_in(bits["high"].implode())).select(BITS)
    return candidates.collect(engine="streaming").unique().join(bits, on=list(BITS), how="semi")
