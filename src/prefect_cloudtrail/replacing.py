"""A changed geo database: what history knows is placed anew, so that a network that moves makes nobody a stranger.

Presences and the event index keep each call's network or address, so they are looked up again; the counts of places,
countries and owners among what is usual are folded again from the presences. A network known in two places is two
spots: each moves where the address most seen there does; the network's middle one where the index has none any more.
"""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from prefect_cloudtrail import effects
from prefect_cloudtrail.geo import Geo, locate
from prefect_cloudtrail.history import Tally, day, day_of, midnight
from prefect_cloudtrail.networks import FOR_RENT
from prefect_cloudtrail.schema import INDEX, PLACES, PRESENCES, USUAL, UTC_MICROSECONDS, Schema, empty
from prefect_cloudtrail.store import FileEntry, FileKind, Lease, Replacement, Store

# What a geo database says of a presence; what is said of the network is a spot.
SAID = ("place", "country", "asn", "rented")
SPOT = ("network", *SAID)
LOCATED: Schema = {**{name: PRESENCES[name] for name in SPOT}, **{f"new {name}": PRESENCES[name] for name in SAID}}
# What it says of an event in the index.
SAID_OF_EVENT = tuple(
    name for name in INDEX if name in {"place", "network.kind"} or name.startswith(("source.geo.", "source.as."))
)


@dataclass(frozen=True)
class Moves:
    """Where history's spots lie by other databases; `places` are PLACES, each as its first presence has it now."""

    spots: pl.DataFrame  # LOCATED
    places: pl.DataFrame

    @property
    def networks(self) -> int:
        """How many networks are now another's, or elsewhere."""
        differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"new {name}")) for name in SAID)
        return self.spots.filter(differs)["network"].n_unique()

    def located(self, known: pl.DataFrame) -> pl.DataFrame:
        """Return PLACES as known before, those found again where they lie now."""
        return pl.concat([known.join(self.places, on="place", how="anti").select(list(PLACES)), self.places])

    def presences(self, before: pl.DataFrame) -> pl.DataFrame:
        """Return PRESENCES placed anew, the same rows in the same order."""
        found = before.join(self.spots, on=list(SPOT), how="left", nulls_equal=True, maintain_order="left")
        known = pl.col("network").is_not_null()
        return found.with_columns(
            pl.when(known).then(pl.col(f"new {name}")).otherwise(pl.col(name)).alias(name) for name in SAID
        ).select(before.columns)


def replace(
    store: Store, geo: Geo, tallies: Sequence[Tally], lease: Lease, show_life: Callable[[], None] = lambda: None
) -> int:
    """Return how many networks moved since the state was placed, once history is placed as these databases have it.

    Stored in one transaction of its own: killed in the middle, nothing has changed, and the next run does it again.

    Args:
        store: the state; nothing is done where it is placed by these databases already.
        geo: the open geo databases.
        tallies: every question asked of history.
        lease: the state's.
        show_life: called after each file.
    """
    if store.geo_build() == geo.build:
        return 0
    moves = moved(store.scan("presences"), store.scan("index"), geo)
    written: list[FileEntry] = []
    dropped: list[str] = []
    presences, folded_anew = [], False
    changes: list[tuple[FileKind, Callable[[pl.DataFrame], pl.DataFrame]]] = [
        ("presences", moves.presences),
        ("index", lambda rows: _events(rows, geo)),
    ]
    for kind, anew in changes:
        for entry in store.files(kind):
            before = store.rows([entry])
            after = anew(before)
            show_life()
            named = entry
            if not after.equals(before):
                named = store.write_ahead(kind, after)
                written.append(named)
                dropped.append(entry.name)
                folded_anew |= kind == "presences"
            if kind == "presences":
                presences.append(named)
    until = store.usual_until()
    if folded_anew and until:
        usual = _folded(store, presences, tallies, day_of(until), show_life)
        if not usual.is_empty():
            written.append(store.write_ahead("usual", usual))
        dropped.extend(entry.name for entry in store.files("usual"))
    geo.require_unwritten()
    store.replace(Replacement(geo.build, written, dropped, moves.places), lease)
    return moves.networks


