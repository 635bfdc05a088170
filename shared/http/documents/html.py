"""Pages for people: plain HTML with one style and no script, in English and Chinese."""

import base64
import hashlib
from html import escape
from typing import Final

from fastapi.responses import HTMLResponse

from shared.errors import Language
from shared.field_words import Words

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b2733; --dim: #5a6b7b; --line: #d9e0e7; --bg: #fbfcfd;
  --card: #fff; --accent: #0b6bcb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #93a4b5; --line: #2c3846;
  --bg: #0f161d; --card: #161f29; --accent: #6cb2ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); line-height: 1.6;
  font-family: system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
nav { display: flex; justify-content: space-between; gap: 1rem; color: var(--dim); }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
h1 { font-size: 1.7rem; margin: 1.2rem 0 .3rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .92em; }
.lead { color: var(--dim); margin: 0 0 1.5rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem 1.25rem; margin: .8rem 0; }
table { width: 100%; border-collapse: collapse; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; overflow: hidden; }
th, td { text-align: left; vertical-align: top; padding: .55rem .8rem;
  border-top: 1px solid var(--line); } tr:first-child > * { border-top: 0; }
th { color: var(--dim); font-weight: 600; white-space: nowrap; }
.status { font-variant-numeric: tabular-nums; font-weight: 600; }
"""
_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_OTHER: Final = Words("中文", "English")
_TAGS: Final = Words("en", "zh-Hans")


def page(
    title: str, body: str, language: Language, *, home: tuple[str, str] | None = None
) -> HTMLResponse:
    """Return a page. ``title`` is plain text, ``body`` HTML; ``home`` a link and its text."""
    other = "en" if language == "zh" else "zh"
    back = "" if home is None else f'<a href="{escape(home[0])}">{escape(home[1])}</a>'
    # The switch stays on this page, wherever it is mounted.
    switch = f'<a href="?lang={other}" hreflang="{other}">{_OTHER.text(language)}</a>'
    return HTMLResponse(
        f'<!doctype html><html lang="{_TAGS.text(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<nav><span>{back}</span>{switch}</nav>{body}</main></body></html>\n",
        headers={
            "Content-Security-Policy": POLICY,
            "Content-Language": language,
            "Vary": "Accept, Accept-Language",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        },
    )
