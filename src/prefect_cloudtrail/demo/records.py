"""A call as CloudTrail writes it."""

from random import Random

from prefect_cloudtrail.demo.chance import identifier
from prefect_cloudtrail.demo.commands import CONSOLE_LOGIN, Command, region_of
from prefect_cloudtrail.demo.identities import Json, Kind, user_identity, utc
from prefect_cloudtrail.demo.workday import Call

TLS = ("TLSv1.3", "TLS_AES_128_GCM_SHA256")
# The parameter that names what the call is about, where an investigator would look for it.
SUBJECTS = {
    "GetSecretValue": ("secretId", "example/service-{}"),
    "GetParameter": ("name", "/example/service-{}"),
    "CreateUser": ("userName", "service-{}"),
    "CreateAccessKey": ("userName", "service-{}"),
    "CreateLoginProfile": ("userName", "service-{}"),
    "AttachUserPolicy": ("userName", "service-{}"),
    "GetBucketPolicy": ("bucketName", "example-bucket-{}"),
    "PutBucketPolicy": ("bucketName", "example-bucket-{}"),
    "StopLogging": ("name", "example-trail-{}"),
    "DeleteTrail": ("name", "example-trail-{}"),
}


def record(call: Call, address: str, chance: Random) -> Json:
    """Return the call's record; `chance` gives its ids and what it was about."""
    sign_in = call.command == CONSOLE_LOGIN
    written: Json = {
        "eventVersion": "1.11",
        "userIdentity": _identity(call),
        "eventTime": utc(call.time),
        "eventSource": call.command.source,
        "eventName": call.command.name,
        "awsRegion": region_of(call.command, call.account.region),
        "sourceIPAddress": address,
        "userAgent": call.service or call.agent,
    }
    if call.error is not None:
        written["errorCode"] = call.error
        written["errorMessage"] = _message(call, call.error)
    written |= {
        "requestParameters": None if sign_in else _request(call, chance),
        "responseElements": {"ConsoleLogin": "Success"} if sign_in else None,
        **({"additionalEventData": _sign_in(call)} if sign_in else {}),
        "requestID": identifier(chance),
        "eventID": identifier(chance),
        "readOnly": call.command.read_only,
        "eventType": "AwsConsoleSignIn" if sign_in else "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.account.number,
        "eventCategory": "Management",
    }
    if call.service is None:
        host = f"{call.command.service}.{written['awsRegion']}.amazonaws.com"
        written["tlsDetails"] = {"tlsVersion": TLS[0], "cipherSuite": TLS[1], "clientProvidedHostHeader": host}
    return written


def _identity(call: Call) -> Json:
    if call.credentials is None:
        return {"type": "AWSService", "invokedBy": call.service}
    identity = user_identity(call.credentials)
    if call.service is not None:
        identity["invokedBy"] = call.service
    if call.command == CONSOLE_LOGIN:
        # A sign-in has no key yet, and an IAM user's is no session yet.
        identity.pop("accessKeyId", None)
        if call.credentials.principal.kind == Kind.IAM_USER:
            identity.pop("sessionContext", None)
    return identity


def _sign_in(call: Call) -> Json:
    """What a sign-in says of itself; one through an identity provider says no to MFA, whatever it was."""
    mfa = call.credentials is not None and call.credentials.principal.kind == Kind.IAM_USER and call.credentials.mfa
    return {"LoginTo": "https://console.aws.amazon.com/", "MobileVersion": "No", "MFAUsed": "Yes" if mfa else "No"}


def _message(call: Call, error: str) -> str:
    if error == "AccessDenied" and call.credentials is not None:
        action = _action(call.command)
        who = call.credentials.principal.arn
        return (
            f"User: {who} is not authorized to perform: {action} on resource: * "
            f"because no identity-based policy allows the {action} action"
        )
    return "Rate exceeded" if error == "ThrottlingException" else "The requested resource was not found"


def _action(command: Command) -> str:
    return f"{command.service}:{command.name}"


def _request(call: Call, chance: Random) -> Json | None:
    name, number = call.command.name, chance.randrange(40)
    if name in SUBJECTS:
        parameter, pattern = SUBJECTS[name]
        return {parameter: pattern.format(number)}
    if name == "AssumeRole":
        return {"roleArn": f"arn:aws:iam::{call.account.number}:role/service-{number}", "roleSessionName": "example"}
    if name == "GetCallerIdentity":
        return None
    return {"maxResults": 100} if call.command.read_only else {"resourceName": f"example-{number}"}
