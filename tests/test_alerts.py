from datetime import timedelta

from frames import NOON, call, colleagues, days, find, placed
from test_incidents import an_alert

from prefect_cloudtrail.alerts import alerts, event_ids, limit, merge
from prefect_cloudtrail.detectors import unusual_city_for_principal as detector

PAST = [*days(20), *colleagues(5)]


def test_an_alert_carries_the_events_behind_it() -> None:
    rows = [call("Kyiv", at=NOON + timedelta(minutes=minute)) for minute in (7, 1, 16)]
    (alert,) = alerts(find(detector, rows, PAST), placed([*rows, call("Berlin")]))
    assert (alert.events, alert.rule, alert.raised_at) == (
        3,
        "unusual_city_for_principal",
        NOON + timedelta(minutes=15),
    )
    minutes = [event.split("T12:")[1][:2] for event in alert.event_ids]
    assert minutes == ["01", "07", "16"]


def test_the_same_finding_has_the_same_id_whichever_window_brings_it() -> None:
    early, late = ([call("Kyiv", at=NOON + timedelta(minutes=minute))] for minute in (1, 40))
    ids = {alerts(find(detector, rows, PAST), placed(rows))[0].alert_id for rows in (early, late)}
    assert len(ids) == 1


def test_past_ten_a_principal_or_a_hundred_a_window_alerts_are_kept_and_marked() -> None:
    noisy = [an_alert(command=f"ec2:Command{number}", surprise=float(number)) for number in range(12)]
    others = [an_alert(who=f"user{number}", surprise=1.0) for number in range(95)]
    marked = limit([*noisy, *others], set())
    over = [alert.alert_id for alert in marked if alert.over_limit]
    assert len(marked) == 107
    assert {noisy[0].alert_id, noisy[1].alert_id} < set(over)
    assert len(over) == 7


def test_an_alert_of_an_earlier_window_takes_nobodys_place() -> None:
    found = [an_alert(command=f"ec2:Command{number}") for number in range(11)]
    assert not [alert for alert in limit(found, {found[0].alert_id}) if alert.over_limit]


def test_a_later_window_only_adds_events() -> None:
    merged = merge(an_alert(), an_alert(event_ids=("later",), score=1.0, events=4))
    assert (merged.events, merged.event_ids[1:], merged.score) == (5, ("later",), 56.0)


def test_event_ids_come_once_in_order() -> None:
    assert event_ids([an_alert(event_ids=("b", "a")), an_alert(event_ids=("a", "c"))]) == ["b", "a", "c"]
