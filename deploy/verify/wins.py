"""Knowledge's count of won deals, by quarter and partition."""

from collections import Counter

from deploy.verify.facts import Facts, Places
from deploy.verify.findings import Report
from deploy.verify.quarters import FiscalCalendar, quarter_of
from deploy.verify.reading import Tables


def check_wins(
    report: Report, tables: Tables, facts: Facts, places: Places, calendar: FiscalCalendar
) -> None:
    """Count the won deals again."""
    report.checked["win_counts"] += len(tables["win_count"])
    counted: Counter[tuple[str, int]] = Counter()
    for fact_id, deal in facts.items():
        if deal.won_on is not None:
            counted[quarter_of(calendar, deal.won_on).name, places[fact_id]] += 1
    rows = {(row["period"], row["partition"]): row["deals"] for row in tables["win_count"]}
    for place in sorted(rows.keys() | counted.keys()):
        where = f"knowledge.win_count {place[0]} partition {place[1]}"
        report.equal("win_count.deals", where, rows.get(place, 0), counted.get(place, 0))
