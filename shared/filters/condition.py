"""A filter as a condition of a statement."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, LiteralString

from shared.filters.fields import Field, Fields
from shared.filters.kinds import SQL_TYPES, Kind, Op
from shared.filters.predicate import fold
from shared.filters.tree import Comparison, Group, Negation, Place, Tree
from shared.sql import Condition, Parameters, brackets

_SIGNS: Final[Mapping[Op, LiteralString]] = MappingProxyType(
    {Op.EQ: " = ", Op.NE: " <> ", Op.LT: " < ", Op.LTE: " <= ", Op.GT: " > ", Op.GTE: " >= "}
)

_MANY: Final[Mapping[Op, LiteralString]] = MappingProxyType(
    {Op.IN: " = ANY", Op.NOT_IN: " <> ALL", Op.HAS_ANY: " && "}
)
_TEXTUAL: Final[Mapping[Op, LiteralString]] = MappingProxyType(
    {Op.CONTAINS: "0 < strpos", Op.STARTS_WITH: "starts_with"}
)


def to_condition(tree: Tree, fields: Fields) -> Condition:
    """Return the condition that holds for the rows that ``to_predicate`` of the tree takes.

    A comparison with a missing value is NULL in SQL, which is as good as false up to the top or to
    a negation; a negation makes true of it.
    """
    return lambda parameters: _sql(tree, fields, parameters)


def _sql(tree: Tree, fields: Fields, parameters: Parameters) -> LiteralString:
    match tree:
        case Group(word, parts):
            between: LiteralString = " AND " if word == "and" else " OR "
            inner: list[LiteralString] = [_sql(part, fields, parameters) for part in parts]
            return between.join([brackets(part) for part in inner])
        case Negation(part):
            return brackets(_sql(part, fields, parameters)) + " IS NOT TRUE"
        case Comparison():
            return _comparison(tree, fields[tree.field], parameters)


def _comparison(asked: Comparison, field: Field, parameters: Parameters) -> LiteralString:
    value = asked.value
    if isinstance(value, Place):
        if field.below is None:
            raise TypeError(f"{asked.field} lies in no tree")
        return field.below(field.sql, value.id, value.on)(parameters)
    if asked.op is Op.IS_NULL:
        return field.sql + (" IS NULL" if value else " IS NOT NULL")
    if isinstance(value, tuple):
        sent = parameters.add(list(value)) + "::" + SQL_TYPES[field.kind] + "[]"
        return field.sql + _MANY[asked.op] + brackets(sent)
    if asked.op in _TEXTUAL:
        return _TEXTUAL[asked.op] + _pair(field, parameters.add(fold(str(value))))
    if asked.op is Op.HAS:
        return field.sql + " @> ARRAY[" + parameters.add(value) + "::uuid]"
    collation: LiteralString = ' COLLATE "C"' if field.kind is Kind.TEXT else ""
    sent = parameters.add(value) + "::" + SQL_TYPES[field.kind]
    return field.sql + collation + _SIGNS[asked.op] + sent


def _pair(field: Field, sent: LiteralString) -> LiteralString:
    # In collation C only the letters A to Z have a lower case, as in `fold`.
    return brackets("lower(" + field.sql + ' COLLATE "C"), ' + sent)
