"""What is left to do until it is over."""

from prefect_cloudtrail.context.asked import Answered, Asked, number
from prefect_cloudtrail.context.closing import NOT_READ, checklist

ORDER = 21
ASKS = "Is it back to normal, and how does it not happen again?"
PERMISSIONS = ("iam:ListAccessKeys", "iam:ListMFADevices")


def answer(case: Asked) -> Answered:
    """Return the closing checklist: what is ticked by a read-back, and what a person still has to see to."""
    lines = checklist(case)
    done = sum(line.done for line in lines)
    sentences = (
        f"{done} of {number(len(lines), 'line')} of the closing checklist done.",
        *(f"{line.text} {line.how}" for line in lines),
    )
    rows = tuple({"name": line.name, "done": line.done} for line in lines)
    unread = [line.text for line in lines if line.how.startswith(NOT_READ)]
    why = f"whether it is done: {' '.join(unread)}".rstrip(".") if unread else None
    return Answered(sentences, rows, why, "the closing checklist, read back in AWS" if unread else "")
