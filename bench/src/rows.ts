/** What a figure must reach: its ratio to the peer's, or the figure itself. */
export interface Goal {
  readonly of: 'ratio' | 'value'
  readonly atMost?: number
  readonly atLeast?: number
}

/** One figure, as a bench gives it. */
export interface Figure {
  readonly case: string
  readonly metric: string
  readonly value: number
  readonly unit: string
  /** The tool it is compared with, and what that tool reached. */
  readonly peer?: { readonly name: string; readonly value: number }
  readonly goal?: Goal
}

/** One figure as the JSON file has it: every field is there, `null` where there is nothing to say. */
export interface Row {
  readonly bench: string
  readonly case: string
  readonly metric: string
  readonly value: number
  readonly unit: string
  readonly peer: string | null
  readonly peerValue: number | null
  /** Ours divided by the peer's. */
  readonly ratio: number | null
  /** Such as `ratio <= 1.3`. */
  readonly goal: string | null
  /** Whether the goal is reached; `null` without a goal, and where the run was too small to tell. */
  readonly holds: boolean | null
}

/** The row of a figure. `judged` is false for runs that are too small to hold against a goal. */
export function toRow(bench: string, figure: Figure, judged: boolean): Row {
  const { peer, goal } = figure
  const ratio = peer === undefined || peer.value === 0 ? null : figure.value / peer.value
  const measured = goal?.of === 'value' ? figure.value : ratio
  return {
    bench,
    case: figure.case,
    metric: figure.metric,
    value: figure.value,
    unit: figure.unit,
    peer: peer?.name ?? null,
    peerValue: peer?.value ?? null,
    ratio,
    goal: goal === undefined ? null : describeGoal(goal),
    holds: goal === undefined || measured === null || !judged ? null : reaches(goal, measured),
  }
}

/** A goal in one form for tables and files. */
export function describeGoal({ of, atMost, atLeast }: Goal): string {
  const bounds = [
    ...(atLeast === undefined ? [] : [`>= ${atLeast}`]),
    ...(atMost === undefined ? [] : [`<= ${atMost}`]),
  ]
  return `${of} ${bounds.join(' and ')}`
}

function reaches({ atMost = Infinity, atLeast = -Infinity }: Goal, measured: number): boolean {
  return measured <= atMost && measured >= atLeast
}
