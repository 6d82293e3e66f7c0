"""Ours: the pipeline's backtest, in process."""

from pathlib import Path

from bench.quality.judge import Raised, RaisedAlert
from bench.quality.worlds import Trail, World
from prefect_cloudtrail import pipeline
from prefect_cloudtrail.alerts import event_ids
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.cloudtrail import FolderSource
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.rule import LEVELS
from prefect_cloudtrail.store import Store


def backtest(world: World, trail: Trail, state: Path) -> list[Raised]:
    """Return the incidents of the judged days, after learning from those before.

    Args:
        world: which days.
        trail: its log objects and databases.
        state: a folder for the backtest's state; made where it is missing.
    """
    options = pipeline.Options(until=world.until, learn_until=world.learn_until)
    with Store.open(state, kind="backtest") as store:
        pipeline.run(store, FolderSource(trail.logs), Geo.open(trail.city_db, trail.asn_db), options)
        return [_raised(incident) for incident in store.incidents()]


def _raised(incident: Incident) -> Raised:
    return Raised(
        risk=incident.risk,
        event_ids=tuple(event_ids(incident.alerts)),
        first_event=incident.first_event,
        last_event=incident.last_event,
        alerts=tuple(RaisedAlert(alert.event_ids, alert.raised_at) for alert in incident.alerts),
        principal=incident.principal,
        evidence=tuple(piece.name for piece in incident.evidence),
        weighed=incident.kind == "principal" and any(alert.level in LEVELS["place"] for alert in incident.alerts),
    )
