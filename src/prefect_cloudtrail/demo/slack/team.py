"""Who is in the local workspace: people of every kind that a responder's Slack knows, groups and channels."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TEAM, OTHER_TEAM = "T0LOCAL0001", "T0ELSEWHERE"
DOMAIN = "local"
APP, BOT_ID = "A0LOCAL0001", "B0LOCAL0001"


@dataclass(frozen=True)
class Person:
    """One member as `users.info` tells of them.

    `restricted` is a guest, `deleted` a deactivated account; a stranger is of another team (Slack Connect).
    """

    user_id: str
    name: str
    real_name: str
    bot: bool = False
    restricted: bool = False
    deleted: bool = False
    team_id: str = TEAM

    @property
    def email(self) -> str:
        """Their address, by which `users.lookupByEmail` finds them."""
        return f"{self.name}@example.com"

    def shown(self) -> Json:
        """Return the user object of the Web API."""
        profile = {"real_name": self.real_name, "display_name": self.name, "team": self.team_id}
        return {
            "id": self.user_id,
            "team_id": self.team_id,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.deleted,
            "tz": "Etc/UTC",
            "tz_offset": 0,
            "profile": profile if self.bot else {**profile, "email": self.email},
            "is_admin": False,
            "is_owner": False,
            "is_bot": self.bot,
            "is_restricted": self.restricted,
            "is_ultra_restricted": False,
            "is_app_user": False,
            "is_stranger": self.team_id != TEAM,
        }


@dataclass(frozen=True)
class Group:
    """A user group: mentioned as `<!subteam^ID>`."""

    group_id: str
    handle: str
    name: str
    members: tuple[str, ...]

    def shown(self) -> Json:
        """Return the usergroup object of the Web API, without its members."""
        return {
            "id": self.group_id,
            "team_id": TEAM,
            "is_usergroup": True,
            "handle": self.handle,
            "name": self.name,
            "date_delete": 0,
            "user_count": len(self.members),
        }


@dataclass(frozen=True)
class Channel:
    """A public channel and who is in it."""

    channel_id: str
    name: str
    members: tuple[str, ...]


BOT = Person("U0LOCALBOT1", "cloudtrail", "CloudTrail response", bot=True)
# Both may decide; Lena is whom to call next.
MAYA = Person("U0MAYA00001", "maya", "Maya Okafor")
JONAS = Person("U0JONAS0001", "jonas", "Jonas Berg")
LENA = Person("U0LENA00001", "lena", "Lena Fischer")
# Rosa owns what is asked about, Otto only reads along.
ROSA = Person("U0ROSA00001", "rosa", "Rosa Marin")
OTTO = Person("U0OTTO00001", "otto", "Otto Quist")
# All three are in the responders' group, and none of them may decide.
GUS = Person("U0GUS000001", "gus", "Gus Ward", restricted=True)
DORA = Person("U0DORA00001", "dora", "Dora Vance", deleted=True)
STEN = Person("U0STEN00001", "sten", "Sten Lind", team_id=OTHER_TEAM)

EVERYBODY = (MAYA, JONAS, LENA, ROSA, OTTO, GUS, DORA, STEN, BOT)
RESPONDERS = Group(
    "S0RESPOND01",
    "security-responders",
    "Security responders",
    tuple(each.user_id for each in (MAYA, JONAS, GUS, DORA, STEN)),
)
LEADS = Group("S0LEADS0001", "security-leads", "Security leads", (LENA.user_id,))
SECURITY = Channel("C0SECURITY1", "security", tuple(each.user_id for each in EVERYBODY))
# The bot was never invited here.
GENERAL = Channel("C0GENERAL01", "general", tuple(each.user_id for each in EVERYBODY if not each.bot))

SCOPES = (
    "channels:history",
    "channels:read",
    "chat:write",
    "groups:history",
    "im:history",
    "im:write",
    "usergroups:read",
    "users:read",
    "users:read.email",
)


@dataclass(frozen=True)
class Team:
    """What a workspace begins with."""

    people: tuple[Person, ...] = EVERYBODY
    groups: tuple[Group, ...] = (RESPONDERS, LEADS)
    channels: tuple[Channel, ...] = (SECURITY, GENERAL)
    scopes: tuple[str, ...] = SCOPES
    name: str = field(default="Local")

    def person(self, user_id: str) -> Person | None:
        """Return the member of that id, if there is one."""
        return next((each for each in self.people if each.user_id == user_id), None)
