"""
Secrets and configs: stamped, owned, and shown without dss's own labels.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dss.errors import Denied, EngineOdd, NotFound
from dss.model.facts import ClusterFacts, ClusterNamed, HooksOnEntry
from dss.model.ruling import EditJson, Forward
from dss.policy.fields.tables import CONFIG_CREATE, SECRET_CREATE, SECRET_UPDATE
from dss.policy.swarm import stores
from dss.testing.judging import circumstances, drive, edited, request

ID = "s" * 25
OWNED = {"com.dss.owner": "ci"}
FOUND = ClusterFacts(ID, {"ID": ID})
ANSWERS = {
    ClusterNamed: lambda q: FOUND if (q.kind, q.reference) == ("secret", "pw") else None,
    HooksOnEntry: lambda q: q.entry["ID"] != "hidden",
}
AROUND = circumstances("ci")


def judged(policy: Any, body: Any = None, reference: str = "pw", **query: Any) -> Forward:
    raw = b"" if body is None else json.dumps(body).encode()
    ruling = drive(policy(request("", {"id": reference}, query, raw), AROUND), ANSWERS)
    assert isinstance(ruling, Forward)
    return ruling


def sent(forward: Forward) -> Any:
    assert forward.body is not None
    return json.loads(forward.body)


@pytest.mark.parametrize("table", [SECRET_CREATE, CONFIG_CREATE])
def test_a_new_one_is_stamped(table: Any) -> None:
    body = {"Name": "pw", "Data": "eA==", "Labels": {"a": "b"}, "Templating": {}}
    found = sent(judged(stores.create(table), body))
    assert found == {**body, "Labels": {"a": "b", **OWNED}}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"Labels": {"com.dss.owner": "other"}}, "label.reserved"),
        ({"Driver": {"Name": "vault"}}, "store.driver"),
        ({"Templating": {"Name": "golang"}}, "store.templating"),
        ({"Templating": {"Name": "", "Options": {"a": "b"}}}, "store.templating"),
        ({"Foo": 1}, "field.unknown"),
    ],
)
def test_what_is_denied(body: dict[str, Any], rule: str) -> None:
    for policy in (stores.create(SECRET_CREATE), stores.update("secret", SECRET_UPDATE)):
        with pytest.raises(Denied, match=rule):
            judged(policy, {"Name": "pw", **body})


def test_an_update_keeps_the_owner_and_acts_on_the_id() -> None:
    policy = stores.update("secret", SECRET_UPDATE)
    forward = judged(policy, {"Name": "pw", "Labels": None}, version="3")
    assert forward.params == {"id": ID}
    assert forward.query == (("version", "3"),)
    assert sent(forward) == {"Name": "pw", "Labels": OWNED}
    with pytest.raises(NotFound, match="secret theirs not found"):
        judged(policy, {"Name": "pw"}, "theirs")


def test_one_is_shown_as_its_client_wrote_it() -> None:
    reply = judged(stores.inspect("secret")).reply
    assert isinstance(reply, EditJson)
    value = {"ID": ID, "Spec": {"Name": "pw", "Labels": {"a": "b", **OWNED}}}
    assert edited(reply, value) == {"ID": ID, "Spec": {"Name": "pw", "Labels": {"a": "b"}}}
    odds: list[Any] = [[], {"ID": "other", "Spec": {}}]
    for odd in odds:
        with pytest.raises(EngineOdd):
            edited(reply, odd)
    with pytest.raises(NotFound):
        judged(stores.inspect("config"))


def test_lists_are_filtered_twice() -> None:
    forward = judged(stores.listing("secret"), filters={"name": ("p",)})
    assert json.loads(dict(forward.query)["filters"]) == {
        "name": {"p": True},
        "label": {"com.dss.owner=ci": True},
    }
    entries = [
        {"ID": id, "Spec": {"Name": "x", "Labels": labels}}
        for id, labels in (("1", OWNED), ("2", {"com.dss.owner": "b"}), ("hidden", OWNED))
    ]
    shown = [{"ID": "1", "Spec": {"Name": "x", "Labels": {}}}]
    assert edited(forward.reply, entries, ANSWERS) == shown
    with pytest.raises(EngineOdd):
        edited(forward.reply, {})
