"""What a reviewer sees in Prefect: the incident, its evidence, and what a run read. A view; nothing depends on it."""

import re
from collections.abc import Mapping
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from prefect_cloudtrail import card, clients, context
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.context import shown
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.tasks.cases import stored_incident
from prefect_cloudtrail.text import plain


@task(task_run_name="show the report", retries=2, retry_delay_seconds=2, cache_policy=NO_CACHE)
def show_report(known: Settings, incident_id: str) -> str:
    """Return the key of the artifact that shows the incident as Markdown, a version for each time it is told."""
    with clients.existing_store(known) as store:
        incident = stored_incident(store, incident_id)
    key = artifact_key("incident", incident_id)
    create_markdown_artifact(card.report(incident), key, card.headline(incident))
    return key


@task(task_run_name="show the evidence", retries=2, retry_delay_seconds=2, cache_policy=NO_CACHE)
def show_evidence(known: Settings, incident_id: str) -> str:
    """Return the key of the artifact that shows the incident's evidence as a table, the strongest first."""
    with clients.existing_store(known) as store:
        rows = evidence_rows(stored_incident(store, incident_id))
    key = artifact_key("evidence", incident_id)
    create_table_artifact(rows, key, "Decibans for (+) and against (-).")
    return key


@task(task_run_name="show the context", retries=2, retry_delay_seconds=2, cache_policy=NO_CACHE)
def show_context(known: Settings, incident_id: str) -> str | None:
    """Return the key of the artifact that shows the guide's questions answered; None where none were gathered."""
    with clients.existing_store(known) as store:
        document = store.responses.context(incident_id)
    if document is None:
        return None
    key = artifact_key("context", incident_id)
    create_markdown_artifact(shown.report(context.read(document)), key, "The investigation guide, answered.")
    return key


@task(task_run_name="show the summary", retries=2, retry_delay_seconds=2, cache_policy=NO_CACHE)
def show_summary(summary: Mapping[str, Any], kind: str) -> str:
    """Return the key of the artifact that shows what a run read and found, as a table."""
    key = artifact_key(kind, "summary")
    create_table_artifact(summary_rows(summary), key, "What arrived, and what it held.")
    return key


def artifact_key(kind: str, name: str) -> str:
    """Return a key that Prefect takes: small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", f"{kind}-{name}".lower()).strip("-")


def evidence_rows(incident: Incident) -> list[dict[str, Any]]:
    """Return the incident's evidence, a row a reason."""
    return [
        {
            "decibans": f"{piece.decibans:+g}",
            "counted": "yes" if piece.counted else "no",
            "name": piece.name,
            "why": plain(piece.sentence, 300),
        }
        for piece in incident.evidence
    ]


def summary_rows(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the summary row, a row a count; what is counted by reason or by step has one each."""
    rows: list[dict[str, Any]] = []
    for name, value in summary.items():
        if isinstance(value, Mapping):
            rows += [{"what": f"{name}: {part}", "value": count} for part, count in value.items()]
        elif isinstance(value, list):
            rows.append({"what": name, "value": ", ".join(str(each) for each in value if each is not None)})
        elif name != "type":
            rows.append({"what": name, "value": value})
    return rows
