import { NbError } from '@nb/contracts'
import { malformed } from './responses.ts'
import type { TextPair } from './text-keys.ts'

/** Whether a digest is not wanted, taken where the target has it, or insisted on. */
export type DigestChoice = 'off' | 'preferred' | 'required'

/** What we would like (RFC 7143, 13). Lengths in bytes, each from 512 to 16 777 215. */
export interface ParameterWishes {
  readonly headerDigest: DigestChoice
  readonly dataDigest: DigestChoice
  /** Most data in one PDU to us: MaxRecvDataSegmentLength. */
  readonly maxReceiveBytes: number
  /** Most unsolicited data of a command: FirstBurstLength. */
  readonly firstBurstBytes: number
  /** Most data in one sequence: MaxBurstLength. */
  readonly maxBurstBytes: number
}

/** What a session works by. */
export interface SessionParameters {
  readonly headerDigest: boolean
  readonly dataDigest: boolean
  /** Most data in one PDU to the target. */
  readonly maxSendBytes: number
  readonly firstBurstBytes: number
  readonly maxBurstBytes: number
  /** Whether data may come with a command. */
  readonly immediateData: boolean
  /** Whether the first burst, beyond immediate data, must wait for an R2T as well. */
  readonly initialR2T: boolean
  /** Seconds before another login makes sense after a loss. */
  readonly waitSeconds: number
}

/** How the two values of a key become one (RFC 7143, 6.2). */
interface KeyRule {
  readonly kind: 'least' | 'greatest' | 'or' | 'and'
  readonly least?: number
  readonly most?: number
  /** What holds where a key is not negotiated. */
  readonly unset: number
}

const longest = 2 ** 24 - 1

/** Truth values are 1 for Yes and 0 for No. */
const rules: Readonly<Record<string, KeyRule>> = {
  InitialR2T: { kind: 'or', unset: 1 },
  ImmediateData: { kind: 'and', unset: 1 },
  MaxBurstLength: { kind: 'least', least: 512, most: longest, unset: 262_144 },
  FirstBurstLength: { kind: 'least', least: 512, most: longest, unset: 65_536 },
  DefaultTime2Wait: { kind: 'greatest', least: 0, most: 3600, unset: 2 },
  DefaultTime2Retain: { kind: 'least', least: 0, most: 3600, unset: 20 },
  MaxOutstandingR2T: { kind: 'least', least: 1, most: 65_535, unset: 1 },
  DataPDUInOrder: { kind: 'or', unset: 1 },
  DataSequenceInOrder: { kind: 'or', unset: 1 },
  ErrorRecoveryLevel: { kind: 'least', least: 0, most: 2, unset: 0 },
  MaxConnections: { kind: 'least', least: 1, most: 65_535, unset: 1 },
}

/** What a target tells and no answer is due to. */
const declared = new Set(['TargetAlias', 'TargetAddress', 'TargetPortalGroupTag'])
/** Answers that leave a key as it was (RFC 7143, 6.2). */
const refusals = new Set(['Irrelevant', 'NotUnderstood', 'Reject'])

/** The negotiation of the parameters of a session: what we offer, what we answer, and what comes of it. */
export class ParameterNegotiation {
  /** Our side of each key that was offered, as printed. */
  readonly #offers: ReadonlyMap<string, string>
  readonly #settled = new Map<string, number>()
  readonly #digests = { HeaderDigest: false, DataDigest: false }
  #maxSendBytes = 8192

  constructor(wishes: ParameterWishes, session: 'normal' | 'discovery') {
    const common: TextPair[] = [
      ['HeaderDigest', digestOffer(wishes.headerDigest)],
      ['DataDigest', digestOffer(wishes.dataDigest)],
      ['MaxRecvDataSegmentLength', `${wishes.maxReceiveBytes}`],
      ['DefaultTime2Wait', '0'],
      ['DefaultTime2Retain', '0'],
      ['ErrorRecoveryLevel', '0'],
    ]
    // A discovery session moves no data, so these would be irrelevant there.
    const normal: TextPair[] = [
      ['InitialR2T', 'No'],
      ['ImmediateData', 'Yes'],
      ['MaxBurstLength', `${wishes.maxBurstBytes}`],
      ['FirstBurstLength', `${Math.min(wishes.firstBurstBytes, wishes.maxBurstBytes)}`],
      ['MaxOutstandingR2T', '16'],
      ['MaxConnections', '1'],
      ['DataPDUInOrder', 'Yes'],
      ['DataSequenceInOrder', 'Yes'],
    ]
    this.#offers = new Map(session === 'normal' ? [...common, ...normal] : common)
  }

