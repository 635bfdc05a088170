"""The pages behind the `type` of a problem."""

from collections.abc import Iterable
from html import escape
from typing import Final

from fastapi.responses import HTMLResponse

from shared.errors import Language
from shared.field_words import Words
from shared.http.documents.html import page
from shared.http.documents.problem_types import ProblemType

_ALL: Final = Words("All problems", "全部问题类型")
_TITLE: Final = Words("Problems of {service}", "{service} 服务的问题类型")
_LEAD: Final = Words(
    "Everything that this service answers instead of a success. Programs go by the code, which"
    " never changes its meaning.",
    "本服务在请求未成功时可能返回的全部问题。程序应依据代码判断，其含义不会改变。",
)
_CODE: Final = Words("Code", "代码")
_STATUS: Final = Words("HTTP status", "HTTP 状态码")
_TEXT: Final = Words("What it says", "说明内容")
_TEXT_LEAD: Final = Words(
    "What it says; the facts of the case stand in place of the braces.",
    "说明内容；花括号处为具体情况的数据。",
)
_ADVICE: Final = Words("What to do", "如何处理")
_AGAIN: Final = Words("Does trying again help?", "重试是否有用？")
_YES: Final = Words(
    "Yes: the same request may succeed a little later.",
    "是：稍后重发同一请求可能成功。",
)
_NO: Final = Words("No, not with the same request.", "否：原样重发不会成功。")


def one(problem: ProblemType, language: Language) -> HTMLResponse:
    """Return the page of one problem type."""
    rows = (
        (_CODE, f"<code>{escape(problem.code)}</code>"),
        (_STATUS, f'<span class="status">{problem.status}</span>'),
        (_TEXT_LEAD, escape(problem.text.text(language))),
        (_ADVICE, escape(problem.advice.text(language))),
        (_AGAIN, escape((_YES if problem.retryable else _NO).text(language))),
    )
    cards = "".join(
        f'<h2>{escape(head.text(language))}</h2><div class="card">{text}</div>'
        for head, text in rows
    )
    title = problem.title.text(language)
    return page(
        f"{title} · {problem.code}",
        f"<h1>{escape(title)}</h1>{cards}",
        language,
        home=(f"../problems?lang={language}", _ALL.text(language)),
    )


def index(service: str, problems: Iterable[ProblemType], language: Language) -> HTMLResponse:
    """Return the page that lists all problem types of a service."""
    head = "".join(f"<th>{escape(word.text(language))}</th>" for word in (_CODE, _STATUS, _TEXT))
    rows = "".join(
        f'<tr><td><a href="problems/{problem.code}?lang={language}">'
        f"<code>{escape(problem.code)}</code></a></td>"
        f'<td class="status">{problem.status}</td>'
        f"<td>{escape(problem.text.text(language))}</td></tr>"
        for problem in problems
    )
    title = _TITLE.text(language).format(service=service)
    lead = escape(_LEAD.text(language))
    body = f'<h1>{escape(title)}</h1><p class="lead">{lead}</p><table><tr>{head}</tr>{rows}</table>'
    return page(title, body, language)
