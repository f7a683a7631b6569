import { join } from 'node:path'
import { systemClock, systemFiles } from '@nb/contracts'
import { type AllInOne, composeAllInOne } from '@nb/example-all-in-one/compose'
import type { OpenTapeLibrary } from '@nb/media-tape'
import { Level } from 'level'

/** Largest fragment of the server's storage unit, bytes. */
export const maxFragmentBytes: number = 512 * 1024 ** 3

/**
 * Runs a server of its own on a state folder for as long as the work takes, with a tape library where one is given. A job that fails is not
 * tried again.
 */
export async function withServer<Result>(
  state: string,
  work: (server: AllInOne) => Promise<Result>,
  tape?: OpenTapeLibrary,
): Promise<Result> {
  const database = new Level<string, string>(join(state, 'database'))
  await database.open()
  const server = composeAllInOne({
    database,
    files: systemFiles(),
    clock: systemClock(),
    imageDirectory: join(state, 'images'),
    diskDirectory: join(state, 'disk1'),
    stateDirectory: state,
    maxFragmentBytes,
    settings: { tries: 1 },
    readerReady: true,
    ...(tape === undefined ? {} : { tape }),
  })
  await server.start()
  try {
    return await work(server)
  } finally {
    await server.stop()
    await database.close()
  }
}
