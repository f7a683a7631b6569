import type { RestoreService } from '@nb/contracts'
import { restorePreview, restoreRequest } from '../schemas/restore.ts'
import { userRunRequest } from '../schemas/scheduling.ts'
import { closed, text } from '../schemas/schema.ts'
import { call, type OutputOf, type PortContract } from './port-contract.ts'

export const restoreServiceContract: PortContract<RestoreService> = {
  submit: call(restoreRequest, closed<OutputOf<RestoreService, 'submit'>>({ jobId: text })),
  backup: call(userRunRequest, closed<OutputOf<RestoreService, 'backup'>>({ jobId: text })),
  preview: call(restoreRequest, restorePreview),
}