  /** All that we offer, once. */
  get offers(): TextPair[] {
    return [...this.#offers]
  }

  /**
   * Takes answers and offers of the target; gives the answers that are due.
   * @throws NbError `message-invalid` for what breaks the rules, `scsi-access-denied` where a digest is insisted on and refused
   */
  receive(pairs: readonly TextPair[]): TextPair[] {
    return pairs.flatMap(([key, value]) => this.#receiveOne(key, value))
  }

  /** What has been agreed on so far. */
  get agreed(): SessionParameters {
    const maxBurstBytes = this.#value('MaxBurstLength')
    return {
      headerDigest: this.#digests.HeaderDigest,
      dataDigest: this.#digests.DataDigest,
      maxSendBytes: this.#maxSendBytes,
      maxBurstBytes,
      firstBurstBytes: Math.min(this.#value('FirstBurstLength'), maxBurstBytes),
      immediateData: this.#value('ImmediateData') === 1,
      initialR2T: this.#value('InitialR2T') === 1,
      waitSeconds: this.#value('DefaultTime2Wait'),
    }
  }

  #value(key: string): number {
    return this.#settled.get(key) ?? rules[key]?.unset ?? 0
  }

  #receiveOne(key: string, value: string): TextPair[] {
    if (declared.has(key)) return []
    if (key === 'MaxRecvDataSegmentLength') {
      this.#maxSendBytes = parseNumber(key, value, 512, longest)
      return []
    }
    if (key === 'HeaderDigest' || key === 'DataDigest') return this.#receiveDigest(key, value)
    const rule = rules[key]
    // Markers are of the past (RFC 7143, 13.25); anything else we do not know.
    if (rule === undefined) return [[key, key === 'OFMarker' || key === 'IFMarker' ? 'No' : 'NotUnderstood']]
    if (this.#settled.has(key)) throw malformed(`the key ${key} twice`, { key })
    const offer = this.#offers.get(key)
    if (refusals.has(value)) {
      this.#settled.set(key, rule.unset)
      return []
    }
    const theirs = parseValue(key, rule, value)
    const result = combine(rule, offer === undefined ? rule.unset : parseValue(key, rule, offer), theirs)
    this.#settled.set(key, result)
    return offer === undefined ? [[key, printValue(rule, result)]] : []
  }

  #receiveDigest(key: 'HeaderDigest' | 'DataDigest', value: string): TextPair[] {
    const offered = this.#offers.get(key)?.split(',') ?? []
    if (!offered.includes(value)) {
      if (!offered.includes('None'))
        throw new NbError('scsi-access-denied', `the target has no ${key} by CRC32C`, {
          details: { reason: 'digest', key },
        })
      if (!refusals.has(value)) throw malformed(`a ${key} that was not offered`, { key })
    }
    this.#digests[key] = value === 'CRC32C'
    return []
  }
}

function digestOffer(choice: DigestChoice): string {
  return { off: 'None', preferred: 'CRC32C,None', required: 'CRC32C' }[choice]
}

function combine(rule: KeyRule, ours: number, theirs: number): number {
  return rule.kind === 'greatest' || rule.kind === 'or' ? Math.max(ours, theirs) : Math.min(ours, theirs)
}

function isTruth(rule: KeyRule): boolean {
  return rule.kind === 'or' || rule.kind === 'and'
}

function printValue(rule: KeyRule, value: number): string {
  return isTruth(rule) ? (value === 1 ? 'Yes' : 'No') : `${value}`
}

function parseValue(key: string, rule: KeyRule, value: string): number {
  if (!isTruth(rule)) return parseNumber(key, value, rule.least ?? 0, rule.most ?? longest)
  if (value !== 'Yes' && value !== 'No') throw malformed(`${key} that is neither Yes nor No`, { key })
  return value === 'Yes' ? 1 : 0
}

/** A number, decimal or hexadecimal (RFC 7143, 6.1). */
function parseNumber(key: string, value: string, least: number, most: number): number {
  const number = /^(0[xX][0-9a-fA-F]{1,8}|\d{1,10})$/.test(value) ? Number(value) : NaN
  if (!(number >= least && number <= most))
    throw malformed(`a ${key} that is no number from ${least} to ${most}`, { key })
  return number
}
