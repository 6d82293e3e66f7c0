"""The two planes' PostgreSQL roles, as SQL: the detect plane reads what the responder decided, and cannot write it."""

from prefect_cloudtrail.store.response_tables import OF_THE_RESPONDER
from prefect_cloudtrail.store.tables import METADATA

DETECT, RESPONDER = "cloudtrail_detect", "cloudtrail_responder"

# What the responder writes beside its own tables: that a request was delivered, what it says of an incident, and what
# people say there.
ALSO_WRITTEN = (
    "requests",
    "contexts",
    "verdicts",
    "entries",
    "outbox",
    "slack_messages",
    "slack_cards",
    "owners_asked",
    "notices",
)

HEADING = f"""\
-- The two planes' roles. Generated: python -m prefect_cloudtrail.store.roles > deploy/database/roles.sql
--
-- Run it as the database's owner, in the case store's database, after each update of prefect-cloudtrail:
--   psql --set ON_ERROR_STOP=1 --file roles.sql postgresql://OWNER@HOST/NAME
-- The owner, not these roles, makes and migrates the tables: run `prefect-cloudtrail incidents` as it first.
-- Then give each plane a user of its own:
--   CREATE USER detect_worker IN ROLE {DETECT};
--   CREATE USER responder_host IN ROLE {RESPONDER};
"""


def statements() -> str:
    """Return the SQL that makes both roles and grants each what it needs; it may be run again and again."""
    own = {table.name for table in OF_THE_RESPONDER}
    everything = sorted(METADATA.tables)
    detects = [name for name in everything if name not in own]
    lines = [HEADING, "BEGIN;", ""]
    for role in (DETECT, RESPONDER):
        lines += [
            "DO $$ BEGIN",
            f"  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} NOLOGIN; END IF;",
            "END $$;",
        ]
    lines += [
        "",
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC;",
    ]
    for role in (DETECT, RESPONDER):
        lines += [
            "",
            f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};",
            f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role};",
            f"GRANT USAGE ON SCHEMA public TO {role};",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};",
        ]
    lines += [
        "",
        "-- The detect plane: all but what the responder alone may write.",
        *(f"GRANT INSERT, UPDATE, DELETE ON {name} TO {DETECT};" for name in detects),
        *_sequences(detects, DETECT),
        "",
        "-- The responder: its own, of which nothing is ever deleted, and what it says of an incident.",
        *(f"GRANT INSERT, UPDATE ON {name} TO {RESPONDER};" for name in sorted((own - _ADDED_TO) | set(ALSO_WRITTEN))),
        *(f"GRANT INSERT ON {name} TO {RESPONDER};" for name in sorted(own & _ADDED_TO)),
        *_sequences([*sorted(own), *ALSO_WRITTEN], RESPONDER),
        "",
        "COMMIT;",
        "",
    ]
    return "\n".join(lines)


# Rows that are only ever added.
_ADDED_TO = {"decisions", "settlements", "breaker", "audit"}


def _sequences(names: list[str], role: str) -> list[str]:
    numbered = [name for name in names if METADATA.tables[name].autoincrement_column is not None]
    return [f"GRANT USAGE ON SEQUENCE {name}_number_seq TO {role};" for name in sorted(numbered)]


if __name__ == "__main__":
    print(statements(), end="")  # noqa: T201 - the file's content
