"""Deals, accounts and products: each row is what was last told of it, and holds together."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from deploy.verify.deals import Deal, Unreadable, check_deal, deal_of
from deploy.verify.findings import NOTHING, Report
from deploy.verify.reading import Row, Tables
from deploy.verify.told import DEAL_NAMES, Log, Told


def check_pipeline(report: Report, tables: Tables, log: Log) -> None:
    """Check all rows of the pipeline, and every version of a deal that it has told."""
    for told in log.events:
        if told.name in DEAL_NAMES:
            _check_version(report, told)
    for noun, names in (
        ("deal", DEAL_NAMES),
        ("account", ("account.saved",)),
        ("product", ("product.saved",)),
    ):
        report.checked[f"{noun}s"] += len(tables[noun])
        last = {told.subject: told for told in log.last(*names)}
        rows = {row["id"]: row for row in tables[noun]}
        for key in sorted(rows.keys() | last.keys()):
            where = f"pipeline.{noun} {key}"
            row, told_last = rows.get(key), last.get(key)
            if row is None:
                report.wrong(f"{noun}.missing", where, NOTHING, told_last and told_last.place)
            elif told_last is not None:
                _check_told(report, where, noun, row, told_last)
            elif not log.is_forgotten(key):
                report.wrong(f"{noun}.untold", where, row["version"], NOTHING)
    _check_known(report, tables)


def _check_version(report: Report, told: Told) -> None:
    try:
        check_deal(report, told.place, deal_of(told.text), told.name)
    except Unreadable as error:
        report.wrong("deal.payload", told.place, error, "a deal")


def _check_told(report: Report, where: str, noun: str, row: Row, told: Told) -> None:
    try:
        said = _deal_said(deal_of(told.text)) if noun == "deal" else _said(noun, told.payload)
        says = _deal_row(row) if noun == "deal" else _row(noun, row)
    except (Unreadable, KeyError, TypeError, ValueError, ArithmeticError) as error:
        report.wrong(f"{noun}.unreadable", where, repr(error), told.place)
        return
    for field, value in said.items():
        report.equal(f"{noun}.{field}", where, says[field], value)


def _deal_said(deal: Deal) -> dict[str, Any]:
    return {
        "version": deal.version,
        "name": deal.name,
        "stage": deal.stage,
        "owner_id": deal.owner_id,
        "account_id": deal.account_id,
        "amount": deal.amount,
        "currency": deal.currency,
        "lines": [(line.product_id, line.quantity, line.amount) for line in deal.lines],
        "shares": [(part.member_id, part.share) for part in deal.parts],
        "opened_on": deal.opened_on,
        "closed_on": deal.closed_on,
    }


def _deal_row(row: Row) -> dict[str, Any]:
    return {
        **row,
        "lines": [
            (UUID(line["product_id"]), Decimal(line["quantity"]), Decimal(line["amount"]))
            for line in json.loads(row["lines"])
        ],
        "shares": [
            (UUID(share["member_id"]), Decimal(share["share"]))
            for share in json.loads(row["shares"])
        ],
    }


def _said(noun: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    said = {"version": payload["version"], "name": payload["name"]}
    if noun == "product":
        price = payload["list_price"]
        said |= {"code": payload["code"], "line": payload["line"]}
        said["price"] = None if price is None else (Decimal(price["amount"]), price["currency"])
    return said


def _row(noun: str, row: Row) -> dict[str, Any]:
    if noun != "product":
        return row
    price = row["list_price"]
    return {**row, "price": None if price is None else (price, row["currency"])}


def _check_known(report: Report, tables: Tables) -> None:
    """Check that what deals name is there, and that lines and shares add up in the row too."""
    accounts = {None, *(row["id"] for row in tables["account"])}
    products = {str(row["id"]) for row in tables["product"]}
    for row in tables["deal"]:
        where = f"pipeline.deal {row['id']}"
        is_known = row["account_id"] in accounts
        report.holds("deal.account", where, row["account_id"], "an account", true=is_known)
        lines, shares = json.loads(row["lines"]), json.loads(row["shares"])
        for line in lines:
            is_known = line.get("product_id") in products
            report.holds("deal.product", where, line, "a product", true=is_known)
        if lines:
            total = sum(_numbers(lines, "amount"), Decimal(0))
            report.equal("deal.lines", where, total, row["amount"])
        total = sum(_numbers(shares, "share"), Decimal(0))
        report.equal("deal.shares", where, total, Decimal(1))


def _numbers(parts: list[dict[str, str]], field: str) -> Iterator[Decimal]:
    return (Decimal(part[field]) for part in parts)
