"""What to generate: an organisation's size, where it works, and what is stolen from it; and a few shapes of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prefect_cloudtrail.demo.geography import BY_NAME
from prefect_cloudtrail.demo.habits import HABITS, ODDITIES
from prefect_cloudtrail.demo.replay import Replay
from prefect_cloudtrail.errors import SettingsError

# A Monday, so that thirty days end on a working one.
FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)
# A day to learn from and a day to judge.
LEAST_DAYS = 2
# How many home lines a geo database puts into the wrong city of the right country.
MISPLACED_SHARE = 0.02
SLOTS = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)


@dataclass(frozen=True)
class Organisation:
    """One organisation over some days; shares are 0 to 1.

    Attributes:
        start: midnight UTC of the first day.
        offices: names of cities; people belong to one each.
        robots: machines with a role: deploying, collecting, backing up, every hour.
        thefts: kinds, from `thief.KINDS`; one theft each, spread over the last `theft_days` days.
        remote_share: how many work from a home anywhere rather than near an office.
        iam_share: how many have an IAM user; the others sign in through Identity Center.
        second_account_share: how many of those work in a second account as well.
        borrowed_share: how often, a robot and day, somebody tries a robot's role from their own desk.
        visits: runs of a robot an hour.
        slot_minutes: how long records are gathered into one log object for each account and region.
        replays: attacks taken from real records; each happens once, after the thefts.
        habits: shares that differ from those of `habits.HABITS`, by name.
        oddities: what of `habits.ODDITIES` there is, by name, and how much of it.
        on_the_phone: how many sittings of somebody with a phone are on it.
        wandering_carriers: whether a phone comes out at any city of its country rather than at its carrier's hub.
        activity_spread: the spread of how busy people are, as a standard deviation of the logarithm; 0: all alike.
        runners: build machines at hosting companies, in another city every day, with an IAM user's key.
        emergencies: how often, a day, somebody takes the IAM user kept for emergencies.
        misplaced_share: how many home lines the geo database puts into the wrong city.
        nameless_share: of how many networks it names no city, only a country.
        rented_exits: whether commercial VPNs rent their exits from hosting companies.
    """

    seed: int
    start: datetime
    days: int
    people: int
    accounts: int
    offices: tuple[str, ...]
    robots: int
    thefts: tuple[str, ...] = ()
    theft_days: int = 1
    remote_share: float = 0.15
    iam_share: float = 0.45
    second_account_share: float = 0.3
    borrowed_share: float = 0.0
    sessions: int = 2
    calls: int = 12
    visits: int = 1
    slot_minutes: int = 15
    replays: tuple[Replay, ...] = ()
    habits: tuple[tuple[str, float], ...] = ()
    oddities: tuple[tuple[str, float], ...] = ()
    on_the_phone: float = 0.1
    wandering_carriers: bool = False
    activity_spread: float = 0.0
    runners: int = 0
    emergencies: float = 0.0
    misplaced_share: float = MISPLACED_SHARE
    nameless_share: float = 0.0
    rented_exits: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be generated.

        Raises:
            SettingsError: names what is wrong.
        """
        midnight = self.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        wrong = {
            "start must be midnight UTC": self.start != midnight,
            f"days must be {LEAST_DAYS} or more": self.days < LEAST_DAYS,
            "people, accounts and robots must be 1 or more": min(self.people, self.accounts, self.robots) < 1,
            "slot_minutes must divide an hour": self.slot_minutes not in SLOTS,
            f"offices must be among {', '.join(sorted(BY_NAME))}": not self.offices or set(self.offices) - set(BY_NAME),
            "theft_days must be 1 to days": not 1 <= self.theft_days <= self.days,
            f"habits must be among {', '.join(HABITS)}": bool(dict(self.habits).keys() - HABITS),
            f"oddities must be among {', '.join(ODDITIES)}": bool(dict(self.oddities).keys() - ODDITIES),
        }
        problems = [problem for problem, is_so in wrong.items() if is_so]
        if problems:
            raise SettingsError(f"cannot generate this organisation: {'; '.join(problems)}")

    @property
    def end(self) -> datetime:
        """The midnight that every event comes before."""
        return self.start + timedelta(days=self.days)


