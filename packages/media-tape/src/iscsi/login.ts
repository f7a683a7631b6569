import { NbError } from '@nb/contracts'
import {
  type ChapChallenge,
  type ChapIdentity,
  chapMd5,
  chapResponse,
  checkTarget,
  parseChallenge,
  parseResponse,
  printBinary,
} from './chap.ts'
import { isAuthenticationFailure, loginRefusal } from './login-refusal.ts'
import { ParameterNegotiation, type ParameterWishes, type SessionParameters } from './parameters.ts'
import { type LoginStage, loginStages } from './requests.ts'
import { type LoginResponse, malformed } from './responses.ts'
import { decodeText, encodeText, type TextPair } from './text-keys.ts'

/** Who we are and what we want of the target. */
export interface LoginIdentity {
  readonly initiatorName: string
  /** Absent for a discovery session. */
  readonly targetName?: string
  /** How we prove who we are, and, with `target`, how the target does (mutual CHAP). */
  readonly chap?: ChapIdentity & { readonly target?: { readonly name?: string; readonly secret: string } }
}

/** A message of ours. */
export interface LoginMessage {
  readonly stage: LoginStage
  /** The stage to go on to; absent while this one is not done. */
  readonly nextStage?: LoginStage
  readonly text: Buffer
}

/** What is next: another message, the full feature phase, or the same at another portal. */
export type LoginStep =
  | { readonly kind: 'send'; readonly message: LoginMessage }
  | { readonly kind: 'done'; readonly parameters: SessionParameters; readonly targetSession: number }
  | { readonly kind: 'elsewhere'; readonly address: string }

/** No login needs more; a target that goes on asking is not going to let us in. */
const mostSteps = 20
/** Most text that a target may say in one turn. */
const mostTextBytes = 65_536

/**
 * A login, from the first message to the last (RFC 7143, 6.3), without the connection: each response leads to the next step.
 *
 * It goes through the security stage always: with CHAP it waits there for the target's challenge (`asked`), answers it (`answered`), and
 * with mutual CHAP leaves only when the target's own answer was right. Then through the operational stage, in one message of ours
 * unless the target has something to ask. A target that skips what we insist on is left.
 */
export class Login {
  readonly #identity: LoginIdentity
  readonly #parameters: ParameterNegotiation
  readonly #randomBytes: (bytes: number) => Buffer
  #stage: LoginStage = loginStages.security
  #security: 'begun' | 'asked' | 'answered' | 'passed' = 'begun'
  #ourChallenge: ChapChallenge | undefined
  #offered = false
  #steps = 0
  #text: Buffer[] = []

