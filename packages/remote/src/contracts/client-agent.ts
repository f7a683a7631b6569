import type { ClientAgent } from '@nb/contracts'
import { closed, nothing, text } from '../schemas/schema.ts'
import { backupRunSpec, restoreRunSpec, runProgress, runResult } from '../schemas/session.ts'
import { call, type InputOf, type PortContract, stream } from './port-contract.ts'

const byRun = closed<{ readonly runId: string }>({ runId: text })

export const clientAgentContract: PortContract<ClientAgent> = {
  startBackup: call(backupRunSpec, byRun),
  startRestore: call(restoreRunSpec, byRun),
  waitRun: call(byRun, runResult),
  progress: stream(byRun, runProgress),
  abortRun: call(closed<InputOf<ClientAgent, 'abortRun'>>({ runId: text, reason: text }), nothing),
}
