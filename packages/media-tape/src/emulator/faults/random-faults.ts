import type { CdbName } from '../../scsi/cdb-fields.ts'
import type { EmulatorFault, FaultEffect } from './emulator-fault.ts'

/** What random faults are drawn from. */
export interface RandomFaultsInput {
  /** The same seed gives the same faults. */
  readonly seed: number
  /** How many. */
  readonly faults: number
  /** Drives of the library, from 1 on. */
  readonly drives: number
  /** Each happens within so many of the commands that it concerns. */
  readonly within: number
  /** Which effects may happen. @default all that can be survived */
  readonly effects?: readonly FaultEffect['effect'][]
}

/** Where each effect strikes. */
const commandsOf: Partial<Record<FaultEffect['effect'], readonly CdbName[]>> = {
  'write-error': ['write-6'],
  'end-of-medium': ['write-6'],
  'read-error': ['read-6'],
  'load-failed': ['load-unload'],
  'robot-jam': ['move-medium'],
  'wrong-slot': ['move-medium'],
}

const survivable: readonly FaultEffect['effect'][] = [
  'transport-lost',
  'power-lost',
  'busy',
  'write-error',
  'end-of-medium',
  'read-error',
  'tape-alert',
  'cleaning-needed',
  'drive-failed',
  'slow',
  'robot-jam',
]

/** Faults by chance, as a plan that can be kept and run again. */
export function randomFaults(input: RandomFaultsInput): readonly EmulatorFault[] {
  const random = numbers(input.seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const effects = input.effects ?? survivable
  return Array.from({ length: input.faults }, (): EmulatorFault => {
    const effect = detail(effects[below(effects.length)] ?? 'busy', random)
    const ofRobot = effect.effect === 'robot-jam' || effect.effect === 'wrong-slot'
    const commands = commandsOf[effect.effect]
    return {
      ...effect,
      unit: ofRobot ? 'changer' : `drive${1 + below(input.drives)}`,
      ...(commands === undefined ? {} : { command: commands[below(commands.length)] as CdbName }),
      occurrence: 1 + below(input.within),
    }
  })
}

function detail(effect: FaultEffect['effect'], random: () => number): FaultEffect {
  switch (effect) {
    case 'transport-lost':
      return { effect, ran: random() < 0.5 }
    case 'tape-alert':
      return { effect, flag: 1 + Math.floor(random() * 64) }
    case 'slow':
      return { effect, share: 0.05 + random() * 0.9 }
    case 'write-error':
      return random() < 0.5 ? { effect } : { effect, later: 1 + Math.floor(random() * 4) }
    default:
      return { effect }
  }
}

/** Random numbers in [0, 1) that a seed repeats (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
