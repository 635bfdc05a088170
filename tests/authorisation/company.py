"""A small company, and by hand: whom each of its people reaches today."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from shared import clock

TODAY: Final = clock.now().date()
YESTERDAY: Final = TODAY - timedelta(days=1)
TOMORROW: Final = TODAY + timedelta(days=1)
LONG_AGO: Final = date(2020, 1, 1)

UNITS: Final[Mapping[str, str | None]] = {
    "北辰集团": None,
    "华东大区": "北辰集团",
    "上海一队": "华东大区",
    "杭州二队": "华东大区",
}


@dataclass(frozen=True)
class Post:
    """Where somebody belongs from a day on."""

    unit: str | None
    leads: bool = False
    since: date = LONG_AGO


MEMBERS: Final[Mapping[str, tuple[Post, ...]]] = {
    "高总": (Post("北辰集团", leads=True),),
    "林总监": (Post("华东大区", leads=True),),
    "陈队长": (Post("上海一队", leads=True),),
    "李副队": (Post("上海一队", leads=True),),  # leads beside 陈队长: neither is below the other
    "周销售": (Post("上海一队"),),
    "吴销售": (Post("上海一队"),),
    "孙队长": (Post("杭州二队", leads=True),),
    "钱销售": (Post("杭州二队"),),
    "陆调入": (Post("上海一队"), Post("杭州二队", since=YESTERDAY)),  # moved
    "马将调": (Post("上海一队"), Post("杭州二队", since=TOMORROW)),  # will move
    "何无队": (),
    "冯离职": (Post("上海一队"), Post(None, since=date(2024, 1, 1))),
}


@dataclass(frozen=True)
class Reach:
    """Whose rows somebody sees, by name."""

    role: str
    members: frozenset[str]
    units: frozenset[str] = frozenset()


def _reach(role: str, members: str, units: str = "") -> Reach:
    return Reach(role, frozenset(members.split()), frozenset(units.split()))


SHANGHAI: Final = "周销售 吴销售 马将调"
HANGZHOU: Final = "钱销售 陆调入"
TEAMS: Final = f"陈队长 李副队 孙队长 {SHANGHAI} {HANGZHOU}"

REACHES: Final[Mapping[str, Reach]] = {
    "周销售": _reach("rep", "周销售"),
    "钱销售": _reach("rep", "钱销售"),
    "何无队": _reach("rep", "何无队"),
    "冯离职": _reach("rep", "冯离职"),
    "陈队长": _reach("manager", f"陈队长 {SHANGHAI}", "上海一队"),
    "孙队长": _reach("manager", f"孙队长 {HANGZHOU}", "杭州二队"),
    "林总监": _reach("manager", f"林总监 {TEAMS}", "华东大区 上海一队 杭州二队"),
    "高总": _reach("manager", f"高总 林总监 {TEAMS}", " ".join(UNITS)),
    "吴销售": _reach("manager", "吴销售"),  # the role alone leads nobody
    "外人": _reach("rep", ""),  # no member at all
}
"""Who asks, in which role, and whose rows are within reach. Nobody sees the row of no one."""
