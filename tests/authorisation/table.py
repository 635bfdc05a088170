"""Who may take which route, and whose rows it shows: one line a route.

A letter for each role: ``o`` the own rows, ``t`` the team's too, ``a`` everybody's (or what is
nobody's), ``-`` not at all.
"""

from dataclasses import dataclass
from typing import Final

ROLES: Final = (
    *("rep", "manager", "sales_ops", "finance", "hr"),
    *("integration", "auditor", "service", "admin"),
)
TABLE: Final = """
service     route                                                          r m s f h i a v A
pipeline    GET    /v1/accounts                                            o t a a - a a a a
pipeline    GET    /v1/accounts/export                                     o t a a - a a a a
pipeline    GET    /v1/accounts/{account_id}                               o t a a - a a a a
pipeline    GET    /v1/accounts/by-external/{source}/{external_id}         o t a a - a a a a
pipeline    POST   /v1/accounts                                            o t a - - a - - a
pipeline    PUT    /v1/accounts/by-external/{source}/{external_id}         o t a - - a - - a
pipeline    GET    /v1/deals                                               o t a a - a a a a
pipeline    GET    /v1/deals/export                                        o t a a - a a a a
pipeline    GET    /v1/deals/{deal_id}                                     o t a a - a a a a
pipeline    GET    /v1/deals/by-external/{source}/{external_id}            o t a a - a a a a
pipeline    POST   /v1/deals                                               o t a - - a - - a
pipeline    PATCH  /v1/deals/{deal_id}                                     o t a - - a - - a
pipeline    POST   /v1/deals/{deal_id}/transitions                         o t a - - a - - a
pipeline    POST   /v1/deals/bulk                                          o t a - - a - - a
pipeline    GET    /v1/products                                            a a a a - a a a a
pipeline    GET    /v1/products/export                                     a a a a - a a a a
pipeline    GET    /v1/products/{code}                                     a a a a - a a a a
pipeline    GET    /v1/products/by-id/{product_id}                                a a a a - a a a a
pipeline    PUT    /v1/products/{code}                                     - - a - - a - - a
targets     GET    /v1/units                                               a a a a a a a a a
targets     GET    /v1/units/export                                        a a a a a a a a a
targets     GET    /v1/units/{unit_id}                                     a a a a a a a a a
targets     GET    /v1/units/by-external/{source}/{external_id}            a a a a a a a a a
targets     POST   /v1/units                                               - - a - a a - - a
targets     PUT    /v1/units/{unit_id}                                     - - a - a a - - a
targets     PUT    /v1/units/by-external/{source}/{external_id}            - - a - a a - - a
targets     GET    /v1/members                                             a a a a a a a a a
targets     GET    /v1/members/export                                      a a a a a a a a a
targets     GET    /v1/members/{member_id}                                 a a a a a a a a a
targets     GET    /v1/members/by-external/{source}/{external_id}          a a a a a a a a a
targets     POST   /v1/members                                             - - a - a a - - a
targets     PUT    /v1/members/{member_id}                                 - - a - a a - - a
targets     PUT    /v1/members/by-external/{source}/{external_id}          - - a - a a - - a
targets     GET    /v1/targets                                             o t a a - a a a a
targets     GET    /v1/targets/export                                      o t a a - a a a a
targets     GET    /v1/targets/{target_id}                                 o t a a - a a a a
targets     PUT    /v1/targets                                             - - a - - a - - a
targets     POST   /v1/targets/bulk                                        - - a - - a - - a
targets     GET    /v1/attainments                                         o t a a - a a a a
targets     GET    /v1/attainments/export                                  o t a a - a a a a
targets     GET    /v1/attainments/{attainment_id}                         o t a a - a a a a
targets     GET    /v1/attainments/{attainment_id}/entries                 o t a a - a a a a
performance GET    /v1/plans                                               o t a a - - a a a
performance GET    /v1/plans/export                                        o t a a - - a a a
performance GET    /v1/plans/{plan_id}                                     o t a a - - a a a
performance GET    /v1/plans/by-external/{source}/{external_id}            o t a a - - a a a
performance POST   /v1/plans                                               - - a a - - - - a
performance PUT    /v1/plans/by-external/{source}/{external_id}            - - a a - - - - a
performance POST   /v1/plans/{plan_id}/versions                            - - a a - - - - a
performance GET    /v1/plans/{plan_id}/assignments                         o t a a - - a a a
performance GET    /v1/plans/{plan_id}/assignments/export                  o t a a - - a a a
performance POST   /v1/plans/{plan_id}/assignments                         - - a a - - - - a
performance POST   /v1/plans/{plan_id}/assignments/end                     - - a a - - - - a
performance GET    /v1/credits                                             o t a a - - a a a
performance GET    /v1/credits/export                                      o t a a - - a a a
performance GET    /v1/statements                                          o t - a - - a a a
performance GET    /v1/statements/export                                   o t - a - - a a a
performance GET    /v1/statements/{payee_id}/{period}                      o t - a - - a a a
performance GET    /v1/statements/{payee_id}/{period}/entries              o t - a - - a a a
performance GET    /v1/statements/{payee_id}/{period}/entries/export       o t - a - - a a a
performance GET    /v1/recalculations                                      - - - - - - a - a
performance POST   /v1/recalculations/{payee_id}/retry                     - - - - - - - - a
knowledge   GET    /v1/wins                                                - - a a - a a a a
every       GET    /v1/events                                              - - - - - a a a a
every       GET    /v1/events/stream                                       - - - - - a a a a
every       GET    /v1/snapshots/{name}                                    - - - - - a a a a
every       GET    /v1/consumers                                           - - - - - - a - a
every       POST   /v1/consumers/{consumer}/{source}/{partition}/resume    - - - - - - - - a
every       POST   /v1/consumers/{consumer}/{source}/{partition}/repair    - - - - - - - - a
every       GET    /v1/parked                                              - - - - - - a - a
every       GET    /v1/parked/{parked_id}                                  - - - - - - a - a
every       POST   /v1/parked/{parked_id}/replay                           - - - - - - - - a
every       POST   /v1/parked/{parked_id}/discard                          - - - - - - - - a
every       GET    /v1/repairs                                             - - - - - - a - a
every       GET    /v1/schema                                              a a a a a a a a a
every       GET    /v1/vitals                                              - - - - - - a - a
every       GET    /v1/audit                                               - - - - - - a - a
every       GET    /v1/audit/blocks                                        - - - - - - a - a
every       POST   /v1/imports                                                    - - a a a a - - a
every       PUT    /v1/imports/{import_id}/chunks/{number}                        - - a a a a - - a
every       GET    /v1/imports/{import_id}/chunks                                 - - a a a a - - a
every       POST   /v1/imports/{import_id}/complete                               - - a a a a - - a
every       GET    /v1/imports/{import_id}/rows                                   - - a a a a - - a
every       GET    /v1/imports/{import_id}/refused                                - - a a a a - - a
every       GET    /v1/import-nouns                                               - - a a a a - - a
every       GET    /v1/import-profiles/{noun}                                     - - a a a a - - a
every       PUT    /v1/import-profiles/{noun}/{name}                              - - a a a a - - a
every       GET    /v1/operations                                                 - - a a a a - - a
every       GET    /v1/operations/{operation_id}                                  - - a a a a - - a
every       POST   /v1/operations/{operation_id}/cancel                           - - a a a a - - a
every       GET    /v1/operations/{operation_id}/stream                           - - a a a a - - a
every       POST   /v1/webhooks                                            - - - - - a - - a
every       GET    /v1/webhooks                                            - - - - - a - - a
every       GET    /v1/webhooks/{webhook_id}                               - - - - - a - - a
every       PATCH  /v1/webhooks/{webhook_id}                               - - - - - a - - a
every       DELETE /v1/webhooks/{webhook_id}                               - - - - - a - - a
every       POST   /v1/webhooks/{webhook_id}/secrets                       - - - - - a - - a
every       GET    /v1/webhooks/{webhook_id}/deliveries                    - - - - - a - - a
every       POST   /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay - - - - - a - - a
every       POST   /v1/webhooks/{webhook_id}/replay                        - - - - - a - - a
every       POST   /v1/webhooks/{webhook_id}/test                          - - - - - a - - a
"""
PUBLIC: Final = {
    *("/health/live", "/health/ready", "/metrics"),
    *("/problems", "/problems/{code}", "/v1/openapi.json", "/v1/asyncapi.json"),
}


@dataclass(frozen=True)
class Line:
    """What the table says of a route."""

    service: str
    method: str
    path: str
    letters: tuple[str, ...]

    def letter(self, role: str) -> str:
        return self.letters[ROLES.index(role)]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def lines() -> list[Line]:
    """Return the table, its heading left out."""
    found = []
    for text in TABLE.strip().splitlines()[1:]:
        service, method, path, *letters = text.split()
        assert len(letters) == len(ROLES), text
        found.append(Line(service, method, path, tuple(letters)))
    return found
