"""What the terminal shows of the chain and of a statement; it reads without colours, too."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table

from deploy.demo.chain import ATTAINMENT, Told
from deploy.demo.client import Json
from deploy.demo.statement import Statement, Sums
from shared.money import Money
from shared.ratio import Ratio

NARROW = 76
"""Below so many columns the figures are shown without those of before."""

_NAMES = {True: "attained 达成", False: "earned 提成"}


def heading(console: Console, text: str) -> None:
    """Begin a part of the output."""
    console.print()
    console.rule(f"[bold]{text}", align="left", characters="─")


def table(*columns: str, numbers: Iterable[int] = ()) -> Table:
    """Return a table without frame; the numbered columns hold figures."""
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for place, name in enumerate(columns):
        right = place in numbers
        made.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=right)
    return made


def amount(money: Money | Json | None) -> str:
    """Return an amount for people: 1,234.50, a dash for none."""
    if money is None:
        return "—"
    if not isinstance(money, Money):
        money = Money.of(money["amount"], money["currency"])
    whole, _, places = money.text.partition(".")
    return f"{int(whole):,}" + (f".{places}" if places else "")


def percent(share: Ratio | str | None) -> str:
    """Return a share for people: 125.00%, a dash for none."""
    if share is None:
        return "—"
    return (share if isinstance(share, Ratio) else Ratio(share)).percent()


def told(console: Console, number: int, seen: Told) -> None:
    """Show a step: the request, the event, and every figure that followed, with its delay."""
    console.print()
    console.print(f"[bold]{number}  {seen.step.title}", highlight=False)
    before = console.width >= NARROW
    headings = ["before\n之前"] * before + ["after\n之后", "\n达成率"]
    shown = table("ms", "", "", *headings, numbers=(0, *range(3, 3 + len(headings))))
    shown.add_row("0.0", "HTTP 200", f"in {seen.answer_milliseconds} ms 应答")
    shown.add_row(f"+{seen.event_milliseconds}", "event 事件", f"pipeline #{seen.event_number}")
    for moved in sorted(seen.moved, key=lambda change: change.milliseconds):
        figures = [amount(moved.before.rounded())] * before
        figures += [f"[bold]{amount(moved.after.rounded())}[/]", percent(moved.attainment)]
        kind = _NAMES[moved.figure.kind == ATTAINMENT]
        shown.add_row(f"+{moved.milliseconds}", kind, moved.figure.name, *figures)
    console.print(shown)


def delays(console: Console, seen: Sequence[Told]) -> None:
    """Show how long the figures took over all steps: median and longest."""
    heading(console, "From the HTTP answer to the figure, ms · 从应答到数字更新（毫秒）")
    shown = table("", "median\n中位", "longest\n最长", numbers=(1, 2))
    events = [step.event_milliseconds for step in seen]
    shown.add_row("event in the feed 事件", *_spread(events))
    for attainment, name in _NAMES.items():
        taken = [
            moved.milliseconds
            for step in seen
            for moved in step.moved
            if (moved.figure.kind == ATTAINMENT) is attainment
        ]
        shown.add_row(name, *_spread(taken))
    console.print(shown)


def _spread(taken: Sequence[Decimal]) -> tuple[str, str]:
    return f"{median(taken):.1f}", f"{max(taken):.1f}"


def statement(console: Console, name: str, read: Statement, deals: Mapping[str, str]) -> None:
    """Show a statement: every line with its reason, and the deals behind it by their names."""
    document = read.document
    heading(console, f"Statement 结算单 · {name} · {document['period']}")
    for component in read.components:
        console.print(
            f"{component['component']}: measured 业绩 {amount(component['measured'])}, "
            f"quota 目标 {amount(component['quota'])}, "
            f"attainment 达成率 {percent(component['attainment'])}",
            highlight=False,
        )
        lines = table("amount\n金额", "why\n依据", numbers=(0,))
        for line in component["lines"]:
            lines.add_row(amount(line["amount"]), f"{line['text']['en']}\n{line['text']['zh']}")
        for note in component["notes"]:
            lines.add_row("", f"{note['text']['en']}\n{note['text']['zh']}")
        console.print(lines)
        console.print(_credits(component["credits"], deals))


def _credits(credited: Sequence[Json], deals: Mapping[str, str]) -> Table:
    shown = table(
        "day\n日期",
        "deal\n商机",
        "credit\n业绩",
        "cumulative\n累计",
        "brought\n提成",
        numbers=(2, 3, 4),
    )
    for credit in credited:
        shown.add_row(
            credit["occurred_on"],
            deals.get(credit["fact_id"], credit["fact_id"]),
            amount(credit["amount"]),
            amount(credit["cumulative"]),
            amount(credit["commission"]),
        )
    return shown


def ledger(console: Console, read: Statement, found: Iterable[Sums]) -> None:
    """Show the ledger behind a statement, entry by entry, and that its sums agree."""
    shown = table("posted\n入账", "tier\n档", "cause\n原因", "amount\n金额", numbers=(1, 3))
    for entry in read.entries:
        cause = f"{entry['source']} #{entry['first']}" if entry["first"] else entry["source"]
        if entry["last"] != entry["first"]:
            cause += f"–{entry['last']}"
        shown.add_row(entry["posted_at"][11:23], str(entry["tier"]), cause, amount(entry["amount"]))
    console.print("Ledger 台账 (append-only; corrections are entries, too)", highlight=False)
    console.print(shown)
    for total in found:
        deals = "" if total.credits is None else f" = deals 商机 {amount(total.credits)}"
        console.print(
            f"[bold]{amount(total.amount)}[/] = lines 明细 {amount(total.lines)}{deals}"
            f" = ledger 台账 {amount(total.ledger)}  [green]sums agree 相符[/]",
            highlight=False,
        )
