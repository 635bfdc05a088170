"""What a failure is called: a title for every kind, and all words where only a status is known."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from shared.errors import Kind
from shared.field_words import Words

TITLES: Final[Mapping[Kind, Words]] = MappingProxyType(
    {
        Kind.INVALID: Words("The request is not valid", "请求内容无效"),
        Kind.FORBIDDEN: Words("Not allowed", "没有权限"),
        Kind.UNAUTHENTICATED: Words("Not signed in", "未登录"),
        Kind.NOT_FOUND: Words("Not found", "未找到"),
        Kind.CONFLICT: Words("In conflict with another request", "与其他请求冲突"),
        Kind.REFUSED: Words("Not possible in the present state", "当前状态下不能执行"),
        Kind.PRECONDITION_FAILED: Words("Changed in the meantime", "内容已被更改"),
        Kind.PRECONDITION_REQUIRED: Words("A precondition is required", "缺少前提条件"),
        Kind.GONE: Words("No longer there", "已不存在"),
        Kind.TOO_LARGE: Words("Too large", "请求过大"),
        Kind.TOO_MANY_REQUESTS: Words("Too many requests", "请求过于频繁"),
        Kind.UNAVAILABLE: Words("Not available at the moment", "暂时不可用"),
    }
)
INVALID_REQUEST_CODE: Final = "invalid_request"
INVALID_REQUEST: Final = Words(
    "Places in the request that need a change: {count}. See errors.",
    "请求中有 {count} 处需要修改，详见 errors。",
)


class StatusWords(NamedTuple):
    """Code, title and detail of a failure of which only the status is known."""

    code: str
    title: Words
    detail: Words


ANY_REFUSAL: Final = StatusWords(
    "request_refused",
    Words("The request cannot be served", "无法处理该请求"),
    Words(
        "Check the request against the API description.",
        "请对照接口说明检查该请求。",
    ),
)
ANY_FAILURE: Final = StatusWords(
    "internal_error",
    Words("Something failed on our side", "服务内部出错"),
    Words(
        "It is not your request. Try again later; quote the trace id when you report it.",
        "问题不在您的请求。请稍后重试；报告问题时请附上 trace_id。",
    ),
)
STATUS_WORDS: Final[Mapping[int, StatusWords]] = MappingProxyType(
    {
        400: StatusWords(
            "request_unreadable",
            Words("The request cannot be read", "无法读取该请求"),
            Words(
                "Send JSON in UTF-8 that is not nested too deeply.",
                "请发送 UTF-8 编码且嵌套不过深的 JSON。",
            ),
        ),
        401: StatusWords(
            "unauthenticated",
            TITLES[Kind.UNAUTHENTICATED],
            Words("Send a valid access token.", "请提供有效的访问令牌。"),
        ),
        403: StatusWords(
            "forbidden",
            TITLES[Kind.FORBIDDEN],
            Words("You may not do this.", "您没有执行此操作的权限。"),
        ),
        404: StatusWords(
            "route_not_found",
            TITLES[Kind.NOT_FOUND],
            Words(
                "There is nothing at this address. Check it against the API description.",
                "该地址没有内容，请对照接口说明检查。",
            ),
        ),
        405: StatusWords(
            "method_not_allowed",
            Words("Method not allowed", "不支持该方法"),
            Words(
                "This address takes other methods; the Allow header lists them.",
                "该地址支持其他方法，见 Allow 响应头。",
            ),
        ),
        408: StatusWords(
            "request_timeout",
            Words("The request took too long", "请求超时"),
            Words("Send the request again, faster.", "请重新发送请求。"),
        ),
        413: StatusWords(
            "request_too_large",
            TITLES[Kind.TOO_LARGE],
            Words("Send less at a time.", "请减少单次发送的内容。"),
        ),
        414: StatusWords(
            "address_too_long",
            TITLES[Kind.TOO_LARGE],
            Words("Send a shorter address.", "请缩短请求地址。"),
        ),
        415: StatusWords(
            "media_type_not_supported",
            Words("Media type not supported", "不支持该媒体类型"),
            Words(
                'Send JSON in UTF-8, with the header "Content-Type: application/json".',
                '请发送 UTF-8 编码的 JSON，并带上请求头 "Content-Type: application/json"。',
            ),
        ),
        429: StatusWords(
            "too_many_requests",
            TITLES[Kind.TOO_MANY_REQUESTS],
            Words(
                "Wait as long as the Retry-After header says.",
                "请按 Retry-After 响应头等待后重试。",
            ),
        ),
        431: StatusWords(
            "headers_too_large",
            TITLES[Kind.TOO_LARGE],
            Words("Send fewer or shorter headers.", "请减少或缩短请求头。"),
        ),
        503: StatusWords(
            "unavailable",
            TITLES[Kind.UNAVAILABLE],
            Words("Try again in a moment.", "请稍后重试。"),
        ),
    }
)
RETRYABLE_STATUSES: Final = frozenset({408, 429, 503})
"""Where only a status is known: those after which the same request may succeed."""


def of_status(status: int) -> StatusWords:
    """The words for a status, those of its class when it has none of its own."""
    return STATUS_WORDS.get(status, ANY_FAILURE if status >= 500 else ANY_REFUSAL)
