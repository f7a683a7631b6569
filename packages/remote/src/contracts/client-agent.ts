import type { ClientAgent } from '@nb/contracts'
import { closed, count, empty, list, nothing, text } from '../schemas/schema.ts'
import {
  backupRunSpec,
  localFileSystem,
  readerCheckpoint,
  removalRunSpec,
  restoreRunSpec,
  runProgress,
  runResult,
} from '../schemas/session.ts'
import { call, type InputOf, type PortContract, stream } from './port-contract.ts'

const byRun = closed<{ readonly runId: string }>({ runId: text })

export const clientAgentContract: PortContract<ClientAgent> = {
  fileSystems: call(empty, list(localFileSystem)),
  startBackup: call(backupRunSpec, byRun),
  startRestore: call(restoreRunSpec, byRun),
  startRemoval: call(removalRunSpec, byRun),
  checkpoints: stream(byRun, readerCheckpoint),
  goOn: call(closed<InputOf<ClientAgent, 'goOn'>>({ runId: text, entries: count }), nothing),
  waitRun: call(byRun, runResult),
  progress: stream(byRun, runProgress),
  abortRun: call(closed<InputOf<ClientAgent, 'abortRun'>>({ runId: text, reason: text }), nothing),
}
