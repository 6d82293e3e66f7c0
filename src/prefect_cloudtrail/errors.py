"""What can go wrong, as one tree; each message says what failed, on what, and what to do.

CloudTrailResponseError
├── SettingsError     a setting is missing or wrong
├── SourceError       the log objects cannot be listed or fetched
│   └── ObjectTooLargeError   one has more bytes than are read
├── GeoError          a geo database is missing, damaged, or of the wrong kind
├── FeedbackError     a verdict, suppression or notice cannot be recorded
├── ResponseError     a response cannot be planned, asked, decided or applied
│   ├── RefusedError      a guard or a rule says no; nothing was changed
│   │   └── TamperedError     a stored row is not what was signed
│   └── ActionError       AWS refused a step, or what it says does not agree
│       ├── TargetGoneError   what the step names is there no more
│       ├── UnansweredError   AWS does not say whether it did it
│       └── ChangedSinceError somebody changed it meanwhile, so undo leaves it
├── SlackError        Slack does not take a message, or cannot be asked
└── StateError        the state cannot be used
    ├── NewerStateError   it was written by a newer version
    └── LeaseHeldError    another detector is at work on it
"""


class CloudTrailResponseError(Exception):
    """What the command line prints as one line and answers with exit status 1."""


class SettingsError(CloudTrailResponseError):
    """A setting is missing or wrong."""


class SourceError(CloudTrailResponseError):
    """The log objects cannot be listed or fetched."""


class ObjectTooLargeError(SourceError):
    """A log object has more bytes than are read."""


class GeoError(CloudTrailResponseError):
    """A geo database is missing, damaged, or of the wrong kind."""


class FeedbackError(CloudTrailResponseError):
    """A verdict, suppression or notice cannot be recorded as it is."""


class SlackError(CloudTrailResponseError):
    """Slack does not take a message, or cannot be asked; what was to be said stays written down."""


class StateError(CloudTrailResponseError):
    """The state cannot be used as it is."""


class NewerStateError(StateError):
    """The state was written by a newer version."""


class LeaseHeldError(StateError):
    """Another detector is at work on this state."""


class ResponseError(CloudTrailResponseError):
    """A response cannot be planned, asked, decided or applied."""


class RefusedError(ResponseError):
    """A guard or a rule says no; nothing was changed."""


class TamperedError(RefusedError):
    """A stored row is not what was signed, so nothing of it is believed."""


class ActionError(ResponseError):
    """AWS refused a step, or what it says afterwards does not agree."""


class TargetGoneError(ActionError):
    """What the step names is there no more."""


class UnansweredError(ActionError):
    """AWS gave no answer, or none that says whether it did as it was asked."""


class ChangedSinceError(ActionError):
    """Somebody changed it meanwhile, so undo leaves it alone."""
