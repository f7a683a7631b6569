/**
 * What the programs of a master server, a media server and a client share: their options, their signals, and how they serve.
 *
 * @packageDocumentation
 */
export type { Command } from 'commander'
export { type HostOptions, parseHostOptions, type HostProgram, seconds } from './host-options.ts'
export { listening } from './listening.ts'
export { remedyOfOwner } from './remedy-of-owner.ts'
export { runHost, type RunningHost, runOnce } from './run-host.ts'
export { tellOfMaster } from './tell-of-master.ts'
export { whole } from './whole-number.ts'
