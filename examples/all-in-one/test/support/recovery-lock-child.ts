// A recovery that is there to be killed: it has taken its lock, and does nothing more.

import { lockRecovery } from '../../../host-program/src/catalog-backup/recovery-lock.ts'

const [work, state] = process.argv.slice(2) as [string, string]

await lockRecovery(work, state)
process.stdout.write('LOCKED\n')
setInterval(() => {}, 2 ** 30)