def moved(presences: pl.LazyFrame, index: pl.LazyFrame, geo: Geo) -> Moves:
    """Return where the spots of these PRESENCES lie by these databases; what they do not know stays where it was.

    Args:
        presences: what history knows.
        index: INDEX, for the addresses behind the networks.
        geo: the open geo databases.
    """
    spots = (
        presences.filter(pl.col("network").is_not_null())
        .group_by(SPOT)
        .agg(pl.col("window").min())
        .sort(SPOT)
        .collect()
        .join(_addresses(index), on=list(SPOT), how="left", nulls_equal=True, maintain_order="left")
    )
    located, places = [], []
    for spot in spots.iter_rows(named=True):
        found = locate(spot["source.ip"] or _middle(spot["network"]), geo)
        asn = found["source.as.number"]
        has_place = found["place"] or found["source.geo.country_iso_code"]
        has_owner = asn is not None
        located.append(
            {name: spot[name] for name in SPOT}
            | {
                "new place": found["place"] if has_place else spot["place"],
                "new country": found["source.geo.country_iso_code"] if has_place else spot["country"],
                "new asn": f"AS{asn}" if has_owner else spot["asn"],
                "new rented": "rented" if found["network.kind"] in FOR_RENT else None if has_owner else spot["rented"],
            }
        )
        if found["place"]:
            places.append({"window": spot["window"]} | {name: found[name] for name in PLACES})
    first = (
        pl.DataFrame(places, schema={"window": UTC_MICROSECONDS, **PLACES}, orient="row")
        .sort("window", "source.geo.location.lat", "source.geo.location.lon", "source.geo.accuracy_km")
        .group_by("place", maintain_order=True)
        .first()
        .select(list(PLACES))
    )
    return Moves(pl.DataFrame(located, schema=LOCATED, orient="row"), first)


def _addresses(index: pl.LazyFrame) -> pl.DataFrame:
    """The address most seen at each spot."""
    asn = pl.col("source.as.number")
    return (
        index.filter(pl.col("network").is_not_null())
        .select(
            "network",
            "place",
            pl.col("source.geo.country_iso_code").alias("country"),
            pl.when(asn.is_not_null()).then(pl.format("AS{}", asn)).alias("asn"),
            pl.when(pl.col("network.kind").is_in(FOR_RENT)).then(pl.lit("rented")).alias("rented"),
            "source.ip",
        )
        .group_by(*SPOT, "source.ip")
        .agg(pl.len().alias("events"))
        .sort("events", "source.ip", descending=[True, False])
        .group_by(SPOT, maintain_order=True)
        .first()
        .drop("events")
        .collect()
    )


def _middle(network: str) -> str:
    found = ipaddress.ip_network(network)
    return str(found[found.num_addresses // 2])


def _events(before: pl.DataFrame, geo: Geo) -> pl.DataFrame:
    """INDEX placed anew, the same rows in the same order."""
    addresses = before.filter(pl.col("network").is_not_null())["source.ip"].unique()
    found = pl.DataFrame(
        [locate(address, geo) for address in addresses],
        schema={"source.ip": pl.String, **{name: INDEX[name] for name in SAID_OF_EVENT}},
        orient="row",
    ).rename({name: f"new {name}" for name in SAID_OF_EVENT})
    rows = before.join(found, on="source.ip", how="left", maintain_order="left")
    called = pl.col("network").is_not_null()
    has_place = pl.col("new place").is_not_null() | pl.col("new source.geo.country_iso_code").is_not_null()
    has_owner = pl.col("new source.as.number").is_not_null()
    renewed = {
        name: has_owner | pl.col("new network.kind").is_not_null()
        if name == "network.kind"
        else has_owner
        if name.startswith("source.as.")
        else has_place
        for name in SAID_OF_EVENT
    }
    return rows.with_columns(
        pl.when(called & renew).then(pl.col(f"new {name}")).otherwise(pl.col(name)).alias(name)
        for name, renew in renewed.items()
    ).select(before.columns)


def _folded(
    store: Store, files: Sequence[FileEntry], tallies: Sequence[Tally], until: int, show_life: Callable[[], None]
) -> pl.DataFrame:
    """USUAL in which what asks of places is folded again, a day at a time; what asks of none stays."""
    again = [tally for tally in tallies if not {*tally.context, tally.outcome}.isdisjoint(SAID)]
    kept = store.scan("usual").filter(~pl.col("tally").is_in([tally.name for tally in again])).collect()
    feedback = store.feedback()
    usual = empty(USUAL)
    days = [day_of(entry.first) for entry in files if entry.first]
    for number in range(min(days, default=until), until):
        begin, end = midnight(number), midnight(number + 1)
        of_day = [each for each in files if each.first and each.last and each.first < end and each.last >= begin]
        if of_day:
            whole = store.rows(of_day).filter(day("hour") == number)
            usual = effects.fold_taught(usual, whole, again, number + 1, feedback)
        show_life()
    usual = effects.fold_taught(usual, empty(PRESENCES), again, until, feedback)
    return pl.concat([kept, usual.select(kept.columns)]).sort("tally", "context", "outcome")
