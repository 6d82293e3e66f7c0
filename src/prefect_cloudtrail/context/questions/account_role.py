"""What the account is for, and how much hangs on it."""

from prefect_cloudtrail.context.asked import Answered, Asked, listed, shown
from prefect_cloudtrail.context.lookups import Unanswered

ORDER = 14
ASKS = "What is the account's role, and how critical is what was touched?"
PERMISSIONS = ("iam:ListAccountAliases",)
MOST_ACCOUNTS = 5


def answer(case: Asked) -> Answered:
    """Return each account's alias, and which accounts and services the rules call critical."""
    called = case.here["cloud.account.id"].drop_nulls().unique().sort().to_list() or [case.incident.account_id]
    services = sorted(
        {command.partition(":")[0] for command in case.here["command"]} & set(case.rules.critical_services)
    )
    critical = [account for account in called if account in case.rules.critical_accounts]
    sentences, why = [], None
    for account in called[:MOST_ACCOUNTS]:
        found = case.lookups.ask("iam", "ListAccountAliases", account)
        if isinstance(found, Unanswered):
            why = why or f"the alias of {account}: {found.why}"
        elif found["AccountAliases"]:
            sentences.append(f"{account} is called {shown(found['AccountAliases'][0])}.")
        else:
            sentences.append(f"{account} has no alias.")
    if not case.rules.critical_accounts and not case.rules.critical_services:
        why = "; ".join(filter(None, (why, "the rules name no critical_accounts or critical_services")))
    else:
        sentences.append(
            f"Critical by the rules: {listed([*critical, *services])}."
            if critical or services
            else "Nothing that the rules call critical was touched."
        )
    return Answered(tuple(sentences), (), why, "the account's alias, the rules") if why else Answered(tuple(sentences))
