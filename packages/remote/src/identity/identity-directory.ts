import type { Enrolment, HostDirectory, HostDirectoryEvents, Lifecycle, Observable } from '@nb/contracts'
import {
  DirectoryState,
  type IdentityDirectoryComponents,
  type IdentityDirectoryOptions,
} from './directory-state.ts'
import { enrolment } from './enrolment.ts'
import { hostDirectory } from './host-directory.ts'

/** The hosts and persons of a site: what the master serves of them, as two ports over one store. */
export interface IdentityDirectory
  extends Required<Pick<Lifecycle, 'start'>>, Observable<HostDirectoryEvents> {
  readonly hosts: HostDirectory
  readonly enrolment: Enrolment
}

/**
 * The directory of a site's hosts and persons, with the authority that certifies them. `start` refuses a store of a newer form
 * (`version-unsupported`); it has to be called before the ports are used.
 */
export function createIdentityDirectory(
  components: IdentityDirectoryComponents,
  options: IdentityDirectoryOptions = {},
): IdentityDirectory {
  const state = new DirectoryState(components, options)
  const { on, once, off } = state.events
  return {
    hosts: hostDirectory(state),
    enrolment: enrolment(state),
    start: () => state.store.enter(),
    on,
    once,
    off,
  }
}
