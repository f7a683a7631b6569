import { type Files, NbError, systemFiles } from '@nb/contracts'

/** The host's files, to look at only: what would tidy up leaves everything as it is, what would write is refused. */
export function readOnlyFiles(): Files {
  const files = systemFiles()
  const leave = async (): Promise<void> => undefined
  const refuse = (path: string): Promise<never> =>
    Promise.reject(new NbError('not-supported', `${path} is only looked at`))
  return {
    ...files,
    open: (path, mode) => (mode === 'read' ? files.open(path, mode) : refuse(path)),
    rename: (from) => refuse(from),
    link: (_from, to) => refuse(to),
    remove: leave,
    removeDirectory: leave,
    makeDirectory: leave,
  }
}
