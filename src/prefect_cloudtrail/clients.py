"""Builds what touches the world from the settings; called by the command line and the tasks only."""

import shutil
from pathlib import Path

from prefect_cloudtrail.cloudtrail import FolderSource, Source
from prefect_cloudtrail.errors import SettingsError, StateError
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.settings import Settings
from prefect_cloudtrail.store import STATE_FILES, Store


def log_source(settings: Settings) -> Source:
    """Return where the log objects are.

    Raises:
        SettingsError: no source is set, or of a kind that is not known.
    """
    if not settings.source:
        raise SettingsError("no source: pass --source or set PREFECT_CLOUDTRAIL_SOURCE to a folder of log objects")
    scheme, found, _ = settings.source.partition("://")
    if found:
        raise SettingsError(f"cannot read from {scheme}://; --source takes a folder of log objects")
    return FolderSource(Path(settings.source).expanduser())


def geo(settings: Settings) -> Geo:
    """Return the open geo databases.

    Raises:
        GeoError: none is set, or it cannot be used.
    """
    city = settings.city_db.expanduser() if settings.city_db else None
    return Geo.open(city, settings.asn_db.expanduser() if settings.asn_db else None)


def case_store(settings: Settings) -> Store:
    """Return the open case store, made where there is none.

    Raises:
        StateError: it cannot be used.
    """
    return Store.open(settings.state.expanduser(), settings.database, kind="live")


def fresh_backtest(settings: Settings) -> Store:
    """Return an empty case store for a backtest; an earlier backtest in its folder is deleted.

    Raises:
        StateError: the folder holds a state that is no backtest's, or it cannot be used.
    """
    state = settings.state.expanduser()
    with Store.open(state, settings.database, kind="backtest") as earlier:
        began = bool(earlier.runs(limit=1))
    if began and settings.database:
        raise StateError(f"{settings.database} holds an earlier backtest; name an empty database")
    if began:
        for name in STATE_FILES:
            path = state / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return Store.open(state, settings.database, kind="backtest")


def existing_store(settings: Settings) -> Store:
    """Return the open case store.

    Raises:
        StateError: there is none yet, or it cannot be used.
    """
    return Store.read_only(settings.state.expanduser(), settings.database)
