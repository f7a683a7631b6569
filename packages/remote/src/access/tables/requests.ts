import type { RestoreRequest, RestoreService, Scheduler } from '@nb/contracts'
import type { Claim } from '../claims.ts'
import type { PortRules } from '../port-rules.ts'
import { administers, operates, reads, self, stated } from '../rules.ts'
import { readableTree } from './catalog.ts'

const named = ({ name }: { readonly name: string }): string => name

export const schedulerRules: PortRules<Scheduler> = {
  putPolicy: administers(({ policy }) => policy.name),
  getPolicy: reads(),
  removePolicy: administers(named),
  policyRemoval: reads(),
  policies: reads(),
  runNow: operates(({ policy, client }) => (client === undefined ? policy : `${policy} ${client}`)),
  runForUser: operates(({ client }) => client),
  putRetentionLevel: administers(({ level }) => `level ${level}`),
  retentionLevels: reads(),
  preview: reads(),
  tasks: reads(),
}

/** A host brings back to itself what it may read. */
const toSelf = ({ from, destinationClient }: RestoreRequest): readonly Claim[] => [
  ...readableTree(from),
  self(destinationClient ?? from.client),
]
/** An operator brings back whatever it is, but to nobody who has not had it: that would be to read it. */
const toOwner = ({ from, destinationClient }: RestoreRequest): readonly Claim[] => [
  stated(destinationClient === undefined || destinationClient === from.client),
]

export const restoreRules: PortRules<RestoreService> = {
  submit: administers(
    ({ from, destinationClient }) =>
      destinationClient === undefined ? from.client : `${from.client} to ${destinationClient}`,
    { operator: toOwner, client: toSelf },
  ),
  backup: operates(({ client }) => client, { client: ({ client }) => [self(client)] }),
  preview: reads({ client: toSelf }),
}
