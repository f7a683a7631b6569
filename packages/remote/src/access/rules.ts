import type { Role } from '@nb/contracts'
import type { Claim } from './claims.ts'

/** On what a role may make a call: on anything, or where all of the claims hold. */
export type Scope<Input> = 'any' | ((input: Input) => readonly Claim[])

/**
 * What a call does: `reads` changes nothing that anyone sees; `changes` is somebody's decision, and is in the audit log; `reports` is
 * what hosts tell one another in the course of a job.
 */
export type Effect = 'reads' | 'changes' | 'reports'

/** Who may make a call, and on what. */
export interface AccessRule<Input> {
  /** What it does, where that is so whatever the argument says; or by it. */
  readonly effect: Effect | ((input: Input) => Effect)
  /** Roles that are not named may not. `anyone` needs no certificate. */
  readonly may: { readonly [Who in Role | 'anyone']?: Scope<Input> }
  /** What it is about, for the audit log: a name or an id, never a secret. */
  readonly subject?: (input: Input) => string | undefined
  /** The same by what the call has answered, where its argument does not tell. */
  readonly subjectOfResult?: (result: unknown) => string | undefined
}

type May<Input> = AccessRule<NoInfer<Input>>['may']
type Subject<Input> = AccessRule<NoInfer<Input>>['subject']

/** What everybody who has a role of persons may look at. */
export function reads<Input>(more: May<Input> = {}, subject?: Subject<Input>): AccessRule<Input> {
  return rule('reads', { viewer: 'any', operator: 'any', administrator: 'any', ...more }, subject)
}

/** The daily work of operators. */
export function operates<Input>(subject: Subject<Input>, more: May<Input> = {}): AccessRule<Input> {
  return rule('changes', { operator: 'any', administrator: 'any', ...more }, subject)
}

/** What is configured, or gone when it is done. */
export function administers<Input>(subject: Subject<Input>, more: May<Input> = {}): AccessRule<Input> {
  return rule('changes', { administrator: 'any', ...more }, subject)
}

/** What the parts of the system do among themselves, and nobody else without need. */
export function internal<Input>(subject: Subject<Input>, more: May<Input> = {}): AccessRule<Input> {
  // A person who does it has decided something: what is a report of a host is audited for them, see `isAudited`.
  return rule('reports', { administrator: 'any', ...more }, subject)
}

function rule<Input>(effect: Effect, may: May<Input>, subject: Subject<Input>): AccessRule<Input> {
  return { effect, may, ...(subject === undefined ? {} : { subject }) }
}

/** The caller is this host. */
export const self = (name: string | undefined): Claim => ({ kind: 'self', name: name ?? '' })
/** Something of the argument itself. */
export const stated = (holds: boolean): Claim => ({ kind: 'stated', holds })
/** A job of the caller as a client. */
export const ownJob = ({ jobId }: { readonly jobId: string }): readonly Claim[] => [
  { kind: 'own-job', jobId },
]
/** A job that the caller was given as a media server. */
export const givenJob = ({ jobId }: { readonly jobId: string }): readonly Claim[] => [
  { kind: 'given-job', jobId },
]
/** One that goes on. */
export const activeJob = ({ jobId }: { readonly jobId: string }): readonly Claim[] => [
  { kind: 'active-job', jobId },
]
/** An image of a job that the caller was given. */
export const givenImage = ({ backupId }: { readonly backupId: string }): readonly Claim[] => [
  { kind: 'given-image', backupId },
]
