"""What the verifier says to people, in English and Chinese: one table of templates."""

from collections.abc import Mapping
from typing import Final

from deploy.verify.findings import Finding, Kind, Report

Words = tuple[str, str]
LANGUAGES: Final = ("en", "zh")

_OF_KIND: Final[Mapping[Kind, Words]] = {
    Kind.WRONG: (
        "wrong: {where}: says {says}, should say {should_say} ({check})",
        "错误：{where}：记录为 {says}，应为 {should_say}（{check}）",
    ),
    Kind.OPEN: (
        "not yet followed: {where}: says {says}, will say {should_say} ({check})",
        "尚未跟上：{where}：记录为 {says}，将为 {should_say}（{check}）",
    ),
}
_OF_CHECK: Final[Mapping[str, Words]] = {
    "log.not_numbered": (
        "not yet followed: {where} has no number yet",
        "尚未跟上：{where} 还没有编号",
    ),
    "watermark.behind": (
        "not yet followed: {where} is at {says} of {should_say}",
        "尚未跟上：{where} 处于 {says}，共 {should_say}",
    ),
    "watermark.stopped": (
        "stopped, an operator must repair it: {where}: {says}",
        "已停止，需要运维人员修复：{where}：{says}",
    ),
    "audit.unsealed": (
        "not yet followed: {where} has waited {says} to be sealed",
        "尚未跟上：{where} 已等待封存 {says}",
    ),
    "parked.waits": (
        "parked, replay or discard it: {where}: {says}",
        "已搁置，请重放或丢弃：{where}：{says}",
    ),
    "event.unreadable": (
        "cannot be read, and was put aside: {where}: {says}",
        "无法读取，已搁置：{where}：{says}",
    ),
    "recalculation.waits": (
        "not yet followed: {where} waits to be worked out",
        "尚未跟上：{where} 等待重新计算",
    ),
    "recalculation.failed": (
        "could not be worked out: {where}: {says}",
        "无法计算：{where}：{says}",
    ),
    "attainment.reorganised": (
        "not yet followed: {where} waits for a change of the organisation",
        "尚未跟上：{where} 等待组织变更生效",
    ),
    "attainment.repost": (
        "not yet followed: {where} waits to be posted again",
        "尚未跟上：{where} 等待重新过账",
    ),
}
_COUNTED: Final[Mapping[str, Words]] = {
    "deals": ("deals", "笔商机"),
    "accounts": ("accounts", "个客户"),
    "products": ("products", "个产品"),
    "events": ("events", "个事件"),
    "watermarks": ("watermarks", "个水位"),
    "parked": ("parked events", "个搁置事件"),
    "facts": ("facts", "个事实"),
    "units": ("units", "个组织单元"),
    "members": ("members", "名成员"),
    "directory": ("lines of directories", "条目录记录"),
    "targets": ("targets", "个目标"),
    "attainments": ("attainments", "项达成"),
    "parents": ("sums over teams", "项团队合计"),
    "attainment_entries": ("attainment entries", "条达成分录"),
    "credits": ("credits", "条业绩归属"),
    "quotas": ("quotas", "个考核目标"),
    "plans": ("plans", "个激励方案"),
    "plan_assignments": ("assignments", "项方案分配"),
    "incentives": ("incentives", "项激励"),
    "incentive_entries": ("incentive entries", "条激励分录"),
    "win_counts": ("counts of wins", "项成交计数"),
    "audit_rows": ("audited changes", "条变更记录"),
    "audit_blocks": ("blocks", "个区块"),
    "audit_pending": ("unsealed changes", "条未封存变更"),
    "idempotency_keys": ("idempotency keys", "个幂等键"),
}
_SUMMARY: Final[Words] = (
    "Checked {counts}: {wrong:,} wrong, {open:,} open.",
    "已核对 {counts}：{wrong:,} 处错误，{open:,} 处未完成。",
)


def sentence(finding: Finding, language: str) -> str:
    """Return a finding in words."""
    words = _OF_KIND[finding.kind]
    if finding.kind is Kind.OPEN:
        words = _OF_CHECK.get(finding.check, words)
    return words[LANGUAGES.index(language)].format(
        where=finding.where,
        says=finding.says,
        should_say=finding.should_say,
        check=finding.check,
    )


def summary(report: Report, language: str) -> str:
    """Return how much was checked, and how much of it is wrong or open."""
    place = LANGUAGES.index(language)
    counts = [
        f"{report.checked[what]:,} {words[place]}"
        for what, words in _COUNTED.items()
        if report.checked[what]
    ]
    return _SUMMARY[place].format(
        counts=("、" if language == "zh" else ", ").join(counts) or "0",
        wrong=len(report.of_kind(Kind.WRONG)),
        open=len(report.of_kind(Kind.OPEN)),
    )
