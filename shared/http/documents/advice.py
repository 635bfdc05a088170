"""What a caller does about a problem, by its kind; the text of each problem says the particular."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.errors import Kind
from shared.field_words import Words

ADVICE: Final[Mapping[Kind, Words]] = MappingProxyType(
    {
        Kind.INVALID: Words(
            "Change what `errors` points at and send the request again. As it is, it fails again.",
            "请修改 errors 指出的内容后重新发送；原样重发仍会失败。",
        ),
        Kind.FORBIDDEN: Words(
            "Ask an administrator for a role that may do this, or somebody who has one.",
            "请向管理员申请可执行此操作的角色，或请有权限的人代为操作。",
        ),
        Kind.UNAUTHENTICATED: Words(
            "Get a new access token from the issuer and send the request with it.",
            "请向签发服务获取新的访问令牌，并携带它重新发送请求。",
        ),
        Kind.NOT_FOUND: Words(
            "Check the ids in the address and in the body; what you may not see is not found.",
            "请检查地址和请求体中的 ID；您无权查看的内容同样显示为未找到。",
        ),
        Kind.CONFLICT: Words(
            "Read the present state, decide again, and send a new request.",
            "请读取当前状态，重新判断后再发送新的请求。",
        ),
        Kind.REFUSED: Words(
            "Do first what the text names; the same request succeeds once the state allows it.",
            "请先完成文中所述的操作；状态允许后，同一请求即可成功。",
        ),
        Kind.PRECONDITION_FAILED: Words(
            "Read it again, look at what others changed, and send your change with the new ETag.",
            "请重新读取，查看他人的更改，再携带新的 ETag 提交您的更改。",
        ),
        Kind.PRECONDITION_REQUIRED: Words(
            "Send the header that the text names; a retry without it fails again.",
            "请带上文中所述的请求头；缺少它的重试仍会失败。",
        ),
        Kind.GONE: Words(
            "Go on from what the text names; trying again brings nothing back.",
            "请从文中所述之处继续；重试无法找回已删除的内容。",
        ),
        Kind.TOO_LARGE: Words(
            "Split the request into smaller ones.",
            "请将请求拆分成更小的请求。",
        ),
        Kind.TOO_MANY_REQUESTS: Words(
            "Wait as long as the Retry-After header says, then send the same request again.",
            "请按 Retry-After 响应头等待，然后重新发送同一请求。",
        ),
        Kind.UNAVAILABLE: Words(
            "Wait as long as the Retry-After header says and send the same request again, with the"
            " same Idempotency-Key if it had one.",
            "请按 Retry-After 响应头等待后重新发送同一请求；若带有 Idempotency-Key，请保持不变。",
        ),
    }
)
