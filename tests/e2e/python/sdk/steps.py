"""Steps through the official SDK, told apart: a line of JSON per step, with what went wrong if something did.

A file of steps imports this one, declares its steps with `@step("name")`, and ends with `run()`. `ABOUT` says where the server is, who calls,
and what was published (`management-sdk.test.mjs`).
"""

import json
import os
import re
import time
import traceback

from azure.devops.connection import Connection
from azure.devops.exceptions import AzureDevOpsServiceError
from azure.devops.v7_1.feed.models import JsonPatchOperation
from msrest.authentication import BasicAuthentication

ABOUT = json.loads(os.environ["ABOUT"])
URL = ABOUT["url"]
FOLDER = os.path.dirname(os.path.abspath(__file__))

# What brings a feed back from the recycle bin.
RESTORE = [JsonPatchOperation(op="replace", path="/isDeleted", value=False)]

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_steps = []
_connections = {}


def step(name):
    """Declares a step; they run in the order in which they stand."""

    def add(function):
        _steps.append((name, function))
        return function

    return add


def run():
    """Runs all steps, whatever becomes of each."""
    for name, function in _steps:
        failure = None
        try:
            function()
        except Exception as error:
            here = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(FOLDER)]
            places = ", ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in here[1:])
            failure = f"{type(error).__name__} at {places}: {error}"
        print(json.dumps({"name": name, "failure": failure}), flush=True)


def connection(role="admin", url=URL):
    """A connection with the token of a role; `anonymous` has none, `stranger` a wrong one."""
    if (role, url) not in _connections:
        token = ABOUT["tokens"].get(role)
        credentials = BasicAuthentication("", token) if token else None
        _connections[role, url] = Connection(base_url=url, creds=credentials)
    return _connections[role, url]


def clients(role="admin", url=URL):
    """The newest generation of clients."""
    return connection(role, url).clients_v7_1


def refused(type_key, text, call, *arguments, **named):
    """Insists on a refusal of that kind with that text in its message."""
    try:
        answer = call(*arguments, **named)
    except AzureDevOpsServiceError as error:
        assert error.type_key == type_key, f"{error.type_key}: {error.message}"
        assert text in error.message, error.message
        return
    raise AssertionError(f"not refused: {answer}")


def only(items, **wanted):
    """The one item with these attributes."""
    found = [item for item in items if all(getattr(item, name) == value for name, value in wanted.items())]
    assert len(found) == 1, f"{len(found)} of {len(items)} items have {wanted}"
    return found[0]


def names(items):
    """Their names, in order."""
    return [item.name for item in items]


def same(one, other):
    """Insists on equality, and shows both."""
    assert one == other, f"{one!r} is not {other!r}"


def eventually(look, wanted):
    """Looks until what is seen is as wanted, and answers it: what happened in the last seconds is not in the logs yet."""
    end = time.monotonic() + 30
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < end, f"still not as wanted: {seen.as_dict()}"
        time.sleep(0.2)


def moment():
    """Now, as continuation tokens count: the server runs on the same clock."""
    return int(time.time() * 1000)


def is_guid(text):
    """Insists on a GUID in lower case."""
    assert isinstance(text, str) and GUID.fullmatch(text), text


def drain(stream):
    """All of a download."""
    return b"".join(stream)
