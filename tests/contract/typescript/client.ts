// A client in a few lines, typed by what the services say of themselves. It is compiled, not run.

import type { components, operations, paths } from "./pipeline";
import type { operations as TargetsOperations } from "./targets";
import type { operations as PerformanceOperations } from "./performance";
import type { operations as KnowledgeOperations } from "./knowledge";

type Body<Operation> = Operation extends { requestBody: { content: { "application/json": infer B } } }
  ? B
  : never;
type Answer<Operation, Status extends number> = Operation extends {
  responses: Record<Status, { content: { "application/json": infer A } }>;
}
  ? A
  : never;
type ProblemOf<Operation, Status extends number> = Operation extends {
  responses: Record<Status, { content: { "application/problem+json": infer P } }>;
}
  ? P
  : never;

type Deal = Answer<operations["open_deal"], 201>;
type Statement = Answer<PerformanceOperations["read_statement"], 200>;
type Units = Answer<TargetsOperations["list_units"], 200>;
type Wins = Answer<KnowledgeOperations["list_wins"], 200>;

export class Refused<P extends { code: string; detail: string }> extends Error {
  constructor(readonly problem: P) {
    super(problem.detail);
  }
}

export class Pharos {
  constructor(
    private readonly base: string,
    private readonly token: string,
  ) {}

  async openDeal(terms: Body<operations["open_deal"]>, key: string): Promise<Deal> {
    return this.send("/v1/deals" satisfies keyof paths, "POST", terms, { "Idempotency-Key": key });
  }

  /** Win a deal; says in words of its own what the service refused. */
  async win(id: Deal["id"], on: string): Promise<Deal | string> {
    const step: Body<operations["move_deal"]> = { to: "won", on };
    try {
      return await this.send(`/v1/deals/${id}/transitions`, "POST", step);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const problem = error.problem as ProblemOf<operations["move_deal"], 409>;
      switch (problem.code) {
        case "deal_already_closed":
          return "It is closed already.";
        case "deal_is_open":
          return "It is open.";
      }
    }
  }

  async *deals(stage?: components["schemas"]["DealStage"]): AsyncGenerator<Deal> {
    let cursor: string | null = null;
    do {
      const asked = new URLSearchParams({ ...(stage && { stage }), ...(cursor && { cursor }) });
      const page: Answer<operations["list_deals"], 200> = await this.send(`/v1/deals?${asked}`);
      yield* page.items;
      cursor = page.next;
    } while (cursor !== null);
  }

  private async send<A>(path: string, method = "GET", body?: unknown, headers = {}): Promise<A> {
    const answer = await fetch(this.base + path, {
      method,
      headers: {
        Authorization: `Bearer ${this.token}`,
        "Content-Type": "application/json",
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Refused(await answer.json());
    return answer.json() as Promise<A>;
  }
}

export function total(statement: Statement): string {
  return statement.totals.map((money) => `${money.amount} ${money.currency}`).join(", ");
}

export function names(units: Units, wins: Wins): string[] {
  return [...units.items.map((unit) => unit.name), ...wins.items.map((one) => one.period)];
}

// @ts-expect-error A deal is opened on a day: the types are those of the service and not `any`.
export const broken: Body<operations["open_deal"]> = { name: "灯塔" };
