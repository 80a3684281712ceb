"""How others find actors here: WebFinger, host-meta and NodeInfo, as strict peers read them."""

import httpx
from defusedxml import ElementTree
from sqlalchemy import update
from sqlmodel import col

from models import LocalActor
from tests.federation.running import Running
from tests.federation.strangers import US


async def finger(us: Running, resource: str) -> httpx.Response:
    answer = await us.http.get("/.well-known/webfinger", params={"resource": resource})
    assert answer.headers["access-control-allow-origin"] == "*"
    return answer


async def test_a_person_is_found(us: Running) -> None:
    uri = f"{US}/ap/actors/{us.ada.id}"
    answer = await finger(us, "acct:ada@groundswell.test")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jrd+json"
    assert answer.json() == {
        "subject": "acct:ada@groundswell.test",
        "aliases": [uri],
        "links": [
            {"rel": "self", "type": "application/activity+json", "href": uri},
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": f"{US}/@ada"},
        ],
    }


SPELLINGS = [
    "acct:ADA@GroundSwell.TEST",
    "ACCT:ada@groundswell.test",
    "acct:@ada@groundswell.test",
    "@ada@groundswell.test",
    "acct:ada@groundswell.test.",
    "acct:ada@groundswell.test:80",
    f"{US}/@ada",
]


async def test_other_ways_to_say_so(us: Running) -> None:
    for resource in SPELLINGS:
        assert (await finger(us, resource)).json().get("subject") == "acct:ada@groundswell.test", resource


async def test_an_id_leads_to_its_handle(us: Running) -> None:
    uri = f"{US}/ap/actors/{us.ada.id}"
    assert (await finger(us, uri)).json()["subject"] == "acct:ada@groundswell.test"
    for other in (f"{uri}/inbox", f"{uri}#main-key", f"{uri}x", uri.upper()):
        assert (await finger(us, other)).status_code == 404


NOBODY = [
    ("acct:nobody@groundswell.test", 404),
    ("acct:ada@elsewhere.test", 404),
    ("acct:ada@sub.groundswell.test", 404),
    ("acct:\u212aada@groundswell.test", 404),
    ("acct:ad a@groundswell.test", 404),
    ("acct:ada\n@groundswell.test", 404),
    (f"{US}/somewhere", 404),
    ("https://elsewhere.test/ap/actors/x", 404),
    ("", 400),
    ("ada", 400),
    ("acct:ada", 400),
    ("acct:@groundswell.test", 400),
    ("acct:ada@", 400),
    ("acct:ada@groundswell.test\n", 400),
    ("acct:ada@groundswell\uff0etest", 400),
    ("acct:ada@groundswell.test/x@y", 400),
    ("acct:ada@x@groundswell.test", 400),
    ("mailto:ada@groundswell.test", 400),
    ("http://[", 400),
    ("acct:" + "a" * 2_000 + "@groundswell.test", 400),
]


async def test_resources_that_are_nobody(us: Running) -> None:
    """HOSTILE A13."""
    for resource, status in NOBODY:
        answer = await finger(us, resource)
        assert answer.status_code == status, resource
        assert set(answer.json()) == {"error"}


async def test_one_resource_at_a_time(us: Running) -> None:
    assert (await us.http.get("/.well-known/webfinger")).status_code == 400
    two = await us.http.get("/.well-known/webfinger?resource=acct:ada@groundswell.test&resource=acct:x@y.test")
    assert two.status_code == 400


async def test_deleted_is_not_unknown(us: Running) -> None:
    async with us.database.writing() as context:
        await context.session.execute(update(LocalActor).where(col(LocalActor.id) == us.ada.id).values(state="deleted"))
    assert (await finger(us, "acct:ada@groundswell.test")).status_code == 410


async def test_the_server_itself_is_found(us: Running) -> None:
    """WIRE 5.17, and FEP-d556 by its URL."""
    for resource in ("acct:groundswell.test@groundswell.test", f"{US}/ap/instance"):
        found = (await finger(us, resource)).json()
        assert found["subject"] == "acct:groundswell.test@groundswell.test"
        assert found["links"] == [{"rel": "self", "type": "application/activity+json", "href": f"{US}/ap/instance"}]
    for resource in (US, f"{US}/"):
        (link,) = (await finger(us, resource)).json()["links"]
        assert link["rel"] == "https://www.w3.org/ns/activitystreams#Service"
        assert link["href"] == f"{US}/ap/instance"


async def test_host_meta(us: Running) -> None:
    answer = await us.http.get("/.well-known/host-meta")
    assert answer.headers["content-type"] == "application/xrd+xml"
    (link,) = ElementTree.fromstring(answer.text)
    assert link.attrib["rel"] == "lrdd"
    assert link.attrib["template"] == f"{US}/.well-known/webfinger?resource={{uri}}"


async def test_node_info_counts_nobody(us: Running) -> None:
    """FEP-0151, FEP-2677."""
    links = (await us.http.get("/.well-known/nodeinfo")).json()["links"]
    assert links[-1] == {"rel": "https://www.w3.org/ns/activitystreams#Application", "href": f"{US}/ap/instance"}
    for link in links[:-1]:
        version = link["rel"].rpartition("/")[2]
        answer = await us.http.get(link["href"])
        assert f"schema/{version}#" in answer.headers["content-type"]
        document = answer.json()
        assert document["version"] == version
        assert document["protocols"] == ["activitypub"]
        assert document["usage"] == {"users": {}}
        assert document["services"] == {"inbound": [], "outbound": []}
        assert ("homepage" in document["software"]) is (version == "2.1")
    assert [link["rel"].rpartition("/")[2] for link in links[:-1]] == ["2.1", "2.0"]
