/**
 * Requests of users: restore plans, the images they need, and the restore flow.
 *
 * `createRestoreService` asks for a catalog, a job manager, media servers and data channels, all by their ports, and
 * runs the seventeen steps of a restore; with a scheduler it takes users' own backups and archives too. Its planning half works alone, for tools that only want to know:
 *
 * ```ts
 * import { toPath } from '@nb/contracts'
 * import { checkRequest, pathMapping } from '@nb/restore'
 *
 * const target = {
 *   kind: 'directory',
 *   directory: toPath('/restored'),
 *   strip: toPath('/home/ann'),
 *   rename: [{ from: toPath('/notes'), to: toPath('/notes-of-monday') }],
 * } as const
 * checkRequest({ requestId: 'r1', from: { client: 'web1' }, paths: [toPath('/home/ann')], target })
 *
 * const lands = pathMapping(target)
 * console.log(lands(Buffer.from('/home/ann/notes/a.txt')).toString()) // /notes-of-monday/a.txt
 * ```
 *
 * @packageDocumentation
 */
export {
  createRestoreService,
  type RestoreServiceComponents,
  type RestoreServiceOptions,
} from './restore-service.ts'
export { createNeededImageFiles, type NeededImagePlan, type NeededImagePlans } from './needed-image.ts'
export { checkRequest } from './check-request.ts'
export { pathMapping, type PathMapping } from './path-mapping.ts'
export { planRestore, type PlanningComponents, type RestorePlan } from './plan.ts'
export type { PlannedSource, RestoreGroup } from './restore-group.ts'