  constructor(identity: LoginIdentity, wishes: ParameterWishes, randomBytes: (bytes: number) => Buffer) {
    this.#identity = identity
    this.#randomBytes = randomBytes
    this.#parameters = new ParameterNegotiation(
      wishes,
      identity.targetName === undefined ? 'discovery' : 'normal',
    )
  }

  /** The first message. */
  begin(): LoginMessage {
    const { initiatorName, targetName, chap } = this.#identity
    const pairs: TextPair[] = [
      ['InitiatorName', initiatorName],
      ['SessionType', targetName === undefined ? 'Discovery' : 'Normal'],
      ...(targetName === undefined ? [] : [['TargetName', targetName] as const]),
      // Who wants the target proven does not take it unproven; who only proves themselves leaves the choice to the target.
      ['AuthMethod', chap === undefined ? 'None' : chap.target === undefined ? 'CHAP,None' : 'CHAP'],
    ]
    return this.#message(pairs, chap === undefined)
  }

  /**
   * Takes a response of the target and says what is next.
   * @throws NbError `scsi-access-denied`, `not-found`, `scsi-transport-lost` as the target refuses, `message-invalid`
   */
  receive(response: LoginResponse, text: Uint8Array): LoginStep {
    if (++this.#steps > mostSteps) throw malformed('no end of its login', { steps: this.#steps })
    this.#text.push(Buffer.from(text))
    const wholeText = Buffer.concat(this.#text)
    if (response.statusClass !== 0) return this.#elsewhereOrThrow(response, wholeText)
    if (response.stage !== this.#stage) throw malformed('a login response of another stage', {})
    if (wholeText.length > mostTextBytes) throw malformed('too much text', { bytes: wholeText.length })
    if (response.continues) return { kind: 'send', message: { stage: this.#stage, text: Buffer.alloc(0) } }
    this.#text = []
    const pairs = decodeText(wholeText)
    return this.#stage === loginStages.security
      ? this.#secure(response, pairs)
      : this.#operate(response, pairs)
  }

  #secure(response: LoginResponse, pairs: readonly TextPair[]): LoginStep {
    const keys = new Map(pairs)
    const chapPairs = this.#authenticate(keys)
    if (response.nextStage === undefined)
      return { kind: 'send', message: this.#message(chapPairs, this.#security !== 'asked') }
    if (chapPairs.length > 0 || this.#security !== 'passed')
      throw new NbError('scsi-access-denied', 'the target ended the login before both sides were proven', {
        details: { reason: 'unproven' },
      })
    if (response.nextStage === loginStages.fullFeature) return this.#done(response)
    if (response.nextStage !== loginStages.operational) throw malformed('a login stage that is none', {})
    this.#stage = loginStages.operational
    this.#offered = true
    return { kind: 'send', message: this.#message(this.#parameters.offers, true) }
  }

  /** Takes the keys of the security stage; gives what is to be said for it. */
  #authenticate(keys: ReadonlyMap<string, string>): TextPair[] {
    const { chap } = this.#identity
    if (this.#security === 'begun') {
      const method = keys.get('AuthMethod') ?? (chap === undefined ? 'None' : undefined)
      if (method === 'None' && chap?.target === undefined) {
        this.#security = 'passed'
        return []
      }
      if (method === undefined) return []
      if (chap?.target !== undefined && (method === 'None' || method === 'Reject')) throw this.#takesNoChap()
      if (method !== 'CHAP' || chap === undefined)
        throw new NbError(
          'scsi-access-denied',
          `the target wants another proof than ${chap === undefined ? 'none' : 'CHAP'}`,
          { details: { reason: 'method' } },
        )
      this.#security = 'asked'
      return [['CHAP_A', chapMd5]]
    }
    if (this.#security === 'asked' && chap !== undefined) return this.#answer(keys, chap)
    if (this.#security === 'answered' && chap?.target !== undefined && this.#ourChallenge !== undefined) {
      const [name, response] = [keys.get('CHAP_N'), keys.get('CHAP_R')]
      if (name === undefined || response === undefined)
        throw new NbError('scsi-access-denied', 'the target does not prove who it is', {
          details: { reason: 'target-unproven' },
        })
      checkTarget({ name, response: parseResponse(response) }, this.#ourChallenge, chap.target, chap)
      this.#security = 'passed'
    }
    return []
  }

  #answer(keys: ReadonlyMap<string, string>, chap: NonNullable<LoginIdentity['chap']>): TextPair[] {
    const [algorithm, id, challenge] = [keys.get('CHAP_A'), keys.get('CHAP_I'), keys.get('CHAP_C')]
    if (algorithm !== chapMd5 || id === undefined || challenge === undefined)
      throw malformed('no CHAP challenge by MD5', {})
    const asked = parseChallenge(id, challenge)
    const answer: TextPair[] = [
      ['CHAP_N', chap.name],
      ['CHAP_R', printBinary(chapResponse(chap.secret, asked))],
    ]
    if (chap.target === undefined) {
      this.#security = 'passed'
      return answer
    }
    this.#security = 'answered'
    this.#ourChallenge = { id: this.#randomBytes(1).readUInt8(0), challenge: this.#randomBytes(16) }
    const { id: ourId, challenge: ours } = this.#ourChallenge
    return [...answer, ['CHAP_I', `${ourId}`], ['CHAP_C', printBinary(ours)]]
  }

  #operate(response: LoginResponse, pairs: readonly TextPair[]): LoginStep {
    const answers = this.#parameters.receive(pairs)
    if (response.nextStage === undefined) return { kind: 'send', message: this.#message(answers, true) }
    if (response.nextStage !== loginStages.fullFeature) throw malformed('a login stage that is none', {})
    if (answers.length > 0) throw malformed('a question with the end of the login', {})
    return this.#done(response)
  }

  #done(response: LoginResponse): LoginStep {
    if (!this.#offered) throw malformed('the end of a login without its operational stage', {})
    if (response.targetSession === 0) throw malformed('a session without a handle', {})
    return { kind: 'done', parameters: this.#parameters.agreed, targetSession: response.targetSession }
  }

  #elsewhereOrThrow({ statusClass, statusDetail }: LoginResponse, text: Buffer): LoginStep {
    const redirection = 1
    if (statusClass !== redirection) {
      const mutual = this.#identity.chap?.target !== undefined
      // Before any proof was given it is no secret that is wrong.
      if (mutual && this.#security === 'begun' && isAuthenticationFailure(statusClass, statusDetail))
        throw this.#takesNoChap()
      throw loginRefusal(statusClass, statusDetail)
    }
    const address = new Map(decodeText(text)).get('TargetAddress')
    if (address === undefined) throw malformed('us elsewhere without an address', {})
    return { kind: 'elsewhere', address }
  }

  /** The target does not take part in CHAP, of which we insist on its own proof. */
  #takesNoChap(): NbError {
    const discovery = this.#identity.targetName === undefined
    return new NbError(
      'scsi-access-denied',
      discovery
        ? 'the portal tells its targets without CHAP alone, so it does not prove who it is, as mutual CHAP insists on'
        : 'the target takes no CHAP, so it does not prove who it is, as mutual CHAP insists on',
      { details: { sent: false, reason: 'target-unproven', discovery } },
    )
  }

  #message(pairs: readonly TextPair[], transits: boolean): LoginMessage {
    const nextStage = this.#stage === loginStages.security ? loginStages.operational : loginStages.fullFeature
    return { stage: this.#stage, ...(transits ? { nextStage } : {}), text: encodeText(pairs) }
  }
}
