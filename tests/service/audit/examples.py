"""For every route that changes something: a request that does, and what must be there before it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

import httpx

from shared.db import Connection, Database
from shared.events import parking
from shared.ids import derived_id, new_id
from tests.service.conftest import Installation
from tests.service.performance_world import commission, plan
from tests.service.test_repair import REPAIR
from tests.service.test_targets import event, won

Json: TypeAlias = dict[str, Any]
SOMEBODY: Final = str(new_id())
STOPPED: Final = """
    INSERT INTO watermark (consumer, source, partition, number, event_id, stopped)
    VALUES ('wins', 'pipeline', 0, 950, $1, '来源已从旧备份恢复')
"""
LOGGED: Final = """
    INSERT INTO event_log (
        partition, number, event_id, type, aggregate_id, aggregate_version, occurred_at,
        correlation_id, origin, payload)
    VALUES (0, 1, $1, 'pharos.pipeline.account.saved.v1', $1, 1, now(), $1, 'live', '{}')
"""
SET_ASIDE: Final = """
    INSERT INTO recalculation (payee_id, since, correlation_id, origin, failed_at, reason)
    VALUES ($1, '2026-01-01', $1, 'live', now(), 'DivisionByZero: 方案有误')
"""


def demanded() -> dict[str, str]:
    """Return the header that some routes demand: a key for one request."""
    return {"Idempotency-Key": str(new_id())}


@dataclass(frozen=True)
class Site:
    """A service as an example uses it: its API and its database."""

    service: str
    api: httpx.AsyncClient
    database: Database
    installation: Installation

    async def sent(self, method: str, path: str, body: Json) -> Json:
        """Send what an example needs before it; return the answer."""
        answer = await self.api.request(method, f"/v1/{path}", json=body, headers=demanded())
        assert answer.is_success, answer.text
        found: Json = answer.json()
        return found

    async def execute(self, statement: str, *values: object) -> None:
        async with self.database.acquire() as conn:
            await conn.execute(statement, *values)


@dataclass(frozen=True)
class Example:
    """A request; ``again`` says what the same does a second time under another key.

    ``refused`` is a request to the same route that must be refused, where the route refuses any.
    ``gone``: it takes something away. ``version`` is the one of If-Match.
    """

    path: str
    body: Json
    noun: str
    action: str
    made: bool = False
    again: Literal["nothing", "refused", "more"] = "nothing"
    refused: Json | None = None
    gone: bool = False
    version: int | Literal["*"] | None = None


Prepared: TypeAlias = Callable[[Site], Awaitable[Example]]


def deal(**changes: object) -> Json:
    return {
        "name": "华东银行核心系统",
        "owner_id": SOMEBODY,
        "amount": {"amount": "1200.50", "currency": "CNY"},
        "opened_on": "2026-10-01",
        **changes,
    }


def unit(**changes: object) -> Json:
    return {"name": "一队", "kind": "team", "parent_id": None, "valid_from": "2020-01-01"} | changes


def member(**changes: object) -> Json:
    return {"name": "王芳", "unit_id": None, "valid_from": "2020-01-01"} | changes


def target(scope_id: str, value: str = "1000.00") -> Json:
    return {
        "scope": "member",
        "scope_id": scope_id,
        "metric": "revenue",
        "period": "2026-Q4",
        "value": value,
        "currency": "CNY",
    }


async def _account(_: Site) -> Example:
    return Example("accounts", {"name": "上海灯塔"}, "account", "saved", made=True, again="more")


async def _account_external(site: Site) -> Example:
    path = "accounts/by-external/erp/1"
    await site.sent("PUT", path, {"name": "上海灯塔"})
    return Example(path, {"name": "上海灯塔科技"}, "account", "saved", refused={"name": ""})


async def _product(site: Site) -> Example:
    price = {"amount": "9.90", "currency": "CNY"}
    await site.sent("PUT", "products/L-1", {"name": "灯"})
    return Example("products/L-1", {"name": "灯", "list_price": price}, "product", "saved")


async def _deal(_: Site) -> Example:
    unknown = deal(account_id=str(new_id()))
    return Example("deals", deal(), "deal", "opened", made=True, again="more", refused=unknown)


async def _deal_edit(site: Site) -> Example:
    made = await site.sent("POST", "deals", deal())
    body = {"amount": {"amount": "1300.00", "currency": "CNY"}}
    path, unknown = f"deals/{made['id']}", {"account_id": SOMEBODY}
    return Example(path, body, "deal", "edited", refused=unknown, version="*")


async def _deal_move(site: Site) -> Example:
    made = await site.sent("POST", "deals", deal())
    path, on = f"deals/{made['id']}/transitions", "2026-11-02"
    early = {"to": "won", "on": "2026-09-01"}
    won_on = {"to": "won", "on": on}
    return Example(path, won_on, "deal", "won", again="refused", refused=early)


async def _deal_bulk(_: Site) -> Example:
    record = deal(external={"source": "crm", "id": "1"}, stage="won", closed_on="2026-11-02")
    body = {"origin": "import", "deals": [record]}
    twice = {"deals": [record, record]}
    return Example("deals/bulk", body, "deal", "won", made=True, refused=twice)


async def _unit(_: Site) -> Example:
    lost = unit(parent_id=str(new_id()))
    return Example("units", unit(), "unit", "saved", made=True, again="more", refused=lost)


async def _unit_change(site: Site) -> Example:
    above, made = [await site.sent("POST", "units", unit()) for _ in range(2)]
    path, circle = f"units/{made['id']}", unit(parent_id=made["id"])
    return Example(path, unit(parent_id=above["id"]), "unit", "placed", refused=circle)


async def _unit_external(site: Site) -> Example:
    await site.sent("PUT", "units/by-external/erp/1", unit())
    body = unit(name="二队", valid_from="2021-01-01")
    return Example("units/by-external/erp/1", body, "unit", "saved")


async def _member(_: Site) -> Example:
    lost = member(unit_id=str(new_id()))
    return Example("members", member(), "member", "saved", made=True, again="more", refused=lost)


async def _member_change(site: Site) -> Example:
    below = await site.sent("POST", "units", unit())
    made = await site.sent("POST", "members", member())
    body = member(unit_id=below["id"])
    return Example(f"members/{made['id']}", body, "member", "assigned")


async def _member_external(site: Site) -> Example:
    await site.sent("PUT", "members/by-external/erp/1", member())
    return Example("members/by-external/erp/1", member(name="王方"), "member", "saved")


async def _target(site: Site) -> Example:
    owner = (await site.sent("POST", "members", member()))["id"]
    await site.sent("PUT", "targets", target(owner))
    wrong = target(owner, "0.001")
    return Example("targets", target(owner, "2000.00"), "target", "set", refused=wrong)


async def _target_bulk(site: Site) -> Example:
    owner = (await site.sent("POST", "members", member()))["id"]
    body = {"targets": [target(owner)]}
    twice = {"targets": [target(owner), target(owner)]}
    return Example("targets/bulk", body, "target", "set", made=True, refused=twice)


async def _plan(_: Site) -> Example:
    return Example("plans", plan(), "plan", "saved", made=True, again="more")


async def _plan_external(_: Site) -> Example:
    return Example("plans/by-external/erp/1", plan(), "plan", "saved", made=True)


async def _plan_version(site: Site) -> Example:
    made = await site.sent("POST", "plans", plan())
    body = {"valid_from": "2018-01-01", "currency": "CNY", "components": [commission()]}
    early = {**body, "valid_from": "2016-01-01"}
    path = f"plans/{made['id']}/versions"
    return Example(path, body, "plan", "saved", again="refused", refused=early, version="*")


async def _assign(site: Site) -> Example:
    made = await site.sent("POST", "plans", plan())
    body = {"payee_ids": [SOMEBODY], "valid_from": "2017-01-01", "valid_to": None}
    path, early = f"plans/{made['id']}/assignments", {**body, "valid_from": "2016-01-01"}
    return Example(path, body, "plan_assignment", "assigned", made=True, refused=early)


async def _assign_end(site: Site) -> Example:
    first = await _assign(site)
    await site.sent("POST", first.path, first.body)
    body = {"payee_ids": [SOMEBODY], "valid_to": "2017-07-01"}
    stranger = {**body, "payee_ids": [str(new_id())]}
    return Example(f"{first.path}/end", body, "plan_assignment", "assigned", refused=stranger)


async def _retry(site: Site) -> Example:
    payee = new_id()
    await site.execute(SET_ASIDE, payee)
    path = f"recalculations/{payee}/retry"
    return Example(path, {}, "recalculation", "retried", again="refused")


async def _parked(site: Site) -> UUID:
    one = event(won((UUID(SOMEBODY), "1"), amount="9.00"), 7)

    async def work(conn: Connection) -> None:
        await conn.execute(
            "INSERT INTO watermark (consumer, source, partition, number)"
            " VALUES ('attainment', 'pipeline', 0, 99)"
        )
        await parking.park(conn, "attainment", one, RuntimeError("当时无法处理"))

    await site.database.transact(work)
    return derived_id("attainment", one.id)


async def _replay(site: Site) -> Example:
    path = f"parked/{await _parked(site)}/replay"
    return Example(path, {}, "parked_event", "replayed", again="refused")


async def _discard(site: Site) -> Example:
    path = f"parked/{await _parked(site)}/discard"
    return Example(path, {}, "parked_event", "discarded", again="refused")


async def _resume(site: Site) -> Example:
    await site.execute(STOPPED, new_id())
    body = {"after": 7, "event_id": str(new_id())}
    path = "consumers/wins/pipeline/0/resume"
    return Example(path, body, "consumer", "resumed", again="refused")


async def _repair(site: Site) -> Example:
    await site.execute(STOPPED, new_id())
    path = REPAIR.format(0).removeprefix("/v1/")
    return Example(path, {}, "consumer", "repaired", again="refused")


HOOK: Final = {"url": "https://erp.example.com/in?key=k3y-0f-theirs"}


async def _webhook_made(site: Site) -> str:
    made = await site.sent("POST", "webhooks", {**HOOK, "types": [f"pharos.{site.service}.*"]})
    return f"webhooks/{made['id']}"


async def _webhook(site: Site) -> Example:
    body = {**HOOK, "types": [f"pharos.{site.service}.*"], "description": "ERP 接收交易"}
    inside = {**body, "url": "https://10.0.0.1/"}
    return Example("webhooks", body, "webhook", "created", made=True, again="more", refused=inside)


async def _webhook_change(site: Site) -> Example:
    path, body = await _webhook_made(site), {"state": "paused", "description": "暂停"}
    unknown = {"types": ["pharos.nobody.*"]}
    return Example(path, body, "webhook", "changed", again="refused", refused=unknown, version=1)


async def _webhook_delete(site: Site) -> Example:
    path = await _webhook_made(site)
    return Example(path, {}, "webhook", "deleted", again="refused", gone=True, version=1)


async def _webhook_rotate(site: Site) -> Example:
    path, long = f"{await _webhook_made(site)}/secrets", {"overlap_hours": 1_000}
    return Example(path, {}, "webhook", "rotated", again="refused", refused=long, version=1)


async def _webhook_ping(site: Site) -> Example:
    path = f"{await _webhook_made(site)}/test"
    return Example(path, {}, "webhook_delivery", "pinged", made=True, again="more")


async def _delivery_replay(site: Site) -> Example:
    path = await _webhook_made(site)
    sent = await site.sent("POST", f"{path}/test", {})
    await site.execute("UPDATE webhook_delivery SET state = 'failed', settled_at = now()")
    path = f"{path}/deliveries/{sent['id']}/replay"
    return Example(path, {}, "webhook_delivery", "replayed", again="more")


async def _webhook_replay(site: Site) -> Example:
    path = await _webhook_made(site)
    await site.execute(LOGGED, new_id())
    path, endless = f"{path}/replay", {"partition": 0}
    return Example(
        path, {"after": 0}, "webhook", "replayed", made=True, again="more", refused=endless
    )


async def _cancel_import(site: Site) -> Example:
    begun = await site.sent("POST", "imports?noun=accounts&upload=chunks", {})
    return Example(f"operations/{begun['id']}/cancel", {}, "import", "cancelled")


async def _profile(site: Site) -> Example:
    def profile(title: str) -> Json:
        fields = {"external_id": {"column": "编号"}, "name": {"column": "名称"}}
        return {"title": title, "fields": fields}

    path = "import-profiles/accounts/erp"
    await site.sent("PUT", path, profile("客户"))
    refused: Json = {"fields": {"name": {}}}
    return Example(path, profile("客户资料"), "mapping_profile", "saved", refused=refused)


FILES: Final = frozenset(
    {
        "POST /v1/imports",
        "PUT /v1/imports/{import_id}/chunks/{number}",
        "POST /v1/imports/{import_id}/complete",
    }
)
"""Routes that take files: what they change is told row by row (tests/service/jobs/test_whose)."""

EXAMPLES: Final[Mapping[str, Mapping[str, Prepared]]] = {
    "pipeline": {
        "POST /v1/accounts": _account,
        "PUT /v1/accounts/by-external/{source}/{external_id:path}": _account_external,
        "PUT /v1/products/{code:path}": _product,
        "POST /v1/deals": _deal,
        "POST /v1/operations/{operation_id}/cancel": _cancel_import,
        "PUT /v1/import-profiles/{noun}/{name}": _profile,
        "PATCH /v1/deals/{deal_id}": _deal_edit,
        "POST /v1/deals/{deal_id}/transitions": _deal_move,
        "POST /v1/deals/bulk": _deal_bulk,
        "POST /v1/webhooks": _webhook,
        "PATCH /v1/webhooks/{webhook_id}": _webhook_change,
        "DELETE /v1/webhooks/{webhook_id}": _webhook_delete,
        "POST /v1/webhooks/{webhook_id}/secrets": _webhook_rotate,
        "POST /v1/webhooks/{webhook_id}/test": _webhook_ping,
        "POST /v1/webhooks/{webhook_id}/replay": _webhook_replay,
        "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": _delivery_replay,
    },
    "targets": {
        "POST /v1/units": _unit,
        "PUT /v1/units/{unit_id}": _unit_change,
        "PUT /v1/units/by-external/{source}/{external_id:path}": _unit_external,
        "POST /v1/members": _member,
        "PUT /v1/members/{member_id}": _member_change,
        "PUT /v1/members/by-external/{source}/{external_id:path}": _member_external,
        "PUT /v1/targets": _target,
        "POST /v1/targets/bulk": _target_bulk,
        "POST /v1/parked/{parked_id}/replay": _replay,
        "POST /v1/parked/{parked_id}/discard": _discard,
    },
    "performance": {
        "POST /v1/plans": _plan,
        "PUT /v1/plans/by-external/{source}/{external_id:path}": _plan_external,
        "POST /v1/plans/{plan_id}/versions": _plan_version,
        "POST /v1/plans/{plan_id}/assignments": _assign,
        "POST /v1/plans/{plan_id}/assignments/end": _assign_end,
        "POST /v1/recalculations/{payee_id}/retry": _retry,
    },
    "knowledge": {
        "POST /v1/consumers/{consumer}/{source}/{partition}/resume": _resume,
        "POST /v1/consumers/{consumer}/{source}/{partition}/repair": _repair,
    },
}
"""By service and route. A route of the chassis is told once, in the service that shows it best."""
