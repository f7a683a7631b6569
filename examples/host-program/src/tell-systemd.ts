import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Where this process is run from. */
type Environment = Readonly<Record<string, string | undefined>>

/**
 * Tells systemd how a service of `Type=notify` is (sd_notify(3)), by its own program: Node has no sockets of that kind. Does nothing where no systemd
 * waits for it; that it can't be told is warned of, since systemd ends the service then.
 *
 * @param state - assignments such as `READY=1`
 */
export async function tellSystemd(state: readonly string[], env: Environment = process.env): Promise<void> {
  if (env['NOTIFY_SOCKET'] === undefined) return
  await promisify(execFile)('systemd-notify', [...state], { env }).catch((error: unknown) =>
    console.error(`warning: systemd was not told ${state.join(', ')}: ${String(error)}`),
  )
}
