import type { AllocationRequest, Blocker, MediaNeed, StorageUnit } from '@nb/contracts'
import { allocationChanges } from './allocation.ts'
import { type Denial, neverUntil, notConfigured } from './blockers.ts'
import { storageUnitCandidates } from './choose-storage-unit.ts'
import { decideAllocation } from './decide-allocation.ts'
import type { Held } from './held.ts'
import type { Change, Inventory } from './inventory.ts'
import type { Rules } from './rules.ts'

type WriteNeed = Extract<MediaNeed, { kind: 'write' }>

/** What several copies at once get. */
export interface CopiesChoice {
  /** What answers the request: the first copy's, which names the others. */
  readonly first: Held
  readonly all: readonly Held[]
  readonly batch: readonly Change[]
}

/** A request of several copies. */
export type CopiesRequest = Pick<AllocationRequest, 'allocationId' | 'jobId' | 'flow' | 'turns'> & {
  readonly need: WriteNeed
}

/**
 * Chooses for all copies of a need together, or tells why not: each on its own disk, all on one media server. They are tried on the
 * media servers in the order in which the first copy's storage units would be. While a later copy is decided the earlier ones
 * count as given; the inventory is afterwards as it was before.
 */
export function decideCopies(
  inventory: Inventory,
  request: CopiesRequest,
  rules: Rules,
): CopiesChoice | { readonly denial: Denial } {
  const { need } = request
  const needs = needsOf(need)
  const candidates = storageUnitCandidates(inventory, need.storage, rules)
  if ('denial' in candidates) return candidates
  let possible = false
  const blockers: Blocker[] = []
  for (const server of new Set(candidates.units.map(({ mediaServer }) => mediaServer))) {
    const tried = decideOn(inventory, server, request, needs, rules)
    if (!('denial' in tried)) return tried
    possible ||= tried.denial.possible
    for (const blocker of tried.denial.blockers) blockers.push(blocker)
  }
  return { denial: { possible, blockers: blockers.filter(isFirstOfItsKind) } }
}

/** One need for each copy; all are expected to write as much. */
function needsOf({ further = [], ...first }: WriteNeed): readonly WriteNeed[] {
  const { expectedBytes } = first
  const sized = expectedBytes === undefined ? {} : { expectedBytes }
  return [first, ...further.map((each): WriteNeed => ({ kind: 'write', ...each, ...sized }))]
}

/** How many placements are tried: a copy that took the only place of a later one is put elsewhere. */
const mostTries = 256

function decideOn(
  inventory: Inventory,
  server: string,
  { allocationId, jobId, flow, turns, need }: CopiesRequest,
  needs: readonly WriteNeed[],
  rules: Rules,
): CopiesChoice | { readonly denial: Denial } {
  const order = leastChoiceFirst(inventory, needs, server, rules)
  const found = new Map<number, { readonly held: Held; readonly changes: readonly Change[] }>()
  const isTaken = (name: string): boolean =>
    [...found.values()].some(({ held }) => held.allocation.storageUnit === name)
  let tries = 0

  /** Places the copies from `at` in the order on; while they are placed the inventory has those before them. */
  const place = (at: number): Denial | undefined => {
    const next = order[at]
    if (next === undefined) return undefined
    const { need: each, index } = next
    const refused = new Set<string>()
    const mayUse = ({ name, mediaServer, type }: StorageUnit): boolean =>
      mediaServer === server && !refused.has(name) && !(type === 'disk' && isTaken(name))
    let first: Denial | undefined
    for (;;) {
      tries += 1
      const decision = decideAllocation(inventory, each, rules, turns, mayUse)
      if ('denial' in decision) {
        if (first !== undefined) return first
        const { denial } = decision
        return denial.blockers.length > 0 ? denial : neverUntil(noUnitLeft(index + 1, each, server))
      }
      const id = index === 0 ? allocationId : `${allocationId}/${index + 1}`
      const asked = { allocationId: id, jobId, need: each, ...(flow === undefined ? {} : { flow }) }
      const { held, batch } = allocationChanges(inventory, asked, decision.choice, rules.now)
      const undo = batch.map(
        (change) => ({ ...change, value: inventory[change.table].get(change.key) }) as Change,
      )
      for (const change of batch) inventory.apply(change)
      found.set(index, { held, changes: batch })
      const denial = place(at + 1)
      for (const change of undo.reverse()) inventory.apply(change)
      if (denial === undefined) return undefined
      found.delete(index)
      // The reasons of the choice that the rules prefer; others are tried for what they give, not for what they lack.
      first ??= denial
      if (tries >= mostTries) return first
      refused.add(held.allocation.storageUnit)
    }
  }

  const denial = place(0)
  if (denial !== undefined) return { denial }
  const placed = needs.map((_, index) => found.get(index)).filter((each) => each !== undefined)
  const [only, ...others] = placed
  if (only === undefined) throw new TypeError('a request of copies has no copy')
  const further = others.map(({ held }) => held.allocation)
  const first: Held = { ...only.held, allocation: { ...only.held.allocation, further }, need }
  const batch = placed.flatMap(({ changes }) => changes)
  return {
    first,
    all: placed.map(({ held }) => held),
    batch: batch.map((change) =>
      change.table === 'allocations' && change.key === allocationId ? { ...change, value: first } : change,
    ),
  }
}

/** So that a copy which may go to many places does not take the only one of another. */
function leastChoiceFirst(
  inventory: Inventory,
  needs: readonly WriteNeed[],
  server: string,
  rules: Rules,
): readonly { readonly need: WriteNeed; readonly index: number }[] {
  const choicesOf = ({ storage }: WriteNeed): number => {
    const candidates = storageUnitCandidates(inventory, storage, rules)
    return 'denial' in candidates
      ? 0
      : candidates.units.filter(({ mediaServer }) => mediaServer === server).length
  }
  return needs
    .map((need, index) => ({ need, index, choices: choicesOf(need) }))
    .sort((a, b) => a.choices - b.choices)
}

/** 2104: the copies can't all be written by one media server, each to a place of its own. */
function noUnitLeft(copy: number, { storage }: WriteNeed, server: string): Blocker {
  const name = storage.kind === 'any' ? 'any storage unit' : storage.name
  const text = `${name} has a storage unit for copy ${copy} on media server ${server}, where the others are, and none of the others is on it`
  return notConfigured(name, 2104, text)
}

function isFirstOfItsKind(blocker: Blocker, index: number, all: readonly Blocker[]): boolean {
  const same = ({ kind, name, storageUnit, reason }: Blocker): boolean =>
    kind === blocker.kind &&
    name === blocker.name &&
    storageUnit === blocker.storageUnit &&
    reason === blocker.reason
  return all.findIndex(same) === index
}
