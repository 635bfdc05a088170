"""What the operators' commands say, in English and Chinese."""

import os
from typing import Final, Literal, NamedTuple

Language = Literal["en", "zh"]


class Words(NamedTuple):
    """A sentence with places for its facts, in both languages."""

    en: str
    zh: str


WORDS: Final[dict[str, Words]] = {
    "nothing_runs": Words(
        en="Nothing runs in {folder}: it has no address file. Start it with `make run`.",
        zh="{folder} 中没有正在运行的系统（缺少 address 文件）。请先执行 `make run`。",
    ),
    "not_told": Words(
        en="Say where the services are: --data FOLDER for a local run, or the variables {names}.",
        zh="请说明服务的位置：本机运行用 --data 目录，其他情况设置环境变量 {names}。",
    ),
    "services_unreadable": Words(
        en='PHAROS_SERVICES must be JSON such as {{"pipeline": "https://…/pipeline"}}.',
        zh='PHAROS_SERVICES 必须是 JSON，例如 {{"pipeline": "https://…/pipeline"}}。',
    ),
    "no_token": Words(
        en="The token issuer at {url} gave no token ({reason}). Is the installation running?",
        zh="令牌签发服务 {url} 未签发令牌（{reason}）。系统是否在运行？",
    ),
    "no_answer": Words(
        en="{service} at {url} does not answer: {reason}.",
        zh="{service}（{url}）没有响应：{reason}。",
    ),
    "refused": Words(
        en="{service} refused {path}: {reason}",
        zh="{service} 拒绝了 {path}：{reason}",
    ),
    "unknown_service": Words(
        en="There is no service {service}; there are {names}.",
        zh="没有服务 {service}；可用的有 {names}。",
    ),
    "id_or_all": Words(
        en="Name the id of a parked event, or --all with at least one of --service, "
        "--consumer, --source, --reason.",
        zh="请给出搁置事件的编号，或使用 --all 并至少指定 "
        "--service、--consumer、--source、--reason 之一。",
    ),
    "no_parked": Words(
        en="There is no parked event of this kind.",
        zh="没有符合条件的搁置事件。",
    ),
    "parked_line": Words(
        en="{id}  {service} {consumer}  {source} {partition}/{number}  {type}  {parked_at}  "
        "{state}",
        zh="{id}  {service} {consumer}  {source} {partition}/{number}  {type}  {parked_at}  "
        "{state}",
    ),
    "parked_reason": Words(
        en="    reason: {reason}",
        zh="    原因：{reason}",
    ),
    "settled": Words(
        en="{id}: {state}.",
        zh="{id}：已处理（{state}）。",
    ),
    "not_settled": Words(
        en="{id}: {reason}",
        zh="{id}：{reason}",
    ),
    "consumer_line": Words(
        en="{service} {consumer} of {source}, partition {partition}: at event {number}, "
        "{lag} behind{stopped}",
        zh="{service} 的消费者 {consumer}（来源 {source}，分区 {partition}）：位于事件 "
        "{number}，落后 {lag}{stopped}",
    ),
    "consumer_is_stopped": Words(
        en=" — STOPPED: {reason}",
        zh=" — 已停止：{reason}",
    ),
    "none_stopped": Words(
        en="No consumer is stopped.",
        zh="没有已停止的消费者。",
    ),
    "not_such_consumer": Words(
        en="There is no consumer {consumer} in {service}.",
        zh="{service} 中没有消费者 {consumer}。",
    ),
    "name_or_all": Words(
        en="Name the service and its consumer, or say --all.",
        zh="请给出服务与消费者名称，或使用 --all。",
    ),
    "one_at_a_time": Words(
        en="--from-number is for one consumer and partition: name them.",
        zh="--from-number 只能用于一个消费者的一个分区，请明确指定。",
    ),
    "repairing": Words(
        en="{service} {consumer}: stopped at event {number} of {source}, whose log ends at "
        "{head}. It is brought to what {source} holds now.",
        zh="{service} {consumer}：停在 {source} 的事件 {number}，来源日志止于 {head}。现按 "
        "{source} 当前的数据修复。",
    ),
    "repaired": Words(
        en="{service} {consumer}: {corrected} facts were not what {source} says and are "
        "now; {discarded} parked events were settled. It goes on behind event {number}.",
        zh="{service} {consumer}：{corrected} 条数据与 {source} 不符，已更正；{discarded} "
        "个搁置事件已了结。从事件 {number} 之后继续。",
    ),
    "resumed": Words(
        en="{service} {consumer} goes on behind event {number} of {source}. Facts that the "
        "source does not have any more were NOT taken back.",
        zh="{service} {consumer} 从 {source} 的事件 {number} 之后继续。来源已没有的数据并未撤回。",
    ),
    "no_such_event": Words(
        en="{source} has no event {number} any more; it keeps none, or only later ones. "
        "Leave --from-number out to be brought to what it holds now.",
        zh="{source} 已没有事件 {number}。请去掉 --from-number，按来源当前数据修复。",
    ),
    "retried": Words(
        en="{payee_id}: will be worked out again from {since}.",
        zh="{payee_id}：将从 {since} 起重新计算。",
    ),
    "payee_line": Words(
        en="{payee_id}  since {since}, set aside {failed_at}: {reason}",
        zh="{payee_id}  自 {since} 起，{failed_at} 搁置：{reason}",
    ),
    "no_payees": Words(
        en="No payee is set aside.",
        zh="没有被搁置的人员。",
    ),
    "payee_or_all": Words(
        en="Name the payee's id, or say --all.",
        zh="请给出人员编号，或使用 --all。",
    ),
    # What the doctor finds, and what is to be done.
    "well": Words(
        en="All is well: {services} answer, nothing is stopped, parked or waiting.",
        zh="一切正常：{services} 均有响应，没有停止、搁置或等待处理的内容。",
    ),
    "do": Words(
        en="    do: {command}",
        zh="    处理：{command}",
    ),
    "service_away": Words(
        en="{service} does not answer at {url}: {reason}. Requests to it fail; what others "
        "tell it waits in their logs.",
        zh="{service}（{url}）没有响应：{reason}。对它的请求会失败；"
        "其他服务的事件保留在各自日志中。",
    ),
    "database_away": Words(
        en="{service} cannot reach its database. Nothing is lost; start the database or "
        "mend the network.",
        zh="{service} 无法连接数据库。数据没有丢失；请启动数据库或修复网络。",
    ),
    "work_hindered": Words(
        en="{service} answers requests, but its background work cannot begin: {work}. Its "
        "log tells the whole story.",
        zh="{service} 可以响应请求，但后台工作无法开始：{work}。详情见其日志。",
    ),
    "broker_away": Words(
        en="{service} has no connection to the broker. Events wait in the log and readers "
        "ask the feed, a little later than usual.",
        zh="{service} 未连接消息中间件。事件保留在日志中，读取方改由事件流获取，略有延迟。",
    ),
    "not_allowed": Words(
        en="{service} does not let this client look: {reason} Give it the role admin.",
        zh="{service} 不允许此客户端查看：{reason} 请授予 admin 角色。",
    ),
    "schema_behind": Words(
        en="{service}'s schema is at revision {revision}, the release needs {newest}.",
        zh="{service} 的数据库结构版本为 {revision}，当前版本需要 {newest}。",
    ),
    "outbox_old": Words(
        en="{service} has events that wait for a number since {age} s: its relay does not work.",
        zh="{service} 有事件等待编号已 {age} 秒：其中继没有工作。",
    ),
    "audit_unsealed": Words(
        en="{service} has changes that wait to be sealed since {age} s: its audit trail stands.",
        zh="{service} 有变更等待封存已 {age} 秒：其审计记录停滞。",
    ),
    "broker_behind": Words(
        en="The broker lacks the last {behind} events of {service} (partition {partition}). "
        "Readers take them from the feed.",
        zh="消息中间件缺少 {service} 最近 {behind} 个事件（分区 {partition}），"
        "读取方改由事件流获取。",
    ),
    "consumer_lags": Words(
        en="{service}'s {consumer} is {lag} events behind {source} (partition {partition}). "
        "It catches up by itself; look again in a minute.",
        zh="{service} 的 {consumer} 落后 {source} {lag} 个事件（分区 {partition}）。"
        "它会自行追上，请一分钟后再看。",
    ),
    "consumer_ahead": Words(
        en="{service}'s {consumer} is {ahead} events ahead of {source} (partition "
        "{partition}): the source was restored from an old backup. The consumer stops "
        "within seconds.",
        zh="{service} 的 {consumer} 比 {source} 超前 {ahead} 个事件（分区 {partition}）："
        "来源已从旧备份恢复。消费者将在数秒内停止。",
    ),
    "consumer_stopped": Words(
        en="{service}'s {consumer} has stopped at event {number}: {reason}",
        zh="{service} 的 {consumer} 停在事件 {number}：{reason}",
    ),
    "events_parked": Words(
        en="{service}'s {consumer} has put {events} events of {source} aside, for which a "
        "decision is due.",
        zh="{service} 的 {consumer} 搁置了 {source} 的 {events} 个事件，等待处理。",
    ),
    "lease_free": Words(
        en="Nobody holds {name} of {service}: no process does its work. Start a worker of it.",
        zh="没有进程持有 {service} 的 {name}，其工作无人执行。请启动该服务的 worker。",
    ),
    "payees_set_aside": Words(
        en="The pay of {count} payees could not be worked out and was set aside; their "
        "statements are not up to date.",
        zh="{count} 人的薪酬无法计算，已搁置；其结算单不是最新的。",
    ),
    "webhooks_disabled": Words(
        en="{count} webhooks of {service} are disabled: their receivers are told nothing more. "
        "GET /v1/webhooks says why.",
        zh="{service} 有 {count} 个 Webhook 已停用，其接收方不再收到任何消息；"
        "原因见 GET /v1/webhooks。",
    ),
    "default_rows": Words(
        en="{service} has {rows} events outside the weekly partitions of its log. They are "
        "read and forgotten like all others; nothing is to be done unless the number "
        "grows.",
        zh="{service} 有 {rows} 个事件不在日志的周分区中。读取与清理不受影响；除非数量增长，"
        "无需处理。",
    ),
    "clock_wrong": Words(
        en="{service}'s clock is {seconds} s ahead of its database's. Figures do not depend "
        "on it, tokens and times shown do. Mend the time service of the machine.",
        zh="{service} 的时钟比数据库快 {seconds} 秒。数字不受影响，令牌与显示时间会受影响。"
        "请修复该机器的时间同步。",
    ),
}


class Told(Exception):
    """Something that an operator must know, as a sentence in the language of the terminal."""


def language_of_terminal() -> Language:
    """Return Chinese where the environment asks for it, else English."""
    wanted = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "zh" if wanted.lower().startswith("zh") else "en"


def sentence(language: Language, key: str, **facts: object) -> str:
    """Return a sentence with its facts."""
    words = WORDS[key]
    return (words.zh if language == "zh" else words.en).format_map(facts)