DEMO = Organisation(
    seed=15,
    start=FIRST_DAY,
    days=30,
    people=24,
    accounts=3,
    offices=("Berlin", "Austin"),
    robots=4,
    thefts=("stolen_key",),
)


def small(seed: int = 1, thefts: tuple[str, ...] = ()) -> Organisation:
    """Return a dozen people in one office, two weeks of them."""
    return Organisation(
        seed=seed,
        start=FIRST_DAY,
        days=14,
        people=12,
        accounts=1,
        offices=("Bristol",),
        robots=2,
        thefts=thefts,
        theft_days=4,
    )


def spread(seed: int = 1, thefts: tuple[str, ...] = ()) -> Organisation:
    """Return sixty people in five offices on four continents, two months of them."""
    return Organisation(
        seed=seed,
        start=FIRST_DAY,
        days=60,
        people=60,
        accounts=4,
        offices=("Berlin", "Austin", "Bengaluru", "Toronto", "Sydney"),
        robots=6,
        thefts=thefts,
        theft_days=14,
    )


def remote_first(seed: int = 1, thefts: tuple[str, ...] = ()) -> Organisation:
    """Return forty people, nine of ten of whom work from wherever they live."""
    return Organisation(
        seed=seed,
        start=FIRST_DAY,
        days=45,
        people=40,
        accounts=2,
        offices=("Amsterdam",),
        robots=3,
        thefts=thefts,
        theft_days=14,
        remote_share=0.9,
    )


def many_accounts(seed: int = 1, thefts: tuple[str, ...] = ()) -> Organisation:
    """Return forty people who go about twenty accounts, most of them through Identity Center."""
    return Organisation(
        seed=seed,
        start=FIRST_DAY,
        days=45,
        people=40,
        accounts=20,
        offices=("London", "Boston"),
        robots=20,
        thefts=thefts,
        theft_days=14,
        iam_share=0.15,
        second_account_share=0.8,
    )


def automation_heavy(seed: int = 1, thefts: tuple[str, ...] = ()) -> Organisation:
    """Return ten people, two dozen machines busy every ten minutes; now and then somebody tries a machine's role."""
    return Organisation(
        seed=seed,
        start=FIRST_DAY,
        days=30,
        people=10,
        accounts=3,
        offices=("Munich",),
        robots=24,
        thefts=thefts,
        theft_days=10,
        borrowed_share=0.005,
        visits=6,
    )


def carriers(seed: int = 1, thefts: tuple[str, ...] = ()) -> Organisation:
    """Return thirty people, most of them on phones whose carriers let them out at any city of the country."""
    return Organisation(
        seed=seed,
        start=FIRST_DAY,
        days=45,
        people=30,
        accounts=2,
        offices=("Mumbai", "Chicago"),
        robots=4,
        thefts=thefts,
        theft_days=14,
        habits=(("phone", 0.85),),
        on_the_phone=0.6,
        wandering_carriers=True,
    )


def missing_cities(seed: int = 1, thefts: tuple[str, ...] = ()) -> Organisation:
    """Return thirty people and a geo database that names no city for a third of the networks."""
    return Organisation(
        seed=seed,
        start=FIRST_DAY,
        days=45,
        people=30,
        accounts=3,
        offices=("Warsaw", "São Paulo"),
        robots=4,
        thefts=thefts,
        theft_days=14,
        nameless_share=0.33,
    )


def ipv6(seed: int = 1, thefts: tuple[str, ...] = ()) -> Organisation:
    """Return thirty people, most of whose home lines speak IPv6; the thieves' do, too."""
    return Organisation(
        seed=seed,
        start=FIRST_DAY,
        days=45,
        people=30,
        accounts=2,
        offices=("Munich", "Bengaluru"),
        robots=4,
        thefts=thefts,
        theft_days=14,
        remote_share=0.4,
        habits=(("ipv6", 0.95),),
    )
